"""The warehouses that tests run on, by the name of the engine; and one by its location, for processes of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from platform_assets.environment import scheme_of
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from platform_assets.warehouse.ducklake.warehouse import DuckLakeWarehouse, open_ducklake
from platform_assets.warehouse.locations import open_warehouse
from platform_assets.warehouse.postgres.locating import located
from platform_assets.warehouse.postgres.warehouse import PostgresWarehouse
from platform_assets.warehouse.protocol import Warehouse
from tests.support.committing import SCHEME, CommittingWarehouse

ENGINES = ["duckdb", "postgres", "ducklake", "snowflake"]


def warehouse_of(engine: str, folder: Path, request: pytest.FixtureRequest) -> Warehouse:
    """An empty warehouse; a database of PostgreSQL is cleared when the test ends."""
    if engine == "duckdb":
        return warehouse_at(str(folder / "w.duckdb"))
    if engine == "ducklake":
        return warehouse_at(f"ducklake://{folder / 'ducklake'}")
    if engine == "snowflake":
        return warehouse_at(request.getfixturevalue("snowflake_database"))
    database = request.getfixturevalue("postgres_database")
    if engine == "ducklake-postgres":
        sign = "&" if "?" in database else "?"
        return warehouse_at(f"ducklake+{database}{sign}data_path={folder / 'ducklake'}")
    return warehouse_at(f"{SCHEME}{database}" if engine == "committing" else database)


def warehouse_at(location: str) -> Warehouse:
    scheme = scheme_of(location)
    if not scheme:
        return DuckDBWarehouse(Path(location), wait_seconds=120, threads=1)
    if scheme.startswith("ducklake"):
        return replace(open_ducklake(location, wait_seconds=120, memory_limit=None), threads=1)
    if location.startswith(SCHEME):
        return CommittingWarehouse(located(location.removeprefix(SCHEME)), wait_seconds=120)
    return open_warehouse(location, wait_seconds=120)


def location_of(warehouse: Warehouse) -> str:
    if isinstance(warehouse, PostgresWarehouse):
        return f"{SCHEME if isinstance(warehouse, CommittingWarehouse) else ''}{warehouse.at.shown}"
    if isinstance(warehouse, DuckLakeWarehouse):
        return warehouse.location
    return warehouse.tool_variables()["PLATFORM_WAREHOUSE"]
