"""A session on a catalog of DuckLake: statements are DuckDB's, a transaction is one snapshot."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from platform_assets.warehouse.duckdb.session import DuckDBSession
from platform_assets.warehouse.ducklake.engines import Engine
from platform_assets.warehouse.errors import StatementFailed
from platform_assets.warehouse.protocol import Capabilities, TableName


class DuckLakeSession(DuckDBSession):
    """Made by :class:`DuckLakeWarehouse` only."""

    capabilities = Capabilities(
        concurrent_writers=False, copies_staged=False, readers_beside_writers=True, unique_columns=False
    )

    def __init__(self, engine: Engine, path: Path) -> None:
        super().__init__(engine.enter(), path)
        self._engine = engine

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        # readers take no turn: what they read in one transaction is as of one moment
        with self.transaction():
            yield

    def ensure_unique(self, table: TableName, columns: Sequence[str]) -> None:
        """Only looked at: DuckLake has no constraints, and writers, who take turns, look before they insert."""
        keys = ", ".join(map(self.quote, columns))
        target = self.quote(table.schema, table.name)
        again = self.execute(f"SELECT 1 FROM {target} GROUP BY {keys} HAVING count(*) > 1 LIMIT 1")
        if again:
            raise StatementFailed(f"{table} has rows with the same {', '.join(columns)}")

    def close(self) -> None:
        connection = self._connection
        if connection is None or self._pid != os.getpid():
            # in a child that was forked inside the block nothing is touched
            super().close()
            return
        self._connection = None
        # none is open in most cases, and DuckDB says so
        with contextlib.suppress(duckdb.Error):
            connection.execute("ROLLBACK")
        self._engine.leave(connection)
