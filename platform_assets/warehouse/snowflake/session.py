"""A session on a connection to Snowflake."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import datetime as dt
import json
import os
from collections.abc import Callable, Iterable, Sequence

from snowflake.connector import SnowflakeConnection, errors

from platform_assets.warehouse.content import Forms, digest_of
from platform_assets.warehouse.errors import StatementFailed
from platform_assets.warehouse.protocol import Capabilities, ColumnDef, StagedFile, TableName
from platform_assets.warehouse.snowflake import tables
from platform_assets.warehouse.snowflake.doubles import BITS
from platform_assets.warehouse.snowflake.staging import Staging
from platform_assets.warehouse.snowflake.statements import Statements
from platform_assets.warehouse.snowflake.types import type_of

_FORMS = Forms(
    texts={
        "DOUBLE": BITS,
        "BOOLEAN": "CASE WHEN {x} THEN 'true' WHEN NOT {x} THEN 'false' END",
        "TIMESTAMP": "CAST(DATE_PART(EPOCH_MICROSECOND, {x}) AS VARCHAR)",
        "TIMESTAMP WITH TIME ZONE": "CAST(DATE_PART(EPOCH_MICROSECOND, {x}) AS VARCHAR)",
    },
    number="CAST(TO_NUMBER({x}, 'XXXXXXXXXXXXXXX') AS NUMBER(38,0))",
)


class SnowflakeSession(Statements):
    """Made by :class:`SnowflakeWarehouse` only."""

    capabilities = Capabilities(
        concurrent_writers=True,
        copies_staged=True,
        transactional_ddl=False,
        unique_columns=False,
        row_locks=False,
        snapshots=False,
    )

    def __init__(
        self,
        connection: SnowflakeConnection,
        where: str,
        *,
        wait_seconds: float,
        read_only: bool,
        beside: Callable[[], contextlib.AbstractContextManager[Statements]],
        memory_limit: str | None,
    ) -> None:
        super().__init__(connection, where, wait_seconds=wait_seconds, read_only=read_only, beside=beside)
        self._staging = Staging(self, memory_limit)

    def snapshot(self) -> contextlib.AbstractContextManager[None]:
        """Nothing: a statement sees what was committed before it, in a transaction too."""
        return contextlib.nullcontext()

    def lock_table(self, table: TableName) -> None:
        """Keep others from changing its rows, by changing all of them. They may be read, and others be added."""
        columns = self.columns(table) or ()
        self.lock_rows(self.quote(table.schema, table.name), self.quote(columns[0].name))

    def kept(self, query: str) -> str:
        """``query``: no statement passes over rows that others are changing. Whoever changes them waits."""
        return query

    def now(self) -> dt.datetime:
        return self.execute("SELECT SYSDATE()")[0][0]

    def describe(self, table: TableName) -> tuple[ColumnDef, ...] | None:
        return tables.described(self, table)

    def columns(self, table: TableName) -> tuple[ColumnDef, ...] | None:
        return tables.columns_of(self, table)

    def ensure_table(self, table: TableName, columns: Sequence[ColumnDef]) -> None:
        tables.ensure_table(self, table, columns)

    def ensure_unique(self, table: TableName, columns: Sequence[str]) -> None:
        """Only looked at: Snowflake enforces no such rule. Who needs one takes a turn, and looks."""
        keys = ", ".join(map(self.quote, columns))
        copies = f"SELECT {keys} FROM {self.quote(table.schema, table.name)} GROUP BY {keys} HAVING COUNT(*) > 1"
        if self.execute(f"SELECT COUNT(*) FROM ({copies}) AS c")[0][0]:
            raise StatementFailed(f"{table} has rows with the same {', '.join(columns)}")

    def ensure_index(self, table: TableName, columns: Sequence[str], *, loaded_together: bool = False) -> None:
        """Nothing to do: rows that are loaded together lie together."""

    def replace_table(self, table: TableName, by: TableName) -> None:
        with self._beside() as session:
            tables.replace_table(session, table, by)

    def stage_rows(self, columns: Sequence[ColumnDef], rows: Iterable[Sequence[object]]) -> str:
        values = [[value.isoformat(" ") if isinstance(value, dt.datetime) else value for value in row] for row in rows]
        selected = ", ".join(
            f'CAST(CAST(f."VALUE"[{place}] AS VARCHAR) AS {type_of(column.type)}) AS {self.quote(column.name)}'
            for place, column in enumerate(columns)
        )
        return f"(SELECT {selected} FROM TABLE(FLATTEN(INPUT => PARSE_JSON({self.text(json.dumps(values))}))) AS f)"

    def stage_query(self, query: str) -> str:
        return self._staging.from_query(query)

    def stage_parquet(self, files: Sequence[StagedFile], columns: Sequence[ColumnDef]) -> str:
        return self._staging.from_parquet(files, columns)

    def fingerprint(self, columns: Sequence[str]) -> str:
        # a sum alone keeps copies apart but is linear; the xor of hashes with another value and the count close that
        row = ", ".join(self.quote(column) for column in columns)
        total, mixed = f"SUM(CAST(HASH({row}) AS NUMBER(37,0)))", f"BITXOR_AGG(HASH({row}, 1))"
        parts = ("CAST(COUNT(*) AS VARCHAR)", *(f"COALESCE(CAST({part} AS VARCHAR), '')" for part in (total, mixed)))
        return f"MD5({' || '.join(parts)})"

    def content(self, columns: Sequence[ColumnDef]) -> str:
        return digest_of(columns, [self.quote(column.name) for column in columns], _FORMS)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._pid != os.getpid():
            # a child forked inside the block must not close, nor let the garbage collector close: it would end the
            # session of the parent on the server
            atexit.unregister(connection._close_at_exit)
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
            return
        self._connection = connection
        try:
            self._staging.drop()
        finally:
            self._connection = None
            self._runner.close()
            with contextlib.suppress(errors.Error):
                connection.close(retry=False)
