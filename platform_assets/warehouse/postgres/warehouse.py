"""PostgreSQL behind the warehouse protocol: a database on a server, many sessions at once.

A session is a connection. What is written in this folder is only what other engines say otherwise.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from platform_assets.environment import WAREHOUSE_VARIABLE, whole_location
from platform_assets.warehouse.errors import WarehouseBusy
from platform_assets.warehouse.nesting import only_session
from platform_assets.warehouse.postgres.connecting import connect
from platform_assets.warehouse.postgres.errors import blames_statement
from platform_assets.warehouse.postgres.locating import Located, located
from platform_assets.warehouse.postgres.session import PostgresSession
from platform_assets.warehouse.postgres.statements import Statements


def open_postgres(location: str, *, wait_seconds: float, memory_limit: str | None) -> PostgresWarehouse:
    """The warehouse of a URL of libpq; no connection is opened.

    The password of a location without one is that of the same location in PLATFORM_WAREHOUSE, if there is one; libpq
    looks into PGPASSWORD and ~/.pgpass for others.
    """
    return PostgresWarehouse(located(whole_location(location)), wait_seconds, memory_limit)


@dataclass(frozen=True)
class PostgresWarehouse:
    """A warehouse in one database.

    ``wait_seconds`` bounds the wait for a free connection, and that for each lock. ``memory_limit`` is that of the
    DuckDB that reads the lake's Parquet files; None is a bound that fits the work.
    """

    at: Located = field(repr=False)
    wait_seconds: float = 600.0
    memory_limit: str | None = None

    @contextlib.contextmanager
    def session(
        self, *, read_only: bool = False, purpose: str = "", wait_seconds: float | None = None
    ) -> Iterator[PostgresSession]:
        limit = self.wait_seconds if wait_seconds is None else wait_seconds
        with only_session(self.at.shown):
            connection = connect(self.at, read_only=read_only, purpose=purpose, wait_seconds=limit)
            session = PostgresSession(
                *(connection, self.at.shown),
                wait_seconds=limit,
                memory_limit=self.memory_limit,
                beside=lambda: self._beside(purpose, limit),
            )
            try:
                yield session
            finally:
                session.close()

    @contextlib.contextmanager
    def _beside(self, purpose: str, wait_seconds: float) -> Iterator[Statements | None]:
        """A second connection for a session, unless the server has none free."""
        try:
            connection = connect(self.at, read_only=False, purpose=purpose, wait_seconds=wait_seconds, at_once=True)
        except WarehouseBusy:
            yield None
            return
        with contextlib.closing(connection):
            yield Statements(connection, self.at.shown, wait_seconds=wait_seconds)

    @contextlib.contextmanager
    def reserve(self, *, purpose: str = "") -> Iterator[None]:
        with only_session(self.at.shown):
            connect(self.at, read_only=False, purpose=purpose, wait_seconds=self.wait_seconds).close()
            yield

    def tool_variables(self) -> dict[str, str]:
        return {WAREHOUSE_VARIABLE: self.at.shown, **self.at.variables()}

    def blames_statement(self, text: str) -> bool | None:
        return blames_statement(text)
