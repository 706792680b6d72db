"""Staging tables: unlogged, in a schema of their own, named after the session that has them.

A session keeps a lock on the server under its name, which the server frees when the session ends, however it ends.
Tables whose name nobody has locked are left by sessions that died; the next one that stages drops them.

COPY is the work of one process of the server. Where there is much to copy, two connections do it at once, each into a
table of its own, so that rows stay in the order of their files; the second table then inherits from the first.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

from platform_assets.cancellation import repeatedly
from platform_assets.logs import in_this_context, logger
from platform_assets.warehouse.errors import SessionMisused, WarehouseError
from platform_assets.warehouse.postgres import tables
from platform_assets.warehouse.postgres.copying import copied
from platform_assets.warehouse.postgres.statements import Statements
from platform_assets.warehouse.postgres.types import type_of
from platform_assets.warehouse.protocol import PARTITION_COLUMN, ColumnDef, StagedFile

log = logger(__name__)

SCHEMA = "platform_staging"
_LOCK = 0x706C6174
"""The first half of the locks' keys; the second is the number in a table's name."""
_NAME = re.compile(r"staged_([0-9]+)_[0-9]+")
MUCH = 16 << 20
"""Bytes of Parquet from which a second connection pays."""

Beside = Callable[[], contextlib.AbstractContextManager[Statements | None]]
"""A second connection to the same server; None when it has none free."""


class Staging:
    """The staging tables of one session."""

    def __init__(self, session: Statements, memory_limit: str | None, beside: Beside) -> None:
        self._session, self._memory_limit, self._beside = session, memory_limit, beside
        self._number: int | None = None
        self._made: list[str] = []
        self.rows: dict[str, dict[str, int]] = {}
        """How many rows each partition has, by relation, where it was counted while it was copied."""

    def from_query(self, query: str) -> str:
        """A relation with the rows of ``query`` as they are now."""
        table = self._next()
        self._session.execute(f"CREATE UNLOGGED TABLE {table} AS {query}")
        return table

    def from_parquet(self, files: Sequence[StagedFile], columns: Sequence[ColumnDef]) -> str:
        """A relation with the rows of Parquet files, and the partition of each."""
        first, second = _halves(files)
        if second:
            with self._beside() as other:
                if other is not None:
                    return self._at_once(other, first, second, columns)
        table = self._next()
        self.rows[table] = self._copied(self._session, table, files, columns)
        return table

    def _at_once(
        self, other: Statements, first: Sequence[StagedFile], second: Sequence[StagedFile], columns: Sequence[ColumnDef]
    ) -> str:
        table, more = self._next(), self._next()
        with ThreadPoolExecutor(1, thread_name_prefix="second copy") as pool:
            beside = pool.submit(in_this_context(lambda: self._copied(other, more, second, columns)))
            try:
                found = self._copied(self._session, table, first, columns)
                for partition, rows in beside.result().items():
                    found[partition] = found.get(partition, 0) + rows
            except BaseException:
                with repeatedly(other.cancel):
                    wait([beside])
                raise
        self._session.execute(f"ALTER TABLE {more} INHERIT {table}")
        self.rows[table] = found
        return table

    def _copied(
        self, session: Statements, table: str, files: Sequence[StagedFile], columns: Sequence[ColumnDef]
    ) -> dict[str, int]:
        staged = [*columns, ColumnDef(*PARTITION_COLUMN)]
        body = ", ".join(f"{session.quote(column.name)} {type_of(column.type)}" for column in staged)
        with session.transaction():
            session.execute(f"CREATE UNLOGGED TABLE {table} ({body})")
            return copied(session, table, files, columns, self._memory_limit, counted=True) if files else {}

    def drop(self) -> None:
        """Drop what this session has staged; what cannot be dropped now is swept by another session."""
        made, self._made = self._made, []
        if made:
            with contextlib.suppress(WarehouseError):
                self._session.execute(f"DROP TABLE IF EXISTS {', '.join(made)}")

    def _next(self) -> str:
        session = self._session
        if session.in_transaction:
            raise SessionMisused("nothing is staged inside a transaction: it would be created there")
        if self._number is None:
            tables.changed(session, lambda: tables.ensure_schema(session, SCHEMA))
            number = secrets.randbelow(2**31)
            session.execute(f"SELECT pg_advisory_lock({_LOCK}, {number})")
            self._number = number
            self._sweep()
        table = session.quote(SCHEMA, f"staged_{self._number}_{len(self._made) + 1}")
        self._made.append(table)
        return table

    def _sweep(self) -> None:
        session = self._session
        rows = session.execute("SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = ?", [SCHEMA])
        by_number: dict[int, list[str]] = {}
        for (name,) in rows:
            named = _NAME.fullmatch(name)
            if named is not None and int(named[1]) != self._number:
                by_number.setdefault(int(named[1]), []).append(session.quote(SCHEMA, name))
        for number, left in by_number.items():
            if not session.execute(f"SELECT pg_try_advisory_lock({_LOCK}, {number})")[0][0]:
                continue
            try:
                session.execute(f"DROP TABLE IF EXISTS {', '.join(left)}")
                log.info("dropped %d staging tables that a dead session left", len(left))
            except WarehouseError as error:
                # of another role, for example: they are in nobody's way
                log.warning("staging tables that a dead session left could not be dropped: %s", error)
            finally:
                session.execute(f"SELECT pg_advisory_unlock({_LOCK}, {number})")


def _halves(files: Sequence[StagedFile]) -> tuple[Sequence[StagedFile], Sequence[StagedFile]]:
    """The files, in order, in two parts of about as many bytes; the second is empty where one connection does."""
    try:
        sizes = [Path(file.path).stat().st_size for file in files]
    except OSError:  # whoever reads them says what is wrong
        return files, ()
    total, before = sum(sizes), 0
    if total >= MUCH:
        for i, size in enumerate(sizes):
            if i and 2 * before + size >= total:
                return files[:i], files[i:]
            before += size
    return files, ()
