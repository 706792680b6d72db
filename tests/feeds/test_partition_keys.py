"""A partition's time and place: what rules about days and about earlier partitions go by."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from platform_assets.contracts.due import reason_not_due
from platform_assets.contracts.model import BatchRule, Bounds, Metric
from platform_assets.feeds.partition_keys import PartitionKeys
from platform_assets.partition_key import PartitionKey
from platform_assets.publishing.gates import audit
from platform_assets.publishing.metrics import Measured

ODD_FORMAT = dg.TimeWindowPartitionsDefinition(
    cron_schedule="0 0 * * *", start="30-12-2023", end="03-02-2024", fmt="%d-%m-%Y", timezone="Europe/Berlin"
)
OF_TIME = {
    "a format that does not sort": ODD_FORMAT,
    "days": dg.DailyPartitionsDefinition("2024-03-01", end_date="2024-04-10", timezone="Europe/Berlin"),
    "hours in autumn": dg.HourlyPartitionsDefinition(
        "2024-10-26-00:00", end_date="2024-10-28-00:00", timezone="Europe/Berlin"
    ),
    "hours in a zone of half hours": dg.HourlyPartitionsDefinition(
        "2024-04-06-00:00", end_date="2024-04-08-00:00", timezone="Australia/Lord_Howe"
    ),
    "days without a midnight": dg.DailyPartitionsDefinition(
        "2024-04-20", end_date="2024-05-05", timezone="Africa/Cairo"
    ),
    "weeks": dg.WeeklyPartitionsDefinition("2023-12-03", end_date="2024-04-01"),
    "months": dg.MonthlyPartitionsDefinition("2023-11-01", end_date="2024-04-01", timezone="America/New_York"),
}


@pytest.mark.parametrize("partitions", OF_TIME.values(), ids=OF_TIME)
def test_the_order_of_partitions_of_time_is_that_of_their_windows(
    partitions: dg.TimeWindowPartitionsDefinition,
) -> None:
    keys, listed = PartitionKeys(partitions), list(partitions.get_partition_keys())
    assert len(listed) > 3
    assert sorted(sorted(listed), key=keys.order) == listed
    assert sorted(listed, key=lambda key: keys.of(key).order) == listed
    for key in listed:
        window = partitions.time_window_for_partition_key(key)
        assert (keys.of(key).start, keys.of(key).end) == (window.start, window.end)


def test_static_partitions_have_the_order_of_their_list_and_dynamic_ones_that_of_their_keys() -> None:
    static = PartitionKeys(dg.StaticPartitionsDefinition(["small", "medium", "large"]))
    assert sorted(["gone", "large", "medium", "small"], key=static.order) == ["gone", "small", "medium", "large"]
    dynamic = PartitionKeys(dg.DynamicPartitionsDefinition(name="shops"))
    assert {dynamic.order(key) for key in ("2024-01-01", "berlin")} == {0.0}
    assert dynamic.of("2024-01-01") == PartitionKey("2024-01-01"), "a date by accident"


def test_a_key_of_an_earlier_format_is_a_partition_of_no_time() -> None:
    keys = PartitionKeys(ODD_FORMAT)
    assert keys.of("2024-01-01").days == ()
    assert keys.order("2024-01-01") < keys.order("30-12-2023")


@pytest.mark.parametrize(
    ("partitions", "key", "first", "days"),
    [
        (ODD_FORMAT, "01-02-2024", "2024-02-01", 1),
        (OF_TIME["hours in autumn"], "2024-10-26-23:00", "2024-10-26", 1),
        (dg.DailyPartitionsDefinition("2024-01-01", hour_offset=6), "2024-01-01", "2024-01-01", 1),
        (dg.WeeklyPartitionsDefinition("2024-01-07"), "2024-01-14", "2024-01-14", 7),
        (dg.MonthlyPartitionsDefinition("2024-01-01"), "2024-02-01", "2024-02-01", 29),
    ],
)
def test_a_partition_has_the_days_that_begin_in_it(partitions: Any, key: str, first: str, days: int) -> None:
    found = PartitionKeys(partitions).of(key).days
    begin = dt.date.fromisoformat(first)
    assert found == tuple(begin + dt.timedelta(days=shift) for shift in range(days))


def test_nothing_is_due_where_a_rule_fits_every_day(make_contract) -> None:  # type: ignore[no-untyped-def]
    rules = [
        {"reason": "closed on Sundays", "weekday": "sunday"},
        {"reason": "new year", "date": "2024-01-01"},
        {"reason": "the end", "after": "2024-02-15"},
    ]
    contract = make_contract([{"name": "id", "logicalType": "integer"}], terms={"notDue": rules})

    def reason(partitions: dg.PartitionsDefinition | None, key: str) -> str | None:
        return reason_not_due(contract, PartitionKeys(partitions).of(key))

    weeks, months = dg.WeeklyPartitionsDefinition("2024-01-07"), dg.MonthlyPartitionsDefinition("2024-01-01")
    assert reason(ODD_FORMAT, "07-01-2024") == "closed on Sundays"
    assert reason(ODD_FORMAT, "01-01-2024") == "new year"
    assert reason(ODD_FORMAT, "02-01-2024") is None
    assert reason(weeks, "2024-01-07") is None, "a week is not a Sunday"
    assert reason(weeks, "2024-02-18") == "closed on Sundays", "each of its days has a reason, the first is a Sunday"
    assert reason(months, "2024-01-01") is None, "a month is not its first day"
    assert reason(months, "2024-02-01") is None, "two weeks of it are due"
    assert reason(months, "2024-03-01") == "the end"
    assert reason(dg.StaticPartitionsDefinition(["2024-03-01"]), "2024-03-01") is None
    assert reason(None, "snapshot") is None


def test_earlier_is_what_has_the_earlier_time_whatever_its_key_looks_like(tmp_path: Path) -> None:
    """01-02-2024 is the day after 31-01-2024, and as text comes before all of January."""
    values = {f"{day:02}-01-2024": 100.0 for day in range(28, 32)} | {"01-02-2024": 10.0}
    rule = BatchRule("near", Metric.SUM, Bounds(0.5, 2), columns=("x",), history=7)

    def measuring(rules: Any, partitions: Any) -> list[Measured]:
        return [Measured({key: values[key] for key in partitions}) for _ in rules]

    def verdict(order: Any) -> bool:
        published = [key for key in values if key != "01-02-2024"]
        (check,) = audit(
            [rule], ["01-02-2024"], refused={}, published=published, measure_candidates=measuring,
            measure_published=measuring, order=order,
        )["01-02-2024"]  # fmt: skip
        return check.passed

    assert not verdict(PartitionKeys(ODD_FORMAT).order)
    assert verdict(lambda _: 0.0), "by text it has no history"
