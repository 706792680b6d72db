"""A warehouse of each engine, and a lake that hands out candidates with real Parquet files."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_assets.warehouse.protocol import Warehouse
from tests.publishing.support import Lake
from tests.support.engines import ENGINES, warehouse_of


@pytest.fixture(params=[ENGINES[0], *(pytest.param(engine, marks=pytest.mark.slow) for engine in ENGINES[1:])])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    return warehouse_of(request.param, tmp_path, request)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    folder = tmp_path / "lake"
    folder.mkdir()
    return Lake(folder)
