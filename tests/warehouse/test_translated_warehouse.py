"""A fifth engine, which is one file, under the conformance suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_assets.warehouse.protocol import Warehouse
from tests.publishing.support import ASSET, COLUMNS, Lake, content, load, states
from tests.warehouse.conformance import WarehouseConformance
from tests.warehouse.conformance_turns import TurnsConformance
from tests.warehouse.translated_warehouse import open_translated


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return open_translated(f"translated://{tmp_path}", wait_seconds=120, memory_limit=None)


class TestTranslated(WarehouseConformance, TurnsConformance):
    pass


def test_partitions_are_published_on_it(warehouse: Warehouse, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert states(load(warehouse, lake.candidate("a", "v1"), lake.candidate("b", "v1", rows=0), asset=ASSET)) == [
        "published",
        "rejected",
    ]
    assert states(load(warehouse, lake.candidate("a", "v2"), columns=COLUMNS)) == ["published"]
    assert content(warehouse) == {"a": ["v2"] * 3}
