"""When a delivery that is not published is asked for again, by the values of ticks under a clock of the test's."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from platform_assets.automation.cursor import Seen, read_cursor, write_cursor
from platform_assets.automation.reconciler import (
    Asked,
    Failed,
    Situation,
    Standing,
    begun_anew,
    due,
    reconcile,
    restarted,
)
from platform_assets.failures import Kind
from platform_assets.lake.deliveries import Delivery
from platform_assets.partition_key import PartitionKey
from platform_assets.retries.policy import DEFAULT, Layer, Policy

SECOND = 10**9
TICK = 30
HOUR = 3600
DAY = 24 * HOUR
KEYS = [f"d{number}" for number in range(9)]
VERSION = Delivery("f", PartitionKey("d0"), ()).version


class Ticks:
    """Ticks every 30 s; whatever a run is asked for fails at once with a kind, or comes to nothing (None)."""

    def __init__(self, kind: Kind | None, *, policy: Policy = DEFAULT, deadline: int = 0) -> None:
        self.kind, self.policy, self.deadline = kind, policy, deadline
        self.asked: dict[str, Asked] = {}
        self.failed: dict[str, Failed] = {}
        self.now = 0
        self.requests: list[tuple[int, str]] = []
        self.attempts: list[int] = []

    def tick(self, new: dict[str, Standing] | None = None) -> set[str]:
        looked = due(self.asked, self.now * SECOND, self.policy)
        standing = {**dict.fromkeys(looked, Standing.ABSENT), **(new or {})}
        decision = reconcile(
            self.asked,
            Situation(
                self.now * SECOND,
                {key: Delivery("f", PartitionKey(key), ()) for key in standing},
                standing,
                new=[*(new or ())],
                looked=looked | (self.asked.keys() & (new or {}).keys()),
                failed=self.failed,
                deadlines=dict.fromkeys(standing, self.deadline * SECOND),
                policy=self.policy,
            ),
        )
        keys = {request.delivery.partition for request in decision.requests}
        self.requests += [(self.now, key) for key in sorted(keys)]
        self.attempts += [request.attempt for request in decision.requests]
        if self.kind is not None:
            self.failed |= {key: Failed(self.kind, self.now * SECOND, self.now * SECOND) for key in keys}
        # what a tick leaves behind is what the next one reads
        self.asked = dict(read_cursor(write_cursor(Seen(asked=decision.asked))).asked)
        self.now += TICK
        return keys

    def until(self, seconds: int) -> list[int]:
        while self.now <= seconds:
            self.tick()
        return [at for at, _ in self.requests]


def ladder(kind: Kind) -> list[int]:
    """When the first tick after each wait of the policy asks, jitter aside, from the first request at 0."""
    times, at = [0], 0.0
    for wait in DEFAULT.delays(kind, Layer.AUTOMATION, lambda: 0.0):
        at = times[-1] + wait
        times.append(int(at))
    return times


HOURS_OF_PROBES = {Kind.INFRASTRUCTURE, Kind.TIMEOUT, Kind.MEMORY}


@pytest.mark.parametrize("kind", [*Kind, None])
def test_every_kind_is_asked_for_as_often_and_as_late_as_the_policy_says(kind: Kind | None) -> None:
    ticks = Ticks(kind)
    ticks.tick({"d0": Standing.ABSENT})
    found = ticks.until(2 * DAY)
    if kind is Kind.HELD:
        assert len(found) > 100, "no attempt was made: the sensor does not look while the asset is held"
        assert set(ticks.attempts) == {1}
        return
    expected = ladder(kind or Kind.INFRASTRUCTURE)
    for at, late in zip(found, expected, strict=False):
        assert 0.9 * late - TICK <= at <= late + TICK * len(expected)
    probes = found[len(expected) :]
    assert len(found) >= len(expected)
    if kind in HOURS_OF_PROBES or kind is None:
        assert len(probes) == DEFAULT.probes
        assert {after - before for before, after in pairwise(probes)} == {HOUR}
    else:
        assert probes == []
    assert ticks.attempts == [*range(1, len(found) + 1)]


@pytest.mark.slow
def test_what_is_not_delivered_is_asked_for_until_its_deadline() -> None:
    ticks = Ticks(Kind.NOT_DELIVERED, deadline=2 * DAY)
    ticks.tick({"d0": Standing.ABSENT})
    found = ticks.until(4 * DAY)
    assert 2 * DAY - HOUR - TICK <= found[-1] <= 2 * DAY
    gaps = [after - before for before, after in pairwise(found[5:])]
    assert all(0.9 * HOUR - TICK <= gap <= HOUR + TICK for gap in gaps), "hourly in the end, and not more often"


def test_probes_are_one_partition_an_hour_in_turns() -> None:
    ticks = Ticks(Kind.INFRASTRUCTURE)
    ticks.tick(dict.fromkeys(KEYS, Standing.ABSENT))
    ticks.until(HOUR)
    before = len(ticks.requests)
    ticks.until(10 * HOUR + 300)
    probes = ticks.requests[before:]
    assert {key for _, key in probes[: len(KEYS)]} == set(KEYS)
    assert len({at for at, _ in probes}) == len(probes) == 9


def test_once_one_is_published_the_others_are_due() -> None:
    ticks = Ticks(Kind.INFRASTRUCTURE)
    ticks.tick(dict.fromkeys(KEYS, Standing.ABSENT))
    ticks.until(90)
    count = len(ticks.requests)
    ticks.tick({"d0": Standing.PUBLISHED})
    assert ticks.tick() == set(KEYS[1:])
    assert len(ticks.requests) == count + len(KEYS) - 1


@pytest.mark.parametrize("kind", [Kind.CREDENTIALS, Kind.INFRASTRUCTURE, Kind.BUG, Kind.MISCONFIGURED])
def test_after_the_end_a_success_elsewhere_shows_that_an_outer_cause_is_gone(kind: Kind) -> None:
    ticks = Ticks(kind)
    ticks.tick({"d0": Standing.ABSENT})
    ticks.until(HOUR - 60)
    ticks.tick({"d1": Standing.ABSENT})
    ticks.tick({"d1": Standing.PUBLISHED})
    assert ticks.tick() == ({"d0"} if kind in (Kind.CREDENTIALS, Kind.INFRASTRUCTURE) else set())


def test_a_partition_with_a_trouble_of_its_own_is_not_asked_for_by_every_success_for_ever() -> None:
    ticks = Ticks(Kind.CREDENTIALS)
    ticks.tick({"d0": Standing.ABSENT})
    for day in range(50):
        ticks.now += DAY
        ticks.tick({f"good {day}": Standing.ABSENT})
        ticks.tick({f"good {day}": Standing.PUBLISHED})
    assert len([key for _, key in ticks.requests if key == "d0"]) == 1 + DEFAULT.probes


def test_what_is_published_at_once_makes_nothing_else_due() -> None:
    asked = {"d0": Asked(VERSION, 1, 60 * SECOND, attempts=1), "d1": Asked(VERSION, 5, 3600 * SECOND, attempts=5)}
    situation = Situation(60 * SECOND, {"d0": Delivery("f", PartitionKey("d0"), ())}, {"d0": Standing.PUBLISHED})
    decision = reconcile(asked, situation)
    assert not decision.recovered
    assert decision.asked == {"d1": asked["d1"]}


@pytest.mark.slow
def test_a_change_of_what_decides_gives_all_attempts_anew() -> None:
    ticks = Ticks(Kind.BUG)
    ticks.tick({"d0": Standing.ABSENT})
    assert ticks.until(DAY) == [0]
    ticks.asked = begun_anew(ticks.asked, ticks.now * SECOND)
    assert ticks.tick() == {"d0"}
    assert ticks.asked["d0"].tries == 2, "the next run has a key of its own"
    assert ticks.until(3 * DAY)[2:] == []


def test_a_new_code_server_asks_once_more_for_what_has_no_attempt_left() -> None:
    ticks = Ticks(Kind.MISCONFIGURED)
    ticks.tick({"d0": Standing.ABSENT})
    assert ticks.until(HOUR) == [0]
    waiting = Asked("v", 1, ticks.now * SECOND + HOUR * SECOND, ticks.now * SECOND, 1)
    asked = restarted({**ticks.asked, "d1": waiting}, ticks.now * SECOND)
    assert asked["d1"] == replace(waiting, attempts=0), "it keeps to its wait"
    ticks.asked = {"d0": asked["d0"]}
    assert ticks.tick() == {"d0"}
    assert ticks.until(DAY)[2:] == []


def test_what_fails_after_a_restart_and_was_asked_for_before_it_is_asked_for_once_more() -> None:
    ticks = Ticks(Kind.CREDENTIALS)
    ticks.tick({"d0": Standing.ABSENT})
    ticks.asked = restarted(ticks.asked, ticks.now * SECOND)
    first, *others = ticks.until(DAY)
    assert (first, len(others)) == (0, 1)


@pytest.mark.slow
def test_a_policy_of_its_own_is_followed() -> None:
    policy = Policy({}, probes=0)
    ticks = Ticks(Kind.INFRASTRUCTURE, policy=policy)
    ticks.tick({"d0": Standing.ABSENT})
    assert ticks.until(3 * DAY) == [0]


def test_a_cursor_of_the_format_before_begins_its_attempts_anew() -> None:
    seen = read_cursor('{"format": 2, "mark": [0, ""], "asked": {"d0": ["v", 7, 5]}}')
    assert seen.asked == {"d0": Asked("v", 7, 5, 0, 0, Kind.INFRASTRUCTURE, ahead=True)}
