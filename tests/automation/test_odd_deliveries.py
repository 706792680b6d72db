"""Ticks over landing folders with odd names, dates, records and faults: each costs its own partition only."""

from __future__ import annotations

import datetime as dt
import errno
import os
import time
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from platform_assets.automation.closing_schedule import closing_schedule
from platform_assets.automation.cursor import HINDERED, Seen, after_faults, read_cursor, write_cursor
from platform_assets.feeds.feed import Feed
from platform_assets.feeds.partition_names import why_no_key
from platform_assets.lake.layout import MANIFEST, REJECTION, partition_folder
from platform_assets.lake.names import is_text
from platform_assets.landing.found import Watermark
from tests.automation.test_arrival_sensor import closing_tick, make_feed, put, take, tick
from tests.support.file_clock import wait_for_later_stamp
from tests.support.landing_faults import faulty

SHOPS = dg.DynamicPartitionsDefinition(name="shops")


def stored(instance: dg.DagsterInstance, result: dg.SensorResult) -> set[str | None]:
    """The requested partitions, after Dagster has taken in all that the tick gave."""
    for event in result.asset_events:
        instance.report_runless_asset_event(event)
    for request in result.dynamic_partitions_requests or []:
        assert isinstance(request, dg.AddDynamicPartitionsRequest)
        instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
    (result.cursor or "").encode()
    for request in result.run_requests or []:
        (request.run_key or "").encode()
        tags = {
            "dagster/run_key": request.run_key or "",
            "dagster/partition": request.partition_key or "",
            **request.tags,
        }
        instance.create_run_for_job(job_def=nothing, tags=tags)
    return {key for request in result.run_requests or [] for key in partitions_of(instance, request)}


def partitions_of(instance: dg.DagsterInstance, request: dg.RunRequest) -> list[str | None]:
    """The partition of a request, or those of its range of shops."""
    first, last = (request.tags.get(f"dagster/asset_partition_range_{end}") for end in ("start", "end"))
    if first is None or last is None:
        return [request.partition_key]
    shops: list[str | None] = list(instance.get_dynamic_partitions("shops"))
    return shops[shops.index(first) : shops.index(last) + 1]


@dg.job
def nothing() -> None: ...


def test_a_date_at_the_end_of_time_is_reported_and_stops_nothing(
    tmp_path: Path, instance: dg.DagsterInstance, capfd: pytest.CaptureFixture[str]
) -> None:
    for partitions in (
        dg.DailyPartitionsDefinition("2024-01-01"),
        dg.MonthlyPartitionsDefinition("2024-01-01"),
        dg.WeeklyPartitionsDefinition("2023-12-31"),
    ):
        feed = make_feed(tmp_path, partitions)
        put(tmp_path, f"{feed.partitions.start:%Y-%m-%d}.csv")
        put(tmp_path, "9999-12-31.csv")
        put(tmp_path, "0001-01-01.csv")
        assert stored(instance, tick(feed, tmp_path, instance)) == {f"{feed.partitions.start:%Y-%m-%d}"}
        said = capfd.readouterr().err
        assert "9999-12-31.csv is part of no delivery of the feed (the year 9999 is beyond every partition)" in said
        assert "0001-01-01.csv is part of no delivery of the feed (partitions begin at" in said


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (b"caf\xe9", "not UTF-8"),
        (b"a...b", "'...'"),
        (b"a\nb", "'\\n'"),
        (b"a\tb", "'\\t'"),
        (b"snapshot", "stands for tables without partitions"),
    ],
)
def test_a_key_that_dagster_refuses_is_reported_with_the_reason(
    tmp_path: Path, instance: dg.DagsterInstance, capfd: pytest.CaptureFixture[str], name: bytes, why: str
) -> None:
    feed = make_feed(tmp_path, SHOPS, "orders/{key}.csv")
    put(tmp_path, "berlin.csv")
    put(tmp_path, os.fsdecode(name + b".csv"))
    put(tmp_path, "中" * 80 + ".csv")
    assert stored(instance, tick(feed, tmp_path, instance)) == {"berlin", "中" * 80}
    said = capfd.readouterr().err
    assert "is part of no delivery of the feed" in said
    assert why in said


@pytest.mark.slow
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(min_size=1, max_size=60).filter(lambda raw: not set(b"/\0") & set(raw)))
def test_whatever_a_file_is_called_the_others_are_taken(
    tmp_path_factory: pytest.TempPathFactory, instance: dg.DagsterInstance, raw: bytes
) -> None:
    home = tmp_path_factory.mktemp("home")
    feed = make_feed(home, SHOPS, "orders/{key}_*.csv")
    key = os.fsdecode(raw)
    for name in (f"{key}_1.csv", "berlin_" + key.replace(".csv", "") + ".csv"):
        (home / "landing/orders").mkdir(parents=True, exist_ok=True)
        (home / "landing/orders" / name).write_text("id\n1\n")
    wait_for_later_stamp(home)
    result = tick(feed, home, instance)
    keys = stored(instance, result)
    assert "berlin" in keys
    for found in keys:
        assert found is not None
        assert why_no_key(found) is None
        assert is_text(found)
        take(feed, home, found)
    assert stored(instance, tick(feed, home, instance)) == set(), "the lake holds every one of them"


@pytest.mark.slow
def test_an_unlisted_folder_is_looked_at_again_once_that_is_possible(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came below it meanwhile may be older than the watermark, and is not lost."""
    feed = make_feed(tmp_path, files="orders/%Y-%m-%d/*.csv")
    put(tmp_path, "2024-03-01/a.csv")
    put(tmp_path, "2024-03-02/a.csv")
    put(tmp_path, "2024-03-03/a.csv")
    with monkeypatch.context() as patch:
        faulty(patch, tmp_path / "landing/orders/2024-03-02", errno.EIO)
        first = tick(feed, tmp_path, instance)
        assert stored(instance, first) == {"2024-03-01", "2024-03-03"}
        put(tmp_path, "2024-03-04/a.csv")
        second = tick(feed, tmp_path, instance, first.cursor)
        assert stored(instance, second) == {"2024-03-04"}
        checks = [event for event in first.asset_events + second.asset_events if hasattr(event, "passed")]
        assert len(checks) == 1, "what is known is not an event of every tick"
    for day in ("2024-03-01", "2024-03-03", "2024-03-04"):
        take(feed, tmp_path, day)
    third = tick(feed, tmp_path, instance, second.cursor)
    fourth = tick(feed, tmp_path, instance, third.cursor)
    assert stored(instance, third) | stored(instance, fourth) == {"2024-03-02"}
    assert read_cursor(fourth.cursor).hindered == {}


def test_a_landing_folder_that_was_never_there_is_no_event_and_one_that_goes_away_is(
    tmp_path: Path, instance: dg.DagsterInstance, capfd: pytest.CaptureFixture[str]
) -> None:
    """What arrives below it meanwhile is older than the watermark once the volume is back, and is not lost."""
    feed, landing = make_feed(tmp_path), tmp_path / "landing"
    words = f"the landing folder {landing} is not there"
    fresh = tick(feed, tmp_path, instance)
    again = tick(feed, tmp_path, instance, fresh.cursor)
    for result in (fresh, again):
        assert (result.run_requests, result.asset_events) == ([], [])
        assert result.skip_reason is not None
        assert words in str(result.skip_reason.skip_message)
    assert words not in capfd.readouterr().err
    put(tmp_path, "2024-03-01.csv")
    first = tick(feed, tmp_path, instance, again.cursor)
    assert stored(instance, first) == {"2024-03-01"}
    take(feed, tmp_path, "2024-03-01")
    put(tmp_path, "2024-03-02.csv")
    landing.rename(tmp_path / "away")
    gone = tick(feed, tmp_path, instance, first.cursor)
    still = tick(feed, tmp_path, instance, gone.cursor)
    assert [getattr(event, "passed", None) for event in gone.asset_events] == [False]
    assert still.asset_events == [], "what is known is not an event of every tick"
    assert capfd.readouterr().err.count(words) == 1
    assert not gone.run_requests
    (tmp_path / "away").rename(landing)
    assert stored(instance, tick(feed, tmp_path, instance, still.cursor)) == {"2024-03-02"}


def test_an_early_delivery_that_cannot_be_seen_when_its_day_is_over_is_taken_later(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = dt.datetime.now(dt.UTC).date()
    feed = make_feed(tmp_path, dg.DailyPartitionsDefinition((today - dt.timedelta(days=5)).isoformat()))
    put(tmp_path, f"{today}.csv")
    early = tick(feed, tmp_path, instance)
    assert read_cursor(early.cursor).early == (f"{today}",)
    tomorrow = time.time_ns() + 86_400 * 10**9
    monkeypatch.setattr("platform_assets.automation.arrival_sensor.time.time_ns", lambda: tomorrow)
    with monkeypatch.context() as patch:
        faulty(patch, tmp_path / "landing/orders", errno.EIO)
        hindered = tick(feed, tmp_path, instance, early.cursor)
        assert not hindered.run_requests
    healed = tick(feed, tmp_path, instance, hindered.cursor)
    assert {request.partition_key for request in healed.run_requests or []} == {f"{today}"}


def test_the_cursor_stays_small_beside_thousands_of_faults_and_forgets_none() -> None:
    many = {f"bad{number}": "it cannot be looked at" for number in range(5000)}
    few = dict(list(many.items())[:HINDERED])
    first, second, third = Watermark(1, "a"), Watermark(2, "b"), Watermark(3, "c")
    seen = Seen(second, (), after_faults(Seen(first), second, many)[1])
    assert len(write_cursor(seen)) < 100
    assert read_cursor(write_cursor(seen)) == seen
    assert after_faults(seen, third, many) == (third, seen.hindered)
    watermark, hindered = after_faults(seen, third, few)
    assert watermark == first, "one of the many can be looked at again, and nobody knows which"
    assert hindered == dict.fromkeys(few, first)
    assert after_faults(Seen(third, (), hindered), third, few) == (third, hindered)
    assert after_faults(Seen(third, (), hindered), third, {}) == (first, {})


@pytest.mark.parametrize("now", [range(1, 25), range(1, 26), range(0, 24), range(5, 45)])
def test_one_of_many_faults_that_heals_is_looked_at_again_while_many_remain(now: range) -> None:
    """A path that heals keeps its old time, so nothing but a look from its watermark on finds what came below it."""
    before, after = ({f"bad{number}": "EIO" for number in numbers} for numbers in (range(25), now))
    seen = Seen(Watermark(2), (), after_faults(Seen(Watermark(1)), Watermark(2), before)[1])
    watermark, hindered = after_faults(seen, Watermark(3), after)
    assert watermark == Watermark(1)
    seen = read_cursor(write_cursor(Seen(watermark, (), hindered)))
    assert len(write_cursor(seen)) < 100
    for reached in (3, 3, 4):
        watermark, hindered = after_faults(seen, Watermark(reached), after)
        assert watermark == Watermark(reached), "it was looked at once"
        seen = Seen(watermark, (), hindered)
    assert after_faults(seen, Watermark(5), {})[0] == Watermark(1)
    old = Seen(Watermark(2), (), {"": Watermark(1)})
    assert after_faults(old, Watermark(3), after)[0] == Watermark(1), "a cursor of an earlier version"
    few = Seen(Watermark(2), (), {"bad0": Watermark(1)})
    assert after_faults(few, Watermark(3), {f"x{number}": "EIO" for number in now})[0] == Watermark(1)


@pytest.mark.slow
@settings(deadline=None, max_examples=200)
@given(st.lists(st.sets(st.integers(0, 24), max_size=4), min_size=60, max_size=60))
def test_a_disk_that_flickers_hides_no_change_for_ever_and_stops_none(healed: list[set[int]]) -> None:
    """The changes are the marks 1 to 20, three a tick; the last of them is reached, and what healed is seen."""
    seen, furthest = Seen(Watermark(0)), 0
    looked: dict[int, int] = {}
    for at, well in enumerate([*healed, *[set[int]()] * 40, {0}, *[{0}] * 40]):
        faults = {f"bad{number}": "EIO" for number in set(range(30)) - well}
        start = seen.watermark.changed_ns
        end = min(start + 3, 20)
        looked |= dict.fromkeys(range(start + 1, end + 1), at)
        furthest = max(furthest, end)
        watermark, hindered = after_faults(seen, Watermark(end), faults)
        seen = Seen(watermark, (), hindered)
        assert at < 59 or furthest == 20, "no change waits for the disk"
    assert min(looked[change] for change in range(1, 21)) > 100, "everything was looked at after the last healing"
    assert seen.watermark == Watermark(20)


def test_an_unreadable_manifest_is_asked_for_again_and_stops_no_other(
    tmp_path: Path, instance: dg.DagsterInstance, capfd: pytest.CaptureFixture[str]
) -> None:
    feed = make_feed(tmp_path)
    for day in ("2024-03-01", "2024-03-02"):
        put(tmp_path, f"{day}.csv")
        take(feed, tmp_path, day)
    put(tmp_path, "2024-03-03.csv")
    damage(feed, tmp_path, "2024-03-01", MANIFEST)
    assert stored(instance, tick(feed, tmp_path, instance)) == {"2024-03-01", "2024-03-03"}
    assert f"2024-03-01/{MANIFEST}: cannot be read" in capfd.readouterr().err
    take(feed, tmp_path, "2024-03-01")
    assert stored(instance, tick(feed, tmp_path, instance)) == {"2024-03-03"}


@pytest.mark.parametrize("name", [MANIFEST, REJECTION])
def test_an_unreadable_record_does_not_end_the_closing_schedule(
    tmp_path: Path, lasting: dg.DagsterInstance, name: str
) -> None:
    feed = make_feed(tmp_path)
    schedule = closing_schedule(feed)
    assert schedule is not None
    for day in ("2024-03-04", "2024-03-05"):
        put(tmp_path, f"{day}.csv")
    take(feed, tmp_path, "2024-03-04")
    damage(feed, tmp_path, "2024-03-04", name)
    requests = closing_tick(schedule, tmp_path, lasting, dt.datetime(2024, 3, 6, tzinfo=dt.UTC))
    assert {request.partition_key for request in requests} >= {"2024-03-04", "2024-03-05"}


def damage(feed: Feed, home: Path, day: str, name: str) -> None:
    (partition_folder(home / "lake", feed.name, day) / name).write_text('{"feed": "ord')
