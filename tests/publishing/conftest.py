"""A warehouse on disk, and a lake that hands out candidates with real Parquet files."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from tests.publishing.support import Lake


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(tmp_path / "w.duckdb", wait_seconds=120, threads=1)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    folder = tmp_path / "lake"
    folder.mkdir()
    return Lake(folder)
