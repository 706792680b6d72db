"""Parquet: nested values that JSON cannot say cost their row, and so do times that would have to be cut."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

DECIMALS = pa.struct([("y", pa.decimal128(20, 20))])
DOUBLES = pa.struct([("y", pa.float64())])
CASES = {
    "infinity": (pa.array([{"y": 1.5}, {"y": math.inf}, None], DOUBLES), ['{"y":1.5}', None]),
    "no number": (pa.array([{"y": 1.5}, {"y": math.nan}, None], DOUBLES), ['{"y":1.5}', None]),
    "a repeated key": (
        pa.array([[("a", 1)], [("a", 1), ("a", 2)], None], pa.map_(pa.string(), pa.int64())), ['{"a":1}', None],
    ),
    "a list": (pa.array([[1.0], [math.inf], None], pa.list_(pa.float64())), ["[1.0]", None]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_no_json_is_set_aside(lake: Any, make_contract: Callable[..., Any], name: str) -> None:
    values, rows = CASES[name]
    path = lake.landing / "a.parquet"
    pq.write_table(pa.table({"v": values}), path)
    manifest = lake.ingest(make_contract([{"name": "v", "logicalType": "object"}], form="parquet"), path)
    assert [row[0] for row in lake.rows(manifest)] == rows
    assert [(row.line, row.reasons) for row in lake.quarantined()] == [(2, ("type:v",))]


def test_decimals_inside_are_json_or_set_aside(lake: Any, make_contract: Callable[..., Any]) -> None:
    path = lake.landing / "a.parquet"
    pq.write_table(pa.table({"v": pa.array([{"y": Decimal("0.1234")}, {"y": Decimal("-0.5")}], DECIMALS)}), path)
    manifest = lake.ingest(make_contract([{"name": "v", "logicalType": "object"}], form="parquet"), path)
    for (text,) in lake.rows(manifest):
        json.loads(text)


@pytest.mark.parametrize("zone", ["UTC", None])
def test_nanoseconds_below_a_microsecond_cost_their_row(
    lake: Any, make_contract: Callable[..., Any], zone: str | None
) -> None:
    path = lake.landing / "moments.parquet"
    pq.write_table(pa.table({"at": pa.array([1_000, 1_001, None], pa.timestamp("ns", zone))}), path)
    options = {"logicalTypeOptions": {"timezone": True}} if zone else {}
    manifest = lake.ingest(make_contract([{"name": "at", "logicalType": "timestamp", **options}], form="parquet"), path)
    assert [row[0] and row[0].microsecond for row in lake.rows(manifest)] == [1, None]
    assert [(row.line, row.reasons) for row in lake.quarantined()] == [(2, ("type:at",))]


def test_small_decimals_are_numbers_where_a_double_holds_them(lake: Any, make_contract: Callable[..., Any]) -> None:
    values = [Decimal(text) for text in ("-1E-18", "1.23E-16", "0.1", "0", "0.123456789012345678")]
    path = lake.landing / "a.parquet"
    pq.write_table(pa.table({"n": pa.array(values, pa.decimal128(18, 18))}), path)
    contract = make_contract([{"name": "n", "logicalType": "number"}], form="parquet", terms={"quarantineLimit": "50%"})
    manifest = lake.ingest(contract, path)
    assert [row[0] for row in lake.rows(manifest)] == [-1e-18, 1.23e-16, 0.1, 0.0]
    assert manifest.reasons == {"type:n": 1}, "18 digits are more than a double has"
