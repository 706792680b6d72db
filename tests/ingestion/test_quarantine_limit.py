"""The limit of quarantined rows: its minimum, what a rejection names, and rows counted by row and by rule."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from platform_assets.cli.main import main
from platform_assets.contracts.problems import ContractError
from platform_assets.lake.errors import DeliveryRejected
from platform_assets.lake.manifest import read_rejection

COLUMNS = [
    {"name": "id", "logicalType": "integer", "logicalTypeOptions": {"minimum": 1, "multipleOf": 5}},
    {"name": "name", "logicalType": "string", "required": True},
]
ROWS = "id,name\n5,a\n-3,\n-4,b\n10,\n"


def test_a_rejection_names_rows_and_the_whole_command_that_shows_them(
    lake: Any, make_contract: Callable[..., Any]
) -> None:
    contract = make_contract(COLUMNS, terms={"quarantineLimit": 0.1})
    with pytest.raises(DeliveryRejected) as raised:
        lake.ingest(contract, lake.file("a.csv", ROWS))
    message = str(raised.value)
    assert "3 of 4 rows (75.00%)" in message
    assert "Rows by rule: minimum:id 2, required:name 2, rule:multiple_of:id 2" in message
    assert "The first are a.csv:3, a.csv:4, a.csv:5." in message
    command = shlex.split(message.split("They can be read with: ")[1])
    assert command[0] == "platform-assets"
    shown = CliRunner().invoke(main, command[1:])
    assert shown.exit_code == 0, shown.output
    assert "rows by the first rule that they broke: minimum:id 2, required:name 1" in shown.output
    assert "rows by each rule that they broke: minimum:id 2, required:name 2, rule:multiple_of:id 2" in shown.output
    rejection = read_rejection(lake.path, "feed", "2013-01-01")
    assert rejection is not None
    assert rejection.reasons == {"minimum:id": 2, "required:name": 1}
    assert rejection.rules == {"minimum:id": 2, "required:name": 2, "rule:multiple_of:id": 2}


def test_a_few_rows_reject_no_small_delivery(lake: Any, make_contract: Callable[..., Any]) -> None:
    terms = {"quarantineLimit": 0.1, "quarantineMinimum": 3}
    manifest = lake.ingest(make_contract(COLUMNS, terms=terms), lake.file("a.csv", ROWS))
    assert (manifest.rows_out, manifest.rows_quarantined) == (1, 3)
    assert manifest.rules == {"minimum:id": 2, "required:name": 2, "rule:multiple_of:id": 2}
    with pytest.raises(DeliveryRejected, match=r"10\.00% and than 2 rows"):
        lake.ingest(make_contract(COLUMNS, terms={**terms, "quarantineMinimum": 2}), lake.file("b.csv", ROWS))


def test_a_delivery_without_one_good_row_is_rejected_all_the_same(lake: Any, make_contract: Callable[..., Any]) -> None:
    contract = make_contract(COLUMNS, terms={"quarantineLimit": 0.1, "quarantineMinimum": 3})
    with pytest.raises(DeliveryRejected, match="2 of 2 rows"):
        lake.ingest(contract, lake.file("a.csv", "id,name\n-5,a\n-10,b\n"))


@pytest.mark.parametrize("value", [-1, 1.5, True, "3"])
def test_a_minimum_is_a_number_of_rows(make_contract: Callable[..., Any], value: object) -> None:
    with pytest.raises(ContractError, match="a number of rows from 0"):
        make_contract(COLUMNS, terms={"quarantineMinimum": value})
