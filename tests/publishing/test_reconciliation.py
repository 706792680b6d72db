"""Two warehouses are compared by what may be read of them, whatever was rejected after it."""

from __future__ import annotations

from pathlib import Path

from platform_assets.contracts.model import BatchRule, Bounds, Metric
from platform_assets.publishing.reconciliation import Content, contents, differences
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from platform_assets.warehouse.protocol import Warehouse
from tests.publishing.support import ASSET, Lake, load, states

NEVER = BatchRule("never", Metric.ROW_COUNT, Bounds(10**9))


def held(warehouse: Warehouse) -> dict[str, Content]:
    return dict(contents(warehouse))


def test_the_same_rows_are_the_same_and_others_are_told(warehouse: Warehouse, lake: Lake, tmp_path: Path) -> None:
    other = DuckDBWarehouse(tmp_path / "other.duckdb", threads=1)
    for each in (warehouse, other):
        assert states(load(each, lake.candidate("p1", "a"), lake.candidate("p2", "b"))) == ["published", "published"]
    assert differences(held(warehouse)[ASSET], held(other)[ASSET]) == []
    load(other, lake.candidate("p2", "c"), lake.candidate("p3", "d"))
    rows = held(other)[ASSET].partitions["p2"][0]
    assert differences(held(warehouse)[ASSET], held(other)[ASSET]) == [
        f"p2 has {rows} rows in both, of other content",
        "p3 is published there only",
    ]


def test_a_rejected_candidate_leaves_what_may_be_read(warehouse: Warehouse, lake: Lake) -> None:
    load(warehouse, lake.candidate("p1", "a"))
    before = held(warehouse)
    assert states(load(warehouse, lake.candidate("p1", "b"), lake.candidate("p2", "c"), rules=[NEVER])) == [
        "rejected",
        "rejected",
    ]
    assert held(warehouse) == before
    assert list(before[ASSET].partitions) == ["p1"]


def test_what_was_never_published_is_not_compared(warehouse: Warehouse, lake: Lake) -> None:
    load(warehouse, lake.candidate("p1", "a"), rules=[NEVER])
    assert held(warehouse) == {}


def test_one_sided_assets_and_columns_are_told() -> None:
    one, other = Content(("a", "b"), {"p": (1, "x")}), Content(("a", "c"), {"p": (1, "x")})
    assert differences(one, None) == ["it is published here only"]
    assert differences(None, one) == ["it is published there only"]
    assert differences(one, other) == ["the columns b are here only", "the columns c are there only"]
    assert differences(one, Content(("a", "b"), {"p": (2, "x")})) == ["p has 1 rows here and 2 there"]
