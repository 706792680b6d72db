"""Until when partitions are due: contracts, policies, clock changes, and feeds that end."""

from __future__ import annotations

import datetime as dt

import dagster as dg
import pytest

from platform_assets.automation.alerting.expected import Expectation, expectations
from tests.automation.punctual import DAILY, moment, spec

BERLIN = dg.DailyPartitionsDefinition(start_date="2026-01-01", timezone="Europe/Berlin")
IN_BERLIN = spec("a", partitions=BERLIN, deadline="30 8 * * *", zone="Europe/Berlin")
HOUR = dt.timedelta(hours=1)


def expectation(asset: dg.AssetSpec) -> Expectation:
    (found,) = expectations(dg.Definitions([asset]).resolve_asset_graph()).values()
    return found


def policy(given: dg.FreshnessPolicy) -> dg.AssetSpec:
    return dg.AssetSpec("own", partitions_def=DAILY, freshness_policy=given)


@pytest.mark.parametrize(
    ("asset", "at", "partition", "deadline"),
    [
        (spec("a", deadline="30 8 * * *"), "03-02 08:30", "2026-03-01", "03-02 08:30"),
        (spec("a", deadline="30 8 * * *"), "03-02 08:29", "2026-02-28", "03-01 08:30"),
        (spec("a", deadline="0 0 * * *"), "03-02 00:00", "2026-03-01", "03-02 00:00"),
        (spec("a", latency=2 * HOUR), "03-02 02:00", "2026-03-01", "03-02 02:00"),
        (spec("a"), "03-02 12:00", "2026-02-28", "03-02 00:00"),
        (IN_BERLIN, "03-28 12:00", "2026-03-27", "03-28 07:30"),
        (IN_BERLIN, "03-29 12:00", "2026-03-28", "03-29 06:30"),
        (spec("a", partitions=BERLIN, latency=2 * HOUR), "03-30 12:00", "2026-03-29", "03-30 00:00"),
        (policy(dg.FreshnessPolicy.time_window(fail_window=30 * HOUR)), "03-02 12:00", "2026-03-01", "03-02 06:00"),
        (policy(dg.FreshnessPolicy.cron("0 9 * * *", HOUR)), "03-02 12:00", "2026-03-01", "03-02 09:00"),
    ],
)  # fmt: skip
def test_the_partition_that_was_due_last(asset: dg.AssetSpec, at: str, partition: str, deadline: str) -> None:
    (found,) = expectation(asset).last_due(moment(at).timestamp())
    assert (found.partition, found.deadline) == (partition, moment(deadline).timestamp())


def test_a_feed_that_has_ended_owes_nothing_more() -> None:
    ended = dg.DailyPartitionsDefinition(start_date="2026-01-01", end_date="2026-02-01")
    found = expectation(spec("a", partitions=ended, deadline="30 8 * * *"))
    assert [due.partition for due in found.last_due(moment("03-02 08:00").timestamp())] == ["2026-01-31"]
    assert found.next_deadline(moment("03-02 08:00").timestamp()) is None
    assert found.due(moment("02-02 08:00").timestamp(), moment("03-02 08:00").timestamp()) == []
