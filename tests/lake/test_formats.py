"""Formats of the lake's records: older ones are read, a later one costs its own partition and stays as it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from platform_assets.failures import Kind, failure_of
from platform_assets.lake.errors import DeliveryRejected, RecordTooNew
from platform_assets.lake.json_records import FORMAT
from platform_assets.lake.manifest import read_manifest, read_rejection
from platform_assets.lake.quarantined import list_quarantine, read_quarantine
from platform_assets.lake.stage_commit_reject import opened
from tests.support.lake import Lake

DAY, OTHER = "2013-01-01", "2013-01-02"
COLUMNS = [{"name": "id", "logicalType": "integer"}]


def change(path: Path, **fields: Any) -> None:
    """The record in ``path`` with other fields; one that is None is taken out."""
    data = {**json.loads(path.read_bytes()), **fields}
    path.write_text(json.dumps({key: value for key, value in data.items() if value is not None}))


@pytest.fixture
def records(lake: Lake, make_contract: Callable[..., Any]) -> dict[str, Path]:
    """The records of two days: one with a manifest and a quarantine, one with a rejection."""
    lake.ingest(make_contract(COLUMNS), lake.file("good", "id\n1\nx\n"), partition=DAY)
    with pytest.raises(DeliveryRejected):
        lake.ingest(
            make_contract(COLUMNS, terms={"quarantineLimit": 0}), lake.file("bad", "id\n1\nx\n"), partition=OTHER
        )
    folder = lake.path / "feed"
    (quarantine,) = (lake.path / "_quarantine" / "feed" / DAY).glob("*.jsonl")
    return {
        "manifest": folder / DAY / "manifest.json",
        "rejection": folder / OTHER / "rejected.json",
        "quarantine": quarantine,
    }


def test_records_name_their_format(lake: Lake, records: dict[str, Path]) -> None:
    for path in records.values():
        first = path.read_text().splitlines()[0] if path.suffix == ".jsonl" else path.read_text()
        assert json.loads(first)["format"] == FORMAT
    assert json.loads(records["rejection"].read_text())["kind"] == "rejected"


def test_records_of_the_first_format_are_read(lake: Lake, records: dict[str, Path]) -> None:
    manifest, rejection = read_manifest(lake.path, "feed", DAY), read_rejection(lake.path, "feed", OTHER)
    rows = read_quarantine(lake.store, "feed", DAY)
    change(records["manifest"], format=None)
    change(records["rejection"], format=None, kind=None)
    lines = records["quarantine"].read_text().splitlines(keepends=True)
    records["quarantine"].write_text("".join(lines[1:]))
    assert read_manifest(lake.path, "feed", DAY) == manifest
    assert read_rejection(lake.path, "feed", OTHER) == rejection
    assert read_quarantine(lake.store, "feed", DAY) == rows
    assert [row.raw for row in rows] == ["x"]


@pytest.mark.parametrize("name", ["manifest", "rejection"])
def test_a_later_format_costs_its_partition_and_is_not_touched(
    lake: Lake, records: dict[str, Path], make_contract: Callable[..., Any], name: str
) -> None:
    path = records[name]
    change(path, format=FORMAT + 1, something="new")
    before = path.read_bytes()
    mine, other = (DAY, OTHER) if name == "manifest" else (OTHER, DAY)
    with pytest.raises(RecordTooNew, match="upgrade") as found:
        (read_manifest if name == "manifest" else read_rejection)(lake.path, "feed", mine)
    assert failure_of(found.value).kind is Kind.MISCONFIGURED
    with pytest.raises(RecordTooNew):
        lake.ingest(make_contract(COLUMNS), lake.file("again", "id\n2\n"), partition=mine)
    if name == "manifest":
        with pytest.raises(RecordTooNew), opened(lake.path, "feed", mine):
            pytest.fail("it was opened")
    assert path.read_bytes() == before
    assert lake.ingest(make_contract(COLUMNS), lake.file("more", "id\n3\n"), partition=other).rows_out == 1
    listed = {entry.partition: entry.readable for entry in list_quarantine(lake.store, "feed")}
    assert listed[mine] is False


def test_a_quarantine_of_a_later_format_is_refused(lake: Lake, records: dict[str, Path]) -> None:
    records["quarantine"].write_text(json.dumps({"format": FORMAT + 1}) + "\n")
    with pytest.raises(RecordTooNew):
        read_quarantine(lake.store, "feed", DAY)


@pytest.mark.parametrize("value", ["2", 0, -1, True, 1.5])
def test_a_format_that_is_no_number_of_one_is_damage(lake: Lake, records: dict[str, Path], value: Any) -> None:
    change(records["manifest"], format=value)
    with pytest.raises(Exception, match="field 'format'"):
        read_manifest(lake.path, "feed", DAY)
