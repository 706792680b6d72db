"""A session on a PostgreSQL connection."""

from __future__ import annotations

import ctypes
import datetime as dt
import json
import os
from collections.abc import Iterable, Sequence

from psycopg2.extensions import connection as Connection

from platform_assets.warehouse.content import Forms, digest_of
from platform_assets.warehouse.postgres import tables
from platform_assets.warehouse.postgres.staging import Beside, Staging
from platform_assets.warehouse.postgres.statements import Statements
from platform_assets.warehouse.postgres.types import type_of
from platform_assets.warehouse.protocol import Capabilities, ColumnDef, StagedFile, TableName

_FORMS = Forms(
    texts={
        # a double plus zero: -0.0 and 0.0 are equal, and are one
        "DOUBLE": "CAST(CAST(CAST('x' || encode(float8send({x} + 0.0), 'hex') AS bit(64)) AS bigint) AS text)",
        "BOOLEAN": "CASE WHEN {x} THEN 'true' WHEN NOT {x} THEN 'false' END",
        "TIMESTAMP": "CAST(CAST(extract(epoch FROM {x}) * 1000000 AS bigint) AS text)",
        "TIMESTAMP WITH TIME ZONE": "CAST(CAST(extract(epoch FROM {x}) * 1000000 AS bigint) AS text)",
    },
    number="CAST(CAST('x0' || {x} AS bit(64)) AS bigint)",
)


class PostgresSession(Statements):
    """Made by :class:`PostgresWarehouse` only."""

    capabilities = Capabilities(concurrent_writers=True, copies_staged=True, readers_beside_writers=True)

    def __init__(
        self, connection: Connection, where: str, *, wait_seconds: float, memory_limit: str | None, beside: Beside
    ) -> None:
        super().__init__(connection, where, wait_seconds=wait_seconds)
        self._staging = Staging(self, memory_limit, beside)

    def lock_table(self, table: TableName) -> None:
        self.execute(f"LOCK TABLE {self.quote(table.schema, table.name)} IN ACCESS EXCLUSIVE MODE")

    def kept(self, query: str) -> str:
        return f"{query} FOR UPDATE SKIP LOCKED"

    def now(self) -> dt.datetime:
        return self.execute("SELECT clock_timestamp() AT TIME ZONE 'UTC'")[0][0]

    def describe(self, table: TableName) -> tuple[ColumnDef, ...] | None:
        return tables.columns_of(self, table)

    def columns(self, table: TableName) -> tuple[ColumnDef, ...] | None:
        found = tables.columns_of(self, table)
        return None if found is None else tuple(ColumnDef(column.name, column.type) for column in found)

    def ensure_table(self, table: TableName, columns: Sequence[ColumnDef]) -> None:
        tables.ensure_table(self, table, columns)

    def ensure_unique(self, table: TableName, columns: Sequence[str]) -> None:
        tables.ensure_index(self, table, columns, tables.UNIQUE)

    def ensure_index(self, table: TableName, columns: Sequence[str], *, loaded_together: bool = False) -> None:
        tables.ensure_index(self, table, columns, tables.BY_BLOCKS if loaded_together else tables.BY_ROWS)

    def replace_table(self, table: TableName, by: TableName) -> None:
        tables.replace_table(self, table, by)

    def stage_rows(self, columns: Sequence[ColumnDef], rows: Iterable[Sequence[object]]) -> str:
        # in this form a function's rows take an alias, and do without one
        values = [
            {
                column.name: value.isoformat(" ") if isinstance(value, dt.datetime) else value
                for column, value in zip(columns, row, strict=True)
            }
            for row in rows
        ]
        names = ", ".join(f"{self.quote(column.name)} {type_of(column.type)}" for column in columns)
        return f"ROWS FROM (json_to_recordset({self.text(json.dumps(values))}) AS ({names}))"

    def stage_query(self, query: str) -> str:
        return self._staging.from_query(query)

    def stage_parquet(self, files: Sequence[StagedFile], columns: Sequence[ColumnDef]) -> str:
        return self._staging.from_parquet(files, columns)

    def staged_rows(self, relation: str) -> dict[str, int]:
        known = self._staging.rows.get(relation)
        return super().staged_rows(relation) if known is None else known

    def fingerprint(self, columns: Sequence[str]) -> str:
        # a sum alone keeps copies apart but is linear; the xor of hashes with another seed and the count close that
        row = f"CAST(ROW({', '.join(self.quote(column) for column in columns)}) AS text)"
        total, mixed = f"sum(hashtextextended({row}, 0))", f"bit_xor(hashtextextended({row}, 1))"
        return f"md5(concat_ws(':', count(*), {total}, {mixed}))"

    def content(self, columns: Sequence[ColumnDef]) -> str:
        return digest_of(columns, [self.quote(column.name) for column in columns], _FORMS)

    def close(self) -> None:
        connection = self._connection
        if connection is None:
            return
        if self._pid != os.getpid():
            # a child forked inside the block must not close, nor let the garbage collector close: it would end the
            # session of the parent on the server
            self._connection = None
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
            return
        try:
            self._staging.drop()
        finally:
            self._connection = None
            self._runner.close()
            connection.close()
