"""A format of another package, the example of docs/extending.md: one module and its entry point."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from platform_assets.contracts.problems import ContractError
from platform_assets.lake.errors import DeliveryRejected
from platform_assets.sql.contract_file import contract_problems
from tests.support.announced import documented, documented_entry, installed
from tests.support.lake import Lake

HEADING = "A format of files"
COLUMNS = [
    {"name": "id", "logicalType": "integer", "required": True},
    {"name": "name", "logicalType": "string"},
]


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path) -> Iterator[None]:
    group, entry = documented_entry(HEADING)
    with installed(tmp_path / "site", "blocks_format", documented(HEADING, "python"), group, entry):
        yield


def test_files_of_it_are_ingested_like_all_others(lake: Lake, make_contract: Callable[..., Any]) -> None:
    contract = make_contract(COLUMNS, form="blocks")
    first = lake.file("a.txt", "id: 1\nname: ann\n\nid: 2\n\nid: three\nname: cem\n")
    second = lake.file("b.txt", "id: 4\nname: dan\n")
    manifest = lake.ingest(contract, first, second)
    assert sorted(lake.rows(manifest), key=str) == [(1, "ann"), (2, None), (4, "dan")]
    (row,) = lake.quarantined()
    assert (row.file, row.line, row.reasons, row.raw) == ("a.txt", 6, ("type:id",), "id: three\nname: cem")
    assert lake.ingest(contract, first, second) == manifest, "the same delivery is not read again"


def test_a_record_that_no_table_can_hold_is_quarantined(
    lake: Lake, make_contract: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform_assets.formats.text_rows.MAX_RECORD", 40)
    records = ["id: 1\nname: ann", "id: 2\nname: a\0n", f"id: 3\nname: {'long' * 10}", "id: 4\nname: dan"]
    path = lake.file("a.txt", "\n\n".join(records))
    manifest = lake.ingest(make_contract(COLUMNS, form="blocks"), path)
    assert lake.rows(manifest) == [(1, "ann"), (4, "dan")]
    assert [(row.line, row.reasons, row.raw) for row in lake.quarantined()] == [
        (4, ("type:name",), records[1]),
        (7, ("structure:record_too_long",), records[2]),
    ]


def test_it_can_refuse_a_delivery(lake: Lake, make_contract: Callable[..., Any]) -> None:
    with pytest.raises(DeliveryRejected, match=r"structure:blocks.*b\.txt"):
        lake.ingest(make_contract(COLUMNS, form="blocks"), lake.file("b.txt", "nothing of the kind\n"))


def test_a_format_that_nobody_announces_is_a_mistake_in_the_contract(
    tmp_path: Path, make_contract: Callable[..., Any]
) -> None:
    with pytest.raises(
        ContractError, match=r"'block' must be one of csv, json, parquet, blocks; did you mean 'blocks'"
    ):
        make_contract(COLUMNS, form="block")
    assert contract_problems(tmp_path / "none.yaml")
