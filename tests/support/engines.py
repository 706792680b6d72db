"""The warehouses that tests run on, by the name of the engine; and one by its location, for processes of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_assets.environment import scheme_of
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from platform_assets.warehouse.postgres.warehouse import PostgresWarehouse, open_postgres
from platform_assets.warehouse.protocol import Warehouse

ENGINES = ["duckdb", "postgres"]


def warehouse_of(engine: str, folder: Path, request: pytest.FixtureRequest) -> Warehouse:
    """An empty warehouse; that of PostgreSQL is cleared when the test ends."""
    return warehouse_at(
        str(folder / "w.duckdb") if engine == "duckdb" else request.getfixturevalue("postgres_database")
    )


def warehouse_at(location: str) -> Warehouse:
    if scheme_of(location):
        return open_postgres(location, wait_seconds=120, memory_limit=None)
    return DuckDBWarehouse(Path(location), wait_seconds=120, threads=1)


def location_of(warehouse: Warehouse) -> str:
    if isinstance(warehouse, PostgresWarehouse):
        return warehouse.at.shown
    assert isinstance(warehouse, DuckDBWarehouse)
    return str(warehouse.path)
