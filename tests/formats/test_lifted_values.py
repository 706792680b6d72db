"""Values lifted out of documents, and arrays as tables of their own; the example of docs/nested_json.md."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from platform_assets.contracts.model import Contract
from platform_assets.contracts.problems import ContractError
from platform_assets.lake.errors import DeliveryRejected
from platform_assets.sql.contract_file import parse_contract

DOCUMENTED = Path(__file__).parents[2] / "docs" / "nested_json.md"


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", DOCUMENTED.read_text(encoding="utf-8"), re.DOTALL)


def lifted(name: str, path: Any, kind: str = "string", **more: Any) -> dict[str, Any]:
    return {"name": name, "logicalType": kind, "customProperties": [{"property": "path", "value": path}], **more}


def items(columns: list[dict[str, Any]], path: Any, make_contract: Callable[..., Any], **terms: Any) -> Contract:
    made: Contract = make_contract(
        columns, form="json", terms=terms, customProperties=[{"property": "path", "value": path}]
    )
    return made


def test_the_documented_claims(lake: Any) -> None:
    """Seven rules inside JSON, each in the reason of a bad row, and no SQL."""
    text = blocks("yaml")[0]
    assert "rowExpression" not in text
    assert "query" not in text
    contract = parse_contract(text.replace("name: claims", "name: feed") + LIMIT, Path("claims.yaml"))
    assert contract.notes == ()
    worse = {"claim": "C-3", "patient": {"id": None}, "diagnoses": ["J06", "J06"], "services": [{}]}
    lines = [*blocks("json")[0].splitlines(), json.dumps(worse)]
    manifest = lake.ingest(contract, lake.file("a.json", "\n".join(lines)))
    assert [row.reasons for row in lake.quarantined()] == [
        ("maximum:patient.born", "pattern:patient.address.zip", "min_items:diagnoses", "pattern:services[].code",
         "minimum:services[].units"),
        ("required:patient.id", "unique_items:diagnoses", "required:services[].code"),
    ]  # fmt: skip
    ((claim, patient, zip_code, diagnoses, services),) = lake.rows(manifest)
    assert (claim, zip_code, diagnoses) == ("C-1001", "10115", '["J06.9"]')
    assert json.loads(patient)["id"] != "p-77"
    assert '"amount":13.90' in services


def test_the_documented_services(lake: Any) -> None:
    contract = parse_contract(blocks("yaml")[1].replace("name: services", "name: feed", 1), Path("services.yaml"))
    manifest = lake.ingest(contract, lake.file("a.json", blocks("json")[0]))
    assert lake.rows(manifest) == [
        ("C-1001", 1, "03000", 1, Decimal("13.90")), ("C-1001", 2, "03230", 2, Decimal("29.60")),
    ]  # fmt: skip
    (row,) = lake.quarantined()
    assert (row.line, row.reasons) == (2, ("pattern:code", "minimum:units"))
    assert row.raw == '{"code":"x","units":0,"amount":5}'


LIMIT = "customProperties: [{property: quarantineLimit, value: 100%}]\n"


def test_what_is_on_the_way_to_a_value(lake: Any, make_contract: Callable[..., Any]) -> None:
    columns = [
        {"name": "n", "logicalType": "integer"},
        lifted("zip", "a.b.zip"),
        lifted("size", "a.size", "number", physicalType="DECIMAL(4,2)"),
        lifted("all", "a.b", "object"),
    ]
    documents = [
        '{"n":1,"a":{"b":{"zip":"z"},"size":1.10}}',
        '{"n":2}',
        '{"n":3,"a":null}',
        '{"n":4,"a":{"b":null,"other":1}}',
        '{"n":5,"a":"x"}',
        '{"n":6,"a":{"b":[1]}}',
        '{"n":7,"a":{"b":{"zip":7}}}',
        '{"n":8,"a.b.zip":"z"}',
        '{"n":9,"a":{"b":{"zip":"\\ud800"}}}',
    ]
    manifest = lake.ingest(make_contract(columns, form="json"), lake.file("a", "\n".join(documents)))
    assert lake.rows(manifest) == [
        (1, "z", Decimal("1.10"), '{"zip":"z"}'), (2, None, None, None), (3, None, None, None), (4, None, None, None),
    ]  # fmt: skip
    assert [(row.line, row.reasons) for row in lake.quarantined()] == [
        (5, ("type:zip",)), (6, ("type:zip",)), (7, ("type:zip",)), (8, ("structure:extra_field",)), (9, ("type:zip",)),
    ]  # fmt: skip


def test_a_required_value_whose_key_is_in_no_document_is_drift(lake: Any, make_contract: Callable[..., Any]) -> None:
    columns = [{"name": "n", "logicalType": "integer"}, lifted("zip", "a.zip", required=True)]
    with pytest.raises(DeliveryRejected, match="drift"):
        lake.ingest(make_contract(columns, form="json"), lake.file("a", '{"n":1}\n{"n":2}\n'))


def test_items_of_arrays_in_arrays(lake: Any, make_contract: Callable[..., Any]) -> None:
    contract = items(
        [lifted("place", "@index", "integer"), lifted("tag", "@"), lifted("id", "$.id", "integer")],
        "orders[].tags[]", make_contract,
    )  # fmt: skip
    documents = [
        '{"id":1,"orders":[{"tags":["a","b"]},{"tags":null},{},{"tags":["c"]}],"other":1}',
        '{"id":2}',
        '{"id":3,"orders":{"tags":[]}}',
        '{"id":4,"orders":[{"tags":["d",null,5]}]}',
        "[]x",
        "",
    ]
    manifest = lake.ingest(contract, lake.file("a", " " + "\n".join(documents)))
    assert lake.rows(manifest) == [(1, "a", 1), (2, "b", 1), (3, "c", 1), (1, "d", 4), (2, None, 4)]
    assert [(row.line, row.reasons, row.raw) for row in lake.quarantined()] == [
        (3, ("type:orders[].tags[]",), documents[2]), (4, ("type:tag",), "5"), (5, ("structure:json",), "[]x"),
    ]  # fmt: skip


def test_an_item_that_is_no_object_or_has_other_keys(lake: Any, make_contract: Callable[..., Any]) -> None:
    columns = [{"name": "code", "logicalType": "string"}, lifted("deep", "a.b", "integer")]
    content = '{"l":[{"code":"x","a":{"b":1}},{"code":"y","z":1},"x",{"code":true},null]}\n'
    lake.ingest(items(columns, "l[]", make_contract), lake.file("a", content))
    assert [(row.line, row.reasons, row.raw) for row in lake.quarantined()] == [
        (1, ("structure:extra_field",), '{"code":"y","z":1}'),
        (1, ("structure:not_an_object",), '"x"'),
        (1, ("type:code",), '{"code":true}'),
        (1, ("structure:not_an_object",), "null"),
    ]
    manifest = lake.ingest(items(columns, "l[]", make_contract, extraColumns="tolerated"), lake.file("a", content))
    assert lake.rows(manifest) == [("x", 1), ("y", None)]


@pytest.mark.parametrize("path", ["", "a..b", "a[]", "$", 5, ["a"], "a.@index", "@"])
def test_a_path_that_is_none_is_a_problem(make_contract: Callable[..., Any], path: Any) -> None:
    with pytest.raises(ContractError, match=r"path|needs a schema"):
        make_contract([lifted("x", path)], form="json")


def test_paths_are_for_json_lines_and_those_of_a_schema_for_arrays(make_contract: Callable[..., Any]) -> None:
    with pytest.raises(ContractError, match="for JSON lines"):
        make_contract([lifted("x", "a.b")], form="csv")
    with pytest.raises(ContractError, match="that of an array"):
        items([{"name": "n", "logicalType": "integer"}], "lines", make_contract)


def test_numbers_of_items_are_in_the_contracts_form(lake: Any, make_contract: Callable[..., Any]) -> None:
    column = {"name": "amount", "logicalType": "number", "physicalType": "DECIMAL(12,3)"}
    signs = {"decimalSeparator": "comma", "thousandsSeparator": "point"}
    contract = items([column], "lines[]", make_contract, **signs)
    line = {"lines": [{"amount": 12.345}, {"amount": 1.5}, {"amount": "1.500"}, {"amount": "1,5"}]}
    manifest = lake.ingest(contract, lake.file("a.json", json.dumps(line) + "\n"))
    assert [row[0] for row in lake.rows(manifest)] == [Decimal("12.345"), Decimal("1.5"), Decimal(1500), Decimal("1.5")]
