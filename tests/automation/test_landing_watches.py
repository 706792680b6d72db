"""Ticks that a code server evaluates: they begin to watch, and take what was moved into place."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from platform_assets.automation import landing_watches
from platform_assets.automation.arrival_sensor import arrival_sensor
from platform_assets.feeds import run_tags
from platform_assets.feeds.feed import Feed
from platform_assets.instance.wakes import last_wake, woken_at
from platform_assets.landing.found import Completeness
from platform_assets.landing.patterns import ArrivalPattern
from platform_assets.sql.contract_file import read_contract
from tests.automation.test_arrival_sensor import CONTRACT, DAILY, resource
from tests.support.file_clock import wait_for_later_stamp
from tests.support.watched_landing import until


@pytest.fixture(name="feed")
def _feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Feed]:
    monkeypatch.setattr(landing_watches, "_watches", {})
    monkeypatch.setattr(landing_watches, "_reported", set())
    (tmp_path / "contract.yaml").write_text(CONTRACT)
    (tmp_path / "landing" / "orders").mkdir(parents=True)
    contract = read_contract(tmp_path / "contract.yaml")
    yield Feed(contract, DAILY, ArrivalPattern("orders/%Y-%m-%d.csv"), Completeness(settle_seconds=3600))
    for watch in landing_watches._watches.values():
        watch.end()


def tick(
    feed: Feed, home: Path, instance: dg.DagsterInstance, cursor: str | None = None, *, served: bool = True
) -> dg.SensorResult:
    place = {"instance_ref": instance.get_ref()} if served else {"instance": instance}
    with dg.SensorEvaluationContext(
        last_tick_completion_time=None, last_run_key=None, cursor=cursor, repository_name=None,
        instance_ref=place.get("instance_ref"), instance=instance, resources={"platform": resource(home)},
    ) as context:  # fmt: skip
        return arrival_sensor(feed)(context)


def move(home: Path, name: str) -> None:
    (home / "draft").write_text("id\n1\n")
    (home / "draft").rename(home / "landing" / "orders" / name)
    wait_for_later_stamp(home)


def test_a_rename_wakes_the_sensor_which_takes_it(tmp_path: Path, feed: Feed, lasting: dg.DagsterInstance) -> None:
    home = Path(lasting.root_directory)
    first = tick(feed, tmp_path, lasting)
    assert not first.run_requests
    (tmp_path / "landing/orders/2024-01-03.csv").write_text("id\n1\n")
    move(tmp_path, "2024-01-01.csv")
    until(lambda: last_wake(home))
    assert woken_at(home, "orders_arrivals") > 0
    asked: list[dg.RunRequest] = []

    def is_asked() -> bool:
        # what changed within the last step of the clock is the next tick's
        asked.extend(tick(feed, tmp_path, lasting, first.cursor).run_requests or ())
        return bool(asked)

    until(is_asked)
    assert [request.partition_key for request in asked] == ["2024-01-01"], "what was written in place waits"
    assert run_tags.WHOLE in asked[0].tags


def test_it_is_asked_for_once_and_found_again_when_it_is_stable(
    tmp_path: Path, feed: Feed, lasting: dg.DagsterInstance
) -> None:
    cursor = tick(feed, tmp_path, lasting).cursor
    move(tmp_path, "2024-01-01.csv")
    results: list[dg.SensorResult] = []
    until(lambda: results.append(tick(feed, tmp_path, lasting, cursor)) or results[-1].run_requests)
    again = tick(feed, tmp_path, lasting, results[-1].cursor)
    assert not again.run_requests


def test_a_tick_by_hand_watches_nothing(tmp_path: Path, feed: Feed, lasting: dg.DagsterInstance) -> None:
    before = threading.active_count()
    tick(feed, tmp_path, lasting, served=False)
    assert landing_watches._watches == {}
    assert threading.active_count() == before


def test_why_there_are_no_events_is_said_once(
    tmp_path: Path, feed: Feed, lasting: dg.DagsterInstance, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "landing" / "orders").rmdir()
    (tmp_path / "landing").rmdir()
    for _ in range(3):
        tick(feed, tmp_path, lasting)
    assert capfd.readouterr().err.count("seen by the next tick, not at once: the landing folder is not there") == 1
