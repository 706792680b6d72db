"""Signals become incidents: one for each cause, with what failed because of it, until all is good again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest

from platform_assets.alerts.grouping import GRACE, Change, take
from platform_assets.alerts.incidents import Incident, Status
from platform_assets.alerts.lineage import Lineage
from platform_assets.alerts.notices import Event
from platform_assets.alerts.signals import Severity, Signal, Source

NOW = dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)
CHILDREN = [f"mart_{number:03}" for number in range(200)]
LINEAGE = Lineage({"source": (), **dict.fromkeys(CHILDREN, ("source",)), "leaf": ("mart_000",), "other": ()})


def failed(subject: str, *, partition: str = "", run: str = "", minutes: float = 0, **more: object) -> Signal:
    values = {"kind": "rejected", "code": "empty", "message": f"{subject} is empty", **more}
    at = NOW + dt.timedelta(minutes=minutes)
    return Signal(Source.RUN, subject, at, partition=partition, run_id=run or f"run of {subject}", **values)  # type: ignore[arg-type]


def good(subject: str, *, partition: str = "", minutes: float = 0) -> Signal:
    return Signal(Source.RUN, subject, NOW + dt.timedelta(minutes=minutes), good=True, partition=partition)


class Told:
    """Incidents as a store would keep them, and every event that was told."""

    def __init__(self, *, escalate_after: dt.timedelta | None = None) -> None:
        self.incidents: dict[str, Incident] = {}
        self.events: list[tuple[Event, str]] = []
        self._after = escalate_after

    def take(self, signals: Sequence[Signal], *, minutes: float = 0) -> list[Change]:
        now = NOW + dt.timedelta(minutes=minutes)
        changed, changes = take(signals, self.incidents.values(), LINEAGE, now, escalate_after=self._after)
        self.incidents |= changed
        self.events += [(change.event, change.incident.subject) for change in changes]
        return changes

    @property
    def open(self) -> list[str]:
        return [incident.subject for incident in self.incidents.values() if incident.is_open]


def permutations() -> list[list[Signal]]:
    root, rest = failed("source"), [failed(child) for child in CHILDREN]
    return [[root, *rest], [*rest, root], [*rest[:100], root, *rest[100:]]]


@pytest.mark.parametrize("signals", permutations(), ids=["root first", "root last", "root between"])
@pytest.mark.parametrize("size", [1, 7, 201])
def test_a_source_with_200_failures_downstream_is_one_incident(signals: list[Signal], size: int) -> None:
    told = Told()
    for start in range(0, len(signals), size):
        told.take(signals[start : start + size])
    assert told.open == ["source"]
    (incident,) = [each for each in told.incidents.values() if each.is_open]
    assert {trouble[1] for trouble in incident.affected} == set(CHILDREN)
    assert incident.seen == 201


def test_it_is_resolved_once_when_the_source_is_good() -> None:
    told = Told()
    told.take([failed("source"), *map(failed, CHILDREN)])
    told.take([good("source", minutes=5)], minutes=5)
    told.take([good(child, minutes=6) for child in CHILDREN], minutes=6)
    told.take([], minutes=60)
    assert told.events == [(Event.OPENED, "source"), (Event.RESOLVED, "source")]


def test_what_still_fails_after_its_cause_is_gone_is_told_on_its_own() -> None:
    told = Told()
    told.take([failed("source"), failed("mart_000"), failed("mart_001")])
    told.take([good("source", minutes=5), good("mart_000", minutes=6)], minutes=6)
    told.take([], minutes=7)
    assert told.open == []
    told.take([], minutes=6 + GRACE.total_seconds() / 60)
    assert told.open == ["mart_001"]
    told.take([], minutes=60)
    assert told.events.count((Event.OPENED, "mart_001")) == 1


def test_more_partitions_of_one_cause_are_one_incident_until_the_last_is_good() -> None:
    told = Told()
    days = [f"2024-01-{day:02}" for day in range(1, 6)]
    for number, day in enumerate(days):
        told.take([failed("source", partition=day, minutes=number)], minutes=number)
    for day in days[:-1]:
        told.take([good("source", partition=day, minutes=10)], minutes=10)
    assert told.open == ["source"]
    told.take([good("source", partition=days[-1], minutes=11)], minutes=11)
    assert [event for event, _ in told.events] == [Event.OPENED, *[Event.CHANGED] * 8, Event.RESOLVED]


def test_the_same_failure_again_is_not_told_again() -> None:
    told = Told()
    for minute in range(10):
        told.take([failed("source", partition="a", minutes=minute)], minutes=minute)
    assert told.events == [(Event.OPENED, "source")]
    (incident,) = told.incidents.values()
    assert incident.seen == 10


def test_what_fails_and_is_good_within_one_look_is_not_told() -> None:
    told = Told()
    told.take([failed("source"), good("source")])
    told.take([good("source"), failed("source", minutes=1)], minutes=1)
    assert told.events == [(Event.OPENED, "source")]


def test_another_cause_of_the_same_thing_ends_the_first_one() -> None:
    told = Told()
    told.take([failed("source", partition="a")])
    told.take([failed("source", partition="a", kind="timeout", code="slow", minutes=1)], minutes=1)
    assert told.events == [(Event.OPENED, "source"), (Event.RESOLVED, "source"), (Event.OPENED, "source")]
    assert [each.kind for each in told.incidents.values() if each.is_open] == ["timeout"]


def test_one_fault_of_the_infrastructure_is_one_incident_of_all_assets() -> None:
    told = Told()
    lost = {"kind": "infrastructure", "code": "warehouse:connection"}
    told.take([failed("other", **lost), failed("source", **lost), failed("leaf", **lost)])
    assert len(told.open) == 1
    told.take([good("other", minutes=1), good("source", minutes=1)], minutes=1)
    assert len(told.open) == 1
    told.take([good("leaf", minutes=2)], minutes=2)
    assert told.open == []


@pytest.mark.parametrize(
    ("upstream", "downstream"),
    [
        (failed("source", partition="a"), failed("mart_000", partition="b", run="another")),
        (
            Signal(Source.FRESHNESS, "source", NOW, severity=Severity.WARNING, run_id="one"),
            failed("mart_000", run="another"),
        ),
        (failed("other"), failed("mart_000")),
        (
            Signal(Source.TICK, "source", NOW, of_asset=False, message="a sensor of that name"),
            failed("mart_000"),
        ),
    ],
    ids=["other partitions", "a warning", "not upstream", "no asset"],
)
def test_what_is_not_caused_by_it_is_told_on_its_own(upstream: Signal, downstream: Signal) -> None:
    told = Told()
    told.take([upstream])
    told.take([downstream], minutes=1)
    assert sorted(told.open) == sorted([upstream.subject, downstream.subject])


def test_one_that_was_told_becomes_part_of_its_cause() -> None:
    told = Told()
    told.take([failed("mart_000")])
    told.take([failed("source", minutes=3)], minutes=3)
    assert told.open == ["source"]
    (child,) = [each for each in told.incidents.values() if each.subject == "mart_000"]
    (root,) = [each for each in told.incidents.values() if each.is_open]
    assert (child.status, child.part_of) == (Status.RESOLVED, root.id)


def test_an_old_failure_downstream_is_none_of_a_new_cause() -> None:
    told = Told()
    told.take([failed("mart_000")])
    told.take([failed("source", minutes=60)], minutes=60)
    assert sorted(told.open) == ["mart_000", "source"]


def test_an_error_is_escalated_once_unless_somebody_has_it() -> None:
    told = Told(escalate_after=dt.timedelta(minutes=30))
    told.take([failed("source"), failed("other")])
    (mine,) = [each for each in told.incidents.values() if each.subject == "other"]
    told.incidents[mine.id] = Incident.from_dict({**mine.to_dict(), "status": "acknowledged"})
    for minute in (10, 29, 30, 31, 90):
        told.take([], minutes=minute)
    assert told.events == [(Event.OPENED, "source"), (Event.OPENED, "other"), (Event.ESCALATED, "source")]


def test_a_warning_is_not_escalated() -> None:
    told = Told(escalate_after=dt.timedelta(minutes=30))
    told.take([Signal(Source.CHECK, "source", NOW, name="few", severity=Severity.WARNING)])
    told.take([], minutes=60)
    assert told.events == [(Event.OPENED, "source")]


def test_an_incident_is_the_same_as_json() -> None:
    told = Told()
    told.take([failed("source", partition="a", lines=("one", "two")), failed("mart_000", partition="a")])
    for incident in told.incidents.values():
        assert Incident.from_dict(incident.to_dict()) == incident


def test_what_fails_alike_in_one_run_below_one_asset_is_one_incident_and_then_part_of_its_cause() -> None:
    told = Told()
    told.take([failed(child, run="one") for child in CHILDREN])
    assert len(told.open) == 1
    told.take([failed("source", minutes=1)], minutes=1)
    assert told.open == ["source"]
    assert told.events == [
        (Event.OPENED, "mart_000"), (Event.RESOLVED, "mart_000"), (Event.OPENED, "source")
    ]  # fmt: skip
    (incident,) = [each for each in told.incidents.values() if each.is_open]
    assert {trouble[1] for trouble in incident.affected} == set(CHILDREN)


def test_what_fails_alike_in_one_run_below_nothing_is_told_apart() -> None:
    told = Told()
    told.take([failed("source", run="one"), failed("other", run="one")])
    assert told.open == ["source", "other"]
