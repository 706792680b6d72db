"""Numbers of Europe in JSON, and Parquet as many tools write it: no zone, plain bytes, nulls of any type."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from platform_assets.contracts.problems import ContractError
from platform_assets.lake.errors import DeliveryRejected

BERLIN = {"logicalType": "timestamp", "logicalTypeOptions": {"defaultTimezone": "Europe/Berlin"}}
UTC = dt.UTC


def signs(decimal: str, thousands: str) -> list[dict[str, str]]:
    return [{"property": "decimalSeparator", "value": decimal}, {"property": "thousandsSeparator", "value": thousands}]


def parquet(lake: Any, **columns: Any) -> Path:
    path: Path = lake.landing / "a.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def test_numbers_of_json_are_json_and_its_texts_are_the_contracts(lake: Any, make_contract: Callable[..., Any]) -> None:
    column = {"name": "v", "logicalType": "number", "physicalType": "DECIMAL(9,3)", "customProperties": signs(",", ".")}
    contract = make_contract(
        [column, {"name": "d", "logicalType": "number", "customProperties": signs(",", ".")}], form="json"
    )
    lines = ['{"v": 1.234, "d": 1e3}', '{"v": "1.234", "d": "1,5"}', '{"v": -0.5, "d": 2}', '{"v": "1.5"}']
    manifest = lake.ingest(contract, lake.file("a.jsonl", "\n".join(lines) + "\n"))
    assert lake.rows(manifest) == [(Decimal("1.234"), 1000.0), (Decimal(1234), 1.5), (Decimal("-0.5"), 2.0)]
    assert [(row.line, row.reasons) for row in lake.quarantined()] == [(4, ("type:v",))]


def test_signs_of_the_contract_are_those_of_all_its_numbers(lake: Any, make_contract: Callable[..., Any]) -> None:
    own = {"name": "c", "logicalType": "number", "customProperties": signs(".", "none")}
    columns = [{"name": "a", "logicalType": "number"}, {"name": "b", "logicalType": "integer"}, own]
    contract = make_contract(
        columns, terms={"decimalSeparator": "comma", "thousandsSeparator": "point"}, server={"delimiter": ";"}
    )
    manifest = lake.ingest(contract, lake.file("a.csv", "a;b;c\n1.000,5;1.000;1.5\n"))
    assert lake.rows(manifest) == [(1000.5, 1000, 1.5)]


@pytest.mark.parametrize(("decimal", "thousands"), [(",", ","), (";", "."), (",", "1")])
def test_signs_that_cannot_be(make_contract: Callable[..., Any], decimal: str, thousands: str) -> None:
    with pytest.raises(ContractError, match=r"Separator|cannot stand"):
        make_contract([{"name": "v", "logicalType": "number", "customProperties": signs(decimal, thousands)}])


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_without_a_zone_are_those_of_the_contract(
    lake: Any, make_contract: Callable[..., Any], unit: str
) -> None:
    times = [dt.datetime(2024, 7, 1, 12), dt.datetime(2024, 3, 31, 2, 30), None]  # noqa: DTZ001 - that is the point
    path = parquet(lake, at=pa.array(times, pa.timestamp(unit)))
    manifest = lake.ingest(make_contract([{"name": "at", **BERLIN}], form="parquet"), path)
    assert lake.rows(manifest) == [(dt.datetime(2024, 7, 1, 10, tzinfo=UTC),), (None,)]
    assert [(row.line, row.reasons) for row in lake.quarantined()] == [(2, ("type:at",))]


def test_times_without_a_zone_are_none_of_a_contract_that_names_no_zone(
    lake: Any, make_contract: Callable[..., Any]
) -> None:
    path = parquet(lake, at=pa.array([0], pa.timestamp("us")))
    zoned = {"name": "at", "logicalType": "timestamp", "logicalTypeOptions": {"timezone": True}}
    with pytest.raises(DeliveryRejected, match="the contract says timestamp_tz"):
        lake.ingest(make_contract([zoned], form="parquet"), path)


def test_plain_bytes_are_text_where_the_contract_says_so(lake: Any, make_contract: Callable[..., Any]) -> None:
    path = parquet(lake, s=pa.array([b"caf\xc3\xa9", b"", None], pa.binary()))
    manifest = lake.ingest(make_contract([{"name": "s", "logicalType": "string"}], form="parquet"), path)
    assert lake.rows(manifest) == [("café",), ("",), (None,)]


def test_plain_bytes_that_are_no_text_reject_the_delivery(lake: Any, make_contract: Callable[..., Any]) -> None:
    path = parquet(lake, s=pa.array([b"\xff"], pa.binary()))
    with pytest.raises(DeliveryRejected, match="s"):
        lake.ingest(make_contract([{"name": "s", "logicalType": "string"}], form="parquet"), path)


@pytest.mark.parametrize(
    "kind",
    [pa.int32(), pa.float64(), pa.binary(), pa.binary(5), pa.decimal256(50, 2), pa.list_(pa.int8())],
)
def test_a_column_of_nulls_may_have_any_type(lake: Any, make_contract: Callable[..., Any], kind: pa.DataType) -> None:
    path = parquet(lake, n=pa.array([1, 2], pa.int64()), s=pa.array([None, None], kind))
    columns = [{"name": "n", "logicalType": "integer"}, {"name": "s", "logicalType": "date"}]
    manifest = lake.ingest(make_contract(columns, form="parquet"), path)
    assert lake.rows(manifest) == [(1, None), (2, None)]


def test_a_column_of_another_type_with_one_value_is_drift(lake: Any, make_contract: Callable[..., Any]) -> None:
    path = parquet(lake, s=pa.array([None, 1], pa.int32()))
    with pytest.raises(DeliveryRejected, match="the contract says date"):
        lake.ingest(make_contract([{"name": "s", "logicalType": "date"}], form="parquet"), path)
