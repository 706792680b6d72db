"""Contracts are read whole, or refused with every mistake, each with its file, line and key."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from open_data_contract_standard.model import OpenDataContractStandard

from platform_assets.contracts.conditions import InvalidValues, MultipleOf
from platform_assets.contracts.due import reason_not_due
from platform_assets.contracts.model import (
    Bounds,
    Contract,
    FileKind,
    LogicalType,
    Metric,
    NestedProtection,
    Protection,
    Reference,
)
from platform_assets.contracts.severity import Severity
from platform_assets.sql.contract_file import read_contract
from platform_assets.sql.types import raw_columns
from tests.contracts.full_contract import FULL, write
from tests.support.lake import key_of


@pytest.fixture
def full(tmp_path: Path) -> Contract:
    return read_contract(write(tmp_path, FULL))


def test_the_feed_as_a_whole(full: Contract) -> None:
    assert (full.name, full.version, full.domain, full.owners, full.tags) == (
        "orders",
        "2.1.0",
        "sales",
        ("ada@example.com",),
        ("daily",),
    )
    assert (full.format.kind, full.format.delimiter, full.format.encoding) == (FileKind.CSV, ";", "latin-1")
    assert full.format.null_strings == ("", "NA")
    assert full.primary_key == ("id", "shop")
    assert (full.quarantine_limit, full.empty_allowed) == (0.02, True)
    assert full.freshness.latency == dt.timedelta(hours=26)
    assert (full.freshness.deadline_cron, full.freshness.timezone) == ("30 8 * * *", "Europe/Berlin")
    assert reason_not_due(full, key_of("2013-01-06")) == "closed"
    assert reason_not_due(full, key_of("2014-01-01")) == "ended"
    assert reason_not_due(full, key_of("2013-01-07")) is None
    assert reason_not_due(full, key_of("snapshot")) is None


def test_columns(full: Contract) -> None:
    kinds = [column.type for column in full.columns]
    assert kinds[:6] == [
        LogicalType.STRING,
        LogicalType.INTEGER,
        LogicalType.NUMBER,
        LogicalType.NUMBER,
        LogicalType.TIMESTAMP_TZ,
        LogicalType.DATE,
    ]
    shop, order = full.column("shop"), full.column("id")
    assert (shop.pattern, shop.min_length, shop.max_length, shop.required) == ("^[A-Z]+$", 2, 4, True)
    assert (order.source_name, order.minimum) == ("Order No", "1")
    assert (full.column("amount").precision, full.column("amount").scale) == (12, 2)
    assert full.column("weight").exclusive_minimum
    assert (full.column("day").format, full.column("day").minimum) == ("%d.%m.%Y", "2013-01-01")
    assert full.column("email").protection is Protection.HASH
    assert full.column("state").allowed_values == ("new", "paid")
    assert full.column("customer").nested == (
        NestedProtection(("tel",), Protection.DROP),
        NestedProtection(("mails", "*"), Protection.MASK),
    )
    assert ("amount", "DECIMAL(12,2)", "In euros.") in raw_columns(full)
    assert ("email", "VARCHAR", "") in raw_columns(full)


def test_a_hash_in_a_column_or_inside_one_needs_the_key(full: Contract) -> None:
    plain = replace(full.columns[0], protection=Protection.MASK, nested=(NestedProtection(("a",), Protection.DROP),))
    assert not replace(full, columns=(plain,)).hashes_values
    assert replace(full, columns=(plain, replace(plain, protection=Protection.HASH))).hashes_values
    inside = replace(plain, nested=(NestedProtection(("a",), Protection.HASH),))
    assert replace(full, columns=(plain, inside)).hashes_values


def test_rules(full: Contract) -> None:
    assert {rule.name: rule.expression for rule in full.row_expressions} == {
        "multiple_of:id": MultipleOf("id", "5"),
        "heavy_is_dear": "weight < 100 OR amount > 10",
        "invalid_values:state": InvalidValues("state", LogicalType.STRING, ("new", "paid")),
    }
    rules = {rule.name: rule for rule in full.batch_rules}
    assert (rules["row_count"].metric, rules["row_count"].bounds) == (Metric.ROW_COUNT, Bounds(1, 1000))
    nulls = rules["null_values:state"]
    assert (nulls.metric, nulls.severity, nulls.bounds) == (
        Metric.NULL_FRACTION,
        Severity.WARNING,
        Bounds(high=0.05, high_open=True),
    )
    assert rules["duplicate_values:id,day"].metric is Metric.DUPLICATE_FRACTION
    assert rules["paid_share"].query == "SELECT avg((state = 'paid')::INT) FROM {table}"
    history = rules["sum:amount_against_history"]
    assert (history.metric, history.history, history.bounds) == (Metric.SUM, 28, Bounds(0.5, 2))
    reference = rules["references:plane"]
    assert (reference.reference, reference.severity) == (Reference("raw/planes", ("tailnum",)), Severity.WARNING)


def test_other_tools_of_the_standard_read_it_too(tmp_path: Path) -> None:
    assert OpenDataContractStandard.from_file(str(write(tmp_path, FULL))).id == "orders"
