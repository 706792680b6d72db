"""JSON that can be written but hardly be worked on: lone surrogates and deep nesting cost one row, and no more."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from platform_assets.formats.json.strict import MAX_DEPTH, parse_json
from platform_assets.formats.json.writing import dump_json
from platform_assets.lake.errors import DeliveryRejected

PROTECTED = {"name": "email", "logicalType": "string", "classification": "personal",
             "customProperties": [{"property": "protection", "value": "hash"}]}  # fmt: skip
COLUMNS = [
    {"name": "n", "logicalType": "integer"},
    {"name": "o", "logicalType": "object"},
    {"name": "l", "logicalType": "array"},
    {"name": "p", "logicalType": "object", "properties": [PROTECTED, {"name": "x", "logicalType": "object"}]},
]


def nested(depth: int) -> str:
    return '{"x":' * (depth // 2) + "[" * (depth - depth // 2) + "]" * (depth - depth // 2) + "}" * (depth // 2)


BAD = {
    "surrogate in an object": ("o", r'{"a":"\ud800"}'),
    "surrogate in a key": ("o", r'{"\udfff":1}'),
    "surrogate in a list": ("l", r'["a","\ud83d"]'),
    "surrogate in a protected value": ("p", r'{"email":"\ud800"}'),
    "surrogate beside a protected value": ("p", r'{"email":"a","x":{"y":"\ud800"}}'),
    "nested objects": ("o", nested(500)),
    "nested objects beyond what Python can read": ("o", nested(200_000)),
    "nested lists": ("l", f'[{nested(990)}]'),
    "nested beside a protected value": ("p", f'{{"email":"a","x":{nested(400)}}}'),
    "nested in a protected value": ("p", f'{{"email":{nested(400)}}}'),
}  # fmt: skip
GOOD = ["{}", r'{"a":"\ud83d\ude00 \u00e9"}', nested(MAX_DEPTH - 20)]


def lines(form: str, values: list[tuple[str, str]]) -> str:
    """One line for each value of a column, in the form."""
    if form == "json":
        return "".join(f'{{"n":{n},{json.dumps(column)}:{text}}}\n' for n, (column, text) in enumerate(values))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [column["name"] for column in COLUMNS]
    writer.writerow(names)
    for number, (column, text) in enumerate(values):
        writer.writerow([number, *(text if name == column else "" for name in names[1:])])
    return out.getvalue()


@pytest.mark.parametrize("form", ["json", "csv"])
@pytest.mark.parametrize("name", BAD)
def test_costs_one_row(lake: Any, make_contract: Callable[..., Any], form: str, name: str) -> None:
    content = lines(form, [("o", GOOD[0]), BAD[name], *(("p", text) for text in GOOD)])
    manifest = lake.ingest(make_contract(COLUMNS, form=form), lake.file("a", content))
    (row,) = lake.quarantined()
    assert row.line == (2 if form == "json" else 3)
    assert row.reasons in ((f"type:{BAD[name][0]}",), ("structure:json",))
    assert sorted(row[0] for row in lake.rows(manifest)) == [0, 2, 3, 4]


def test_an_unknown_key_that_cannot_be_stored_is_told(lake: Any, make_contract: Callable[..., Any]) -> None:
    content = '{"n":1,"\\ud800":1}\n' * 9
    with pytest.raises(DeliveryRejected, match="drift"):
        lake.ingest(make_contract(COLUMNS, form="json", terms={"quarantineLimit": 0.5}), lake.file("a", content))
    tolerant = make_contract(COLUMNS, form="json", terms={"extraColumns": "tolerated"})
    manifest = lake.ingest(tolerant, lake.file("a", content))
    assert manifest.rows_out == 9
    assert any("ud800" in warning for warning in manifest.warnings)


def test_the_depth_does_not_depend_on_who_calls() -> None:
    deepest = nested(MAX_DEPTH)
    assert dump_json(parse_json(deepest)) == deepest
    assert parse_json(json.dumps(nested(500))) == nested(500)
    with pytest.raises(ValueError, match="deep"):
        parse_json(nested(MAX_DEPTH + 1))
