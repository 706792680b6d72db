"""Every change of a contract that matters is told, whichever field it is in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from platform_assets.contracts.changes import compare
from platform_assets.contracts.model import (
    BatchRule,
    Bounds,
    Column,
    Contract,
    LogicalType,
    Metric,
    NestedProtection,
    Protection,
    Reference,
)
from platform_assets.contracts.severity import Severity
from platform_assets.sql.contract_file import read_contract
from tests.contracts.full_contract import FULL, write

RULE = BatchRule("r", Metric.MEAN, Bounds(0, 1), ("weight",), history=28, reference=Reference("raw/planes", ("id",)))
RULES = {
    "metric": (replace(RULE, metric=Metric.SUM), "metric from mean to sum"),
    "bounds": (replace(RULE, bounds=Bounds(0, 2)), "bounds from [0, 1] to [0, 2]"),
    "columns": (replace(RULE, columns=("id",)), "columns from weight to id"),
    "history": (replace(RULE, history=3), "history from 28 to 3"),
    "no history": (replace(RULE, history=None), "history from 28 to none"),
    "reference": (replace(RULE, reference=Reference("raw/x", ("id",))), "reference from raw/planes (id) to raw/x (id)"),
    "query": (replace(RULE, query="SELECT 1"), "another query"),
}
YES = ("true", "yes")
COLUMNS = {
    "rounding": ({}, {"rounding": True}, "are now rounded", True),
    "no rounding": ({"rounding": True}, {}, "are no longer rounded", True),
    "word for true added": ({}, {"true_values": YES}, "words for true changed from true to true, yes", False),
    "word for true removed": ({"true_values": YES}, {}, "no longer yes", True),
    "word for false removed": ({"false_values": ("0", "no")}, {"false_values": ("0",)}, "no longer no", True),
}


@pytest.fixture
def full(tmp_path: Path) -> Contract:
    return read_contract(write(tmp_path, FULL))


@pytest.mark.parametrize("name", RULES)
def test_a_changed_rule_is_told_and_breaks_if_it_blocks(full: Contract, name: str) -> None:
    rule, words = RULES[name]
    for severity in Severity:
        old = replace(full, batch_rules=(replace(RULE, severity=severity),))
        (change,) = compare(old, replace(full, batch_rules=(replace(rule, severity=severity),)))
        assert change.message == f"rule 'r' changed: {words}"
        assert change.breaks is (severity is Severity.ERROR)


def test_another_description_of_a_rule_is_no_change(full: Contract) -> None:
    old = replace(full, batch_rules=(RULE,))
    assert compare(old, replace(full, batch_rules=(replace(RULE, description="x"),))) == []


@pytest.mark.parametrize("name", COLUMNS)
def test_another_way_to_read_a_column_is_told(full: Contract, name: str) -> None:
    before, after, words, breaks = COLUMNS[name]
    column = Column("c", full.columns[0].type, "c")
    old, new = (replace(full, columns=(replace(column, **options),)) for options in (before, after))
    (change,) = compare(old, new)
    assert words in change.message
    assert (change.breaks, change.column) == (breaks, "c")


@pytest.mark.parametrize(
    ("old", "new", "left"),
    [("none", "hash", True), ("none", "mask", True), ("none", "drop", True), ("hash", "drop", True),
     ("hash", "mask", False), ("mask", "hash", False), ("hash", "none", False)],
)  # fmt: skip
def test_a_new_protection_says_that_values_of_before_stay_in_clear(
    full: Contract, old: str, new: str, left: bool
) -> None:
    column = Column("c", full.columns[0].type, "c")
    before, after = (replace(full, columns=(replace(column, protection=Protection(word)),)) for word in (old, new))
    (change,) = compare(before, after)
    assert change.breaks
    assert ("stay in clear in older Parquet" in change.message) is left


def test_a_new_protection_inside_json_says_so_too(full: Contract) -> None:
    nested = NestedProtection(("tel",), Protection.HASH)
    column = Column("c", LogicalType.JSON, "c")
    before, after = (replace(full, columns=(replace(column, nested=rules),)) for rules in ((), (nested,)))
    (change,) = compare(before, after)
    assert "stay in clear in older Parquet" in change.message
