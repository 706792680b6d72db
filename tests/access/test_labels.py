"""What a column is classified as, by its contract."""

from __future__ import annotations

from typing import Any

import pytest

from platform_assets.access.labels import contract_labels, table_labels
from platform_assets.access.model import UNNAMED
from tests.support.lake import contract_of

NONE = [{"property": "protection", "value": "none"}]


def labels(**column: Any) -> frozenset[str]:
    contract = contract_of([{"name": "c", "logicalType": "string", **column}], form="json")
    return contract_labels(contract).get("c", frozenset())


@pytest.mark.parametrize(
    ("column", "found"),
    [
        ({}, set()),
        ({"classification": "Internal"}, {"internal"}),
        ({"classification": "PII", "customProperties": NONE}, {"pii"}),
        ({"tags": ["pii:email"], "customProperties": NONE}, {"personal"}),
        ({"classification": "pii", "customProperties": [{"property": "protection", "value": "hash"}]}, set()),
        (
            {
                "logicalType": "object",
                "properties": [
                    {"name": "a", "logicalType": "string", "classification": "secret", "customProperties": NONE},
                    {
                        "name": "b",
                        "logicalType": "array",
                        "items": {
                            "logicalType": "object",
                            "properties": [
                                {
                                    "name": "e",
                                    "logicalType": "string",
                                    "classification": "pii",
                                    "customProperties": NONE,
                                }
                            ],
                        },
                    },
                ],
            },
            {"secret", "pii"},
        ),
        (
            {
                "logicalType": "object",
                "properties": [
                    {
                        "name": "a",
                        "logicalType": "string",
                        "classification": "pii",
                        "customProperties": [{"property": "protection", "value": "mask"}],
                    }
                ],
            },
            set(),
        ),
    ],
)
def test_classifications_of_what_is_in_clear(column: dict[str, Any], found: set[str]) -> None:
    assert labels(**column) == found


def test_a_column_that_the_contract_does_not_name_is_for_those_who_see_all() -> None:
    contract = contract_of([{"name": "c", "logicalType": "string"}])
    assert table_labels(contract, "gone") == {UNNAMED}
    assert table_labels(contract, "_partition") == table_labels(contract, "C") == frozenset()
