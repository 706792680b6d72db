"""Rules inside of a JSON column cost the same for each item, however many a document has."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from platform_assets.sql.nested_rules import nested_rules
from tests.support.lake import Lake


@pytest.mark.slow
def test_a_document_of_many_items(lake: Lake, make_contract: Callable[..., Any]) -> None:
    properties = [
        {"name": "code", "logicalType": "string", "logicalTypeOptions": {"pattern": "^[0-9]+$"}},
        {"name": "units", "logicalType": "integer", "logicalTypeOptions": {"minimum": 0}},
    ]
    column = {"name": "c", "logicalType": "array", "items": {"logicalType": "object", "properties": properties}}
    contract = make_contract([column], form="json")
    for check in nested_rules(contract.columns[0], "found", "value").checks:
        # a list that a lambda takes from outside is copied for each item
        assert not re.search(r"found|value\d", check.sql.partition("lambda")[2])
    good = [{"code": str(n), "units": n} for n in range(50_000)]
    documents = [good, [*good[:-1], {"code": "x", "units": "1.5"}], [*good, {"units": -1}]]
    manifest = lake.ingest(contract, lake.file("a", "".join(json.dumps({"c": each}) + "\n" for each in documents)))
    assert [json.loads(text) for (text,) in lake.rows(manifest)] == [good]
    assert [row.reasons for row in lake.quarantined()] == [
        ("pattern:c[].code", "type:c[].units"),
        ("minimum:c[].units",),
    ]
