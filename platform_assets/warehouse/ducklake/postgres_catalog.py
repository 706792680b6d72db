"""A DuckLake's catalog in a database of PostgreSQL, for several machines; its Parquet files are where all reach them.

What a password is needed for is a secret of DuckDB, which stands in no text of a statement that others may see.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import duckdb
import psycopg2
import psycopg2.errors
from psycopg2.extensions import cursor as Cursor
from psycopg2.extensions import make_dsn

from platform_assets.logs import logger
from platform_assets.sql.identifiers import quoted
from platform_assets.sql.literals import literal
from platform_assets.warehouse.duckdb.locking import QUIET_SECONDS
from platform_assets.warehouse.ducklake.catalogs import is_unmade, naming
from platform_assets.warehouse.ducklake.data import DATA, DataPlace, data_place
from platform_assets.warehouse.errors import WarehouseBusy, WarehouseError
from platform_assets.warehouse.postgres.connecting import connect
from platform_assets.warehouse.postgres.errors import translated
from platform_assets.warehouse.postgres.locating import Located, located

log = logger(__name__)

_KEY = 0x6475636B6C616B65
"""The advisory lock of writers, in a database that has one catalog."""
_TURN = f"SELECT pg_advisory_lock({_KEY})"
_HOLDER = (
    "SELECT a.application_name, 'at', coalesce(host(a.client_addr), 'this machine') FROM pg_locks AS l "
    "JOIN pg_stat_activity AS a ON a.pid = l.pid WHERE l.locktype = 'advisory' AND l.granted "
    "AND l.classid = (%s >> 32) AND l.objid = (%s & 4294967295)"
)
_SECRET = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "DATABASE"}
"""libpq's parameters that DuckDB takes from a secret; the others are a part of the source."""


@dataclass(frozen=True)
class PostgresCatalog:
    """A catalog in the database ``at``, with the tables' Parquet files in ``data``."""

    at: Located = field(repr=False)
    data: DataPlace

    @property
    def extensions(self) -> tuple[str, ...]:
        return ("postgres_scanner", *self.data.extensions, "ducklake")

    @property
    def shown(self) -> str:
        return f"the DuckLake of {self.at.shown}"

    @property
    def file(self) -> Path:
        return Path(self.data.location)

    def identity(self) -> object:
        return None

    @contextlib.contextmanager
    def turn(self, *, wait_seconds: float, purpose: str) -> Iterator[None]:
        self.data.prepare()
        # the server frees the lock with the connection, however that ends
        with contextlib.closing(connect(self.at, read_only=True, purpose=purpose, wait_seconds=wait_seconds)) as holder:
            try:
                self._wait(holder.cursor(), wait_seconds)
            except psycopg2.Error as error:
                raise translated(error, self.at.shown) from None
            yield

    def _wait(self, cursor: Cursor, wait_seconds: float) -> None:
        cursor.execute(f"SET lock_timeout = {math.ceil(min(QUIET_SECONDS, max(wait_seconds, 0.01)) * 1000)}")
        try:
            cursor.execute(_TURN)
        except psycopg2.errors.LockNotAvailable:
            user = self._user(cursor)
            if wait_seconds <= QUIET_SECONDS:
                raise self._busy(user, wait_seconds) from None
        else:
            return
        log.info("waiting for the warehouse %s, in use by %s", self.shown, user)
        cursor.execute(f"SET lock_timeout = {math.ceil((wait_seconds - QUIET_SECONDS) * 1000) + 1}")
        try:
            cursor.execute(_TURN)
        except psycopg2.errors.LockNotAvailable:
            raise self._busy(self._user(cursor), wait_seconds) from None

    def _user(self, cursor: Cursor) -> str:
        cursor.execute(_HOLDER, [_KEY, _KEY])
        found = cursor.fetchall()
        return " ".join(map(str, found[0])) if found else "a session that has just ended"

    def _busy(self, user: str, waited: float) -> WarehouseBusy:
        return WarehouseBusy(
            f"{self.shown} was in use by {user} for {waited:g} s, the longest this session waits. Nothing was changed. "
            "Wait for that process or end it, then run again."
        )

    def is_absent(self, error: duckdb.Error) -> bool:
        return is_unmade(error)

    def name(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        self.data.allow(connection)
        given, server = self.at.parameters, f"{name}_server"
        secret = [f"{word} {literal(given[key])}" for key, word in _SECRET.items() if key in given]
        kind = ", ".join(("TYPE postgres", *secret))
        connection.execute(f"CREATE OR REPLACE TEMPORARY SECRET {quoted(server)} ({kind})")
        others = make_dsn(**{key: value for key, value in given.items() if key not in _SECRET})
        connection.execute(naming(name, others, self.data, {"TYPE": "postgres", "SECRET": server}))

    def forget(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        for each in (name, f"{name}_server"):
            connection.execute(f"DROP TEMPORARY SECRET IF EXISTS {quoted(each)}")

    @property
    def options(self) -> str:
        return ""

    def unreadable(self, error: Exception) -> WarehouseError:
        # a connection of our own says what is wrong in the platform's words
        connect(self.at, read_only=True, purpose="", wait_seconds=0).close()
        return WarehouseError(f"{self.shown} cannot be attached: {error}")


def postgres_catalog(location: str) -> PostgresCatalog:
    """The catalog of a location such as `postgresql://user@host/database?data_path=/shared/lake`.

    Raises ``InvalidEnvironment``, whose message repeats no password.
    """
    try:
        parts = urlsplit(location)
        query = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        query, parts = [], urlsplit("")
    form = f"ducklake+postgresql://user@host:5432/database?{DATA}=/absolute/path"
    data = data_place(dict(query).get(DATA, ""), form=form)
    rest = urlencode([(key, value) for key, value in query if key != DATA])
    return PostgresCatalog(located(urlunsplit(parts._replace(query=rest))), data)
