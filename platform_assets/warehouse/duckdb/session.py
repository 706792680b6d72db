"""A session on an open DuckDB connection: what DuckDB says otherwise than other engines, but for its file.

How files become a relation is in ``staging``.
"""

from __future__ import annotations

import contextlib
import ctypes
import datetime as dt
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from platform_assets.sql.dialects import Dialect
from platform_assets.sql.literals import literal
from platform_assets.warehouse.connected import Connected
from platform_assets.warehouse.content import Forms, digest_of
from platform_assets.warehouse.duckdb import staging as duckdb_staging
from platform_assets.warehouse.duckdb import tables
from platform_assets.warehouse.duckdb.errors import translated
from platform_assets.warehouse.duckdb.interrupts import interrupts_raised
from platform_assets.warehouse.errors import StatementFailed, WarehouseExhausted
from platform_assets.warehouse.protocol import Capabilities, ColumnDef, StagedFile, TableName
from platform_assets.warehouse.schema import plan_change
from platform_assets.warehouse.type_names import is_name_of_type

BOUND, BOUND_PER_COLUMN = 512 << 20, 24 << 20
"""Memory of a session where the warehouse has no limit of its own: this much, or for a load from Parquet as much as its
columns may need. Without a bound DuckDB keeps what it has written in memory, however many rows there are, and a session
that only looked rewrites what was loaded before when it is closed."""
_UNITS = {"bytes": 0, "KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40}
_roomy: set[Path] = set()
"""Files of this process for which the bound was too small once."""
_FORMS = Forms(
    texts={
        "DOUBLE": "CAST(CAST(CAST(CAST({x} AS DOUBLE) + 0.0 AS BIT) AS BIGINT) AS VARCHAR)",
        "BOOLEAN": "CASE WHEN {x} THEN 'true' WHEN NOT {x} THEN 'false' END",
        "TIMESTAMP": "CAST(epoch_us(CAST({x} AS TIMESTAMP)) AS VARCHAR)",
        "TIMESTAMP WITH TIME ZONE": "CAST(epoch_us({x}) AS VARCHAR)",
    },
    number="CAST('0x' || {x} AS BIGINT)",
)


class DuckDBSession(Connected[duckdb.DuckDBPyConnection]):
    """A session on an open DuckDB connection; made by :class:`DuckDBWarehouse` only."""

    dialect = Dialect.DUCKDB
    after_fork = "where its writes would be lost"
    capabilities = Capabilities(concurrent_writers=False, copies_staged=False)

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path, *, bounded: bool = False) -> None:
        super().__init__(connection)
        self._may_bound, self._most = bounded and path not in _roomy, 0
        self._path = path
        self._staged = 0
        self._files: dict[str, Sequence[StagedFile]] = {}
        self._types: dict[str, str] = {}

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        connection = self._usable()
        try:
            with interrupts_raised(connection):
                return self._executed(connection, sql, parameters)
        except duckdb.OutOfMemoryException as error:
            reported = translated(error, self._path)
            if not self._may_bound or not isinstance(reported, WarehouseExhausted):
                raise reported from error
            _roomy.add(self._path)
            if self._in_transaction:
                # it is lost with the statement: whoever began it has to begin anew
                reported.again = True
                raise reported from error
        except duckdb.Error as error:
            raise translated(error, self._path) from error
        self._unbind_memory()
        return self.execute(sql, parameters)

    def _executed(
        self, connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object]
    ) -> list[tuple[Any, ...]]:
        if parameters:
            # not bound by DuckDB's Python module: the first value it is given, of any type, makes it import pandas
            # where that is installed (1.2 s of CPU in every process)
            connection.execute(f"PREPARE _bound AS {sql}")
            sql = f"EXECUTE _bound({', '.join(map(literal, parameters))})"
        cursor = connection.execute(sql)
        return cursor.fetchall() if cursor.description is not None else []

    def _unbind_memory(self) -> None:
        """Give the session what DuckDB takes by itself."""
        self._may_bound = False
        if self._most:
            self.execute(f"SET memory_limit = '{self._most} bytes'")

    def bound_memory(self, columns: int = 0) -> None:
        """Keep within the bound, or that of a load of so many columns; never above DuckDB's own limit."""
        if not self._may_bound:
            return
        if not self._most:
            number, unit = str(self.execute("SELECT current_setting('memory_limit')")[0][0]).split()
            self._most = int(float(number) * (1 << _UNITS[unit]))
        bound = max(BOUND, columns * BOUND_PER_COLUMN)
        self.execute(f"SET memory_limit = '{min(bound, self._most)} bytes'")

    def transaction(self) -> contextlib.AbstractContextManager[None]:
        return self._block("BEGIN TRANSACTION")

    def _roll_back(self) -> None:
        # after a failed COMMIT, or in a database that a full disk has invalidated, there is nothing left to roll
        # back and DuckDB says so; the first error is the one to report
        with contextlib.suppress(duckdb.Error):
            if self._connection is not None and self._pid == os.getpid():
                with interrupts_raised(self._connection):
                    self._connection.execute("ROLLBACK")

    def snapshot(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def take_turn(self, name: str) -> None:
        """Nothing to wait for: the session itself is the turn."""

    def lock_table(self, table: TableName) -> None:
        """Nothing to do: no other session writes meanwhile."""

    def kept(self, query: str) -> str:
        return query

    def now(self) -> dt.datetime:
        return self.execute("SELECT CAST(now() AS TIMESTAMP)")[0][0]

    def describe(self, table: TableName) -> tuple[ColumnDef, ...] | None:
        rows = self.execute(
            # without its first condition DuckDB lists its own views as well, which takes seven times as long
            "SELECT column_name, data_type, coalesce(comment, '') FROM duckdb_columns() WHERE NOT internal AND "
            "database_name = current_database() AND lower(schema_name) = lower(?) AND lower(table_name) = lower(?) "
            "ORDER BY column_index",
            [table.schema, table.name],
        )
        return tuple(ColumnDef(*row) for row in rows) or None

    def columns(self, table: TableName) -> tuple[ColumnDef, ...] | None:
        try:
            rows = self.execute(f"DESCRIBE {self.quote(table.schema, table.name)}")
        except StatementFailed:
            # none in most cases; a view of something that is gone has columns all the same
            return self.describe(table)
        return tuple(ColumnDef(row[0], row[1]) for row in rows)

    def ensure_table(self, table: TableName, columns: Sequence[ColumnDef]) -> None:
        target = self.quote(table.schema, table.name)
        wanted = [ColumnDef(c.name, self._canonical(c.type), c.description) for c in columns]
        existing = self.describe(table)
        if existing is None:
            # one commit, and so one wait for the disk, for the table and all of its comments
            with contextlib.nullcontext() if self._in_transaction else self.transaction():
                tables.create(self, table, wanted)
            return
        change = plan_change(table, existing, wanted)
        for column in change.added:
            self.execute(f"ALTER TABLE {target} ADD COLUMN {self.quote(column.name)} {column.type}")
        for column in change.widened:
            self.execute(f"ALTER TABLE {target} ALTER COLUMN {self.quote(column.name)} TYPE {column.type}")
        tables.comment(self, table, wanted, existing)

    def ensure_unique(self, table: TableName, columns: Sequence[str]) -> None:
        index, keys = self.quote(f"{table.name}_{'_'.join(columns)}"), ", ".join(map(self.quote, columns))
        self.execute(f"CREATE UNIQUE INDEX IF NOT EXISTS {index} ON {self.quote(table.schema, table.name)} ({keys})")

    def ensure_index(self, table: TableName, columns: Sequence[str], *, loaded_together: bool = False) -> None:
        """Nothing to do: whole columns are read as quickly."""

    def replace_table(self, table: TableName, by: TableName) -> None:
        tables.replace(self, table, by)

    def _canonical(self, type_name: str) -> str:
        if not is_name_of_type(type_name):
            raise StatementFailed(f"{type_name!r} is not the name of a type")
        if type_name not in self._types:
            self._types[type_name] = self.execute(f"SELECT typeof(CAST(NULL AS {type_name}))")[0][0]
        return self._types[type_name]

    def stage_rows(self, columns: Sequence[ColumnDef], rows: Iterable[Sequence[object]]) -> str:
        return duckdb_staging.rows_as_relation(columns, rows)

    def stage_query(self, query: str) -> str:
        return f"({query})"

    def stage_parquet(self, files: Sequence[StagedFile], columns: Sequence[ColumnDef]) -> str:
        self.bound_memory(len(columns))
        relation = self._relation()
        typed = [ColumnDef(c.name, self._canonical(c.type)) for c in columns]
        duckdb_staging.create_from_parquet(self, relation, files, typed)
        self._files[relation] = files
        return relation

    def staged_rows(self, relation: str) -> dict[str, int]:
        return duckdb_staging.rows_by_partition(self, self._files[relation])

    def fingerprint(self, columns: Sequence[str]) -> str:
        # a sum alone keeps copies apart but is linear; the xor of a second mixing and the count close that. 3 CPU-s
        # for 20 million rows of 10 columns, where md5 of the row as text takes 25
        row = f"hash({', '.join(self.quote(column) for column in columns)})"
        return f"md5(concat_ws(':', count(*), sum({row}), bit_xor(hash({row}))))"

    def content(self, columns: Sequence[ColumnDef]) -> str:
        return digest_of(columns, [self.quote(column.name) for column in columns], _FORMS)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._pid == os.getpid():
            connection.close()
        else:
            # a child forked inside the block must not close, nor let the garbage collector close: DuckDB would write
            # a checkpoint into a file that still belongs to the parent
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))

    def _relation(self) -> str:
        self._staged += 1
        return self.quote("temp", "main", f"staged_{self._staged}")
