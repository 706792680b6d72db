"""Programs that know nothing of the platform read what it publishes, while it publishes: none is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from platform_assets.warehouse.ducklake.warehouse import DuckLakeWarehouse
from platform_assets.warehouse.protocol import Warehouse
from tests.publishing.other_reader import ENOUGH
from tests.publishing.support import Lake, load, states
from tests.support.campaigns import times
from tests.support.engines import location_of, warehouse_of

ROWS = 500


@pytest.fixture(params=["postgres", "ducklake"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    return warehouse_of(request.param, tmp_path, request)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["connecting", "pool"])
def test_no_reader_is_refused_while_partitions_are_published(warehouse: Warehouse, lake: Lake, how: str) -> None:
    load(warehouse, *(lake.candidate(partition, "first", rows=ROWS) for partition in "abc"))
    place = str(warehouse.catalog.file.parent) if isinstance(warehouse, DuckLakeWarehouse) else location_of(warehouse)
    command = [sys.executable, "-m", "tests.publishing.other_reader", how, place, str(ROWS)]
    reader = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert reader.stdout is not None
    assert reader.stdout.readline() == "ready\n"
    enough = threading.Thread(target=reader.stdout.readline)
    enough.start()
    turns = 0
    while turns < times(10) or enough.is_alive():
        turns += 1
        candidates = [lake.candidate(partition, f"v{turns}", rows=ROWS) for partition in "abc"]
        assert states(load(warehouse, *candidates, run=f"v{turns}")) == ["published"] * 3
    said, _ = reader.communicate()
    found = json.loads(said)
    assert found["wrong"] == []
    assert found["looks"] >= ENOUGH
