"""Partitions that are published late or not at all, on a real instance with a clock that is set."""

from __future__ import annotations

import time
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from platform_assets.alerts.lateness import Due
from platform_assets.alerts.signals import Source
from platform_assets.automation.alerting.expected import Expectation
from platform_assets.automation.alerting.places import store_of
from platform_assets.contracts.model import NotDue
from tests.automation.punctual import DAILY, Punctual, days, moment, punctual, spec

MORNING = "30 8 * * *"


def partitions_of(project: Punctual, at: str, source: Source = Source.DEADLINE) -> list[str]:
    return [key for incident in project.look(at) if incident.source is source for key in incident.partitions]


def test_a_file_that_does_not_come_is_told_once_by_its_deadline_and_is_good_when_it_is_there(tmp_path: Path) -> None:
    assets = [
        spec("landing/orders", deadline=MORNING),
        spec("raw/orders", ["landing/orders"], deadline=MORNING),
        spec("marts/revenue", ["raw/orders"], deadline="0 9 * * *"),
    ]
    names = [asset.key.to_user_string() for asset in assets]
    with punctual(tmp_path, assets) as project:
        for name in names:
            project.publish(name, *days("2026-02-20", 9), at="03-01 02:00")
        assert project.look("03-02 08:00") == []
        assert project.look("03-02 08:30") == [], "it is within its deadline"
        (incident,) = project.look("03-02 08:32")
        assert (incident.source, incident.subject, incident.partitions) == (
            Source.DEADLINE, "landing/orders", ("2026-03-01",),
        )  # fmt: skip
        assert incident.message == "2026-03-01 was to be published by 2026-03-02 08:30 UTC"
        assert (incident.actor, {trouble[1] for trouble in incident.affected}) == ("sender", {"raw/orders"})
        (later,) = project.look("03-02 12:00")
        assert later.id == incident.id
        assert {trouble[1] for trouble in later.affected} == {"raw/orders", "marts/revenue"}
        assert project.look("03-02 12:01") == [later], "what is known is not told again"
        (both,) = project.look("03-03 12:00")
        assert (both.id, both.partitions) == (incident.id, ("2026-03-01", "2026-03-02"))
        for name in names:
            project.publish(name, "2026-03-01", "2026-03-02", at="03-03 12:30")
        assert project.look("03-03 13:00") == []


def test_what_is_late_stays_late_while_its_deadlines_cannot_be_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Expectation, after: float, until: float) -> list[Due]:
        raise ValueError("a calendar that cannot be read")

    with punctual(tmp_path, [spec("raw/orders", deadline=MORNING)]) as project:
        project.publish("raw/orders", *days("2026-02-20", 9), at="03-01 02:00")
        assert partitions_of(project, "03-02 12:00") == ["2026-03-01"]
        with monkeypatch.context() as patched:
            patched.setattr(Expectation, "due", broken)
            assert partitions_of(project, "03-03 12:00") == ["2026-03-01"]
        assert partitions_of(project, "03-03 12:05") == ["2026-03-01", "2026-03-02"]


def test_an_old_day_that_is_backfilled_makes_nothing_fresh(tmp_path: Path) -> None:
    with punctual(tmp_path, [spec("raw/orders", deadline=MORNING)]) as project:
        project.publish("raw/orders", *days("2026-02-20", 8), at="02-28 02:00")
        assert partitions_of(project, "03-02 12:00") == ["2026-02-28", "2026-03-01"]
        project.publish("raw/orders", "2026-01-15", at="03-02 12:30")
        assert partitions_of(project, "03-02 13:00") == ["2026-02-28", "2026-03-01"]
        project.publish("raw/orders", "2026-03-01", at="03-02 14:30")
        assert partitions_of(project, "03-02 15:00") == ["2026-02-28"]


@pytest.mark.parametrize(
    ("published", "late"),
    [
        (None, ["2026-03-01"]),
        ("02-28 10:00", ["2026-02-28", "2026-03-01"]),
        ("01-06 10:00", days("2026-02-23", 7)),
    ],
    ids=["never published", "published for some days", "published for months"],
)
def test_the_first_look_asks_for_no_backfill(tmp_path: Path, published: str | None, late: list[str]) -> None:
    with punctual(tmp_path, [spec("raw/orders", deadline=MORNING)]) as project:
        if published is not None:
            project.publish("raw/orders", "2026-01-02", at=published)
        assert partitions_of(project, "03-02 12:00") == late


@pytest.mark.parametrize("comes", [True, False])
def test_what_was_due_before_the_first_look_has_some_minutes_to_come(tmp_path: Path, comes: bool) -> None:
    with punctual(tmp_path, [spec("raw/orders", deadline=MORNING)]) as project:
        assert project.look_once(moment("03-02 12:00")) == []
        assert project.look_once(moment("03-02 12:01")) == []
        if comes:
            project.publish("raw/orders", "2026-03-01", at="03-02 12:01")
        assert project.look_once(moment("03-02 12:14")) == []
        assert partitions_of(project, "03-02 12:15") == ([] if comes else ["2026-03-01"])


def test_what_is_due_after_the_first_look_is_told_at_once(tmp_path: Path) -> None:
    with punctual(tmp_path, [spec("raw/orders", deadline=MORNING)]) as project:
        project.publish("raw/orders", *days("2026-02-20", 9), at="03-01 02:00")
        assert project.look_once(moment("03-02 08:29")) == []
        assert partitions_of(project, "03-02 08:32") == ["2026-03-01"]


def test_on_a_holiday_nothing_is_due(tmp_path: Path) -> None:
    rules = [NotDue("the shop is closed", weekday=6)]
    with punctual(tmp_path, [spec("raw/orders", deadline=MORNING, not_due=rules)]) as project:
        project.publish("raw/orders", "2026-02-28", at="03-01 02:00")
        assert project.look("03-02 12:00") == [], "2026-03-01 is a Sunday"
        assert partitions_of(project, "03-03 12:00") == ["2026-03-02"]


def test_what_is_not_due_any_more_is_not_late(tmp_path: Path) -> None:
    with punctual(tmp_path, [spec("raw/orders", deadline=MORNING)]) as project:
        project.publish("raw/orders", *days("2026-02-20", 9), at="03-01 02:00")
        assert partitions_of(project, "03-02 12:00") == ["2026-03-01"]
    changed = [spec("raw/orders", deadline=MORNING, not_due=[NotDue("closed", weekday=6)])]
    with punctual(tmp_path, changed) as project:
        assert project.look("03-02 13:00") == []
    with punctual(tmp_path, [spec("raw/orders", deadline=MORNING)]) as project:
        assert partitions_of(project, "03-03 12:00") == ["2026-03-02"]
    with punctual(tmp_path, []) as project:
        assert project.look("03-03 13:00") == [], "the asset is gone"


def test_a_partition_whose_run_failed_is_told_by_that(tmp_path: Path) -> None:
    @dg.asset(partitions_def=DAILY, metadata=dict(spec("x", deadline=MORNING).metadata))
    def orders() -> None:
        raise ValueError("no")

    with punctual(tmp_path, [orders]) as project:
        project.publish("orders", *days("2026-02-20", 9), at="03-01 02:00")
        job = project.definitions.resolve_implicit_global_asset_job_def()
        job.execute_in_process(instance=project.instance, partition_key="2026-03-01", raise_on_error=False)
        project.look("03-02 08:00")
        assert [(each.source, each.partitions) for each in project.look("03-02 12:00")] == [
            (Source.RUN, ("2026-03-01",))
        ]


def test_two_late_partitions_of_seven_are_no_burnt_budget_and_three_are(tmp_path: Path) -> None:
    with punctual(tmp_path, [spec("raw/orders", deadline=MORNING)]) as project:
        for day, key in enumerate(days("2026-02-01", 28), start=2):
            if day <= 28:
                project.publish("raw/orders", key, at=f"02-{day:02d} 02:00")
        for key, at in (("2026-02-28", "03-01 10:00"), ("2026-03-01", "03-02 02:00"), ("2026-03-02", "03-03 10:00")):
            project.publish("raw/orders", key, at=at)
        found = [incident for incident in project.look("03-03 12:00") if incident.source is Source.FRESHNESS]
        assert [incident.message for incident in found] == [
            "2 of 30 partitions of the last 30 days were late, with an objective of 0.95"
        ]
        project.publish("raw/orders", "2026-03-03", at="03-04 10:00")
        (spent,) = project.look("03-04 12:00")
        assert (spent.id, spent.severity) == (found[0].id, "warning")
        for day in range(5, 31):
            project.publish("raw/orders", f"2026-03-{day - 1:02d}", at=f"03-{day:02d} 02:00")
        assert [each.id for each in project.look("03-30 12:00")] == [spent.id]
        project.publish("raw/orders", "2026-03-30", "2026-03-31", "2026-04-01", at="03-31 02:00")
        assert project.look("04-02 12:00") == [], "the late ones are older than 30 days"


@pytest.mark.parametrize("assets", [500])
def test_500_assets_that_wait_cost_no_run_and_three_queries_a_look(
    tmp_path: Path, assets: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"raw/feed{number}" for number in range(assets)]
    with punctual(tmp_path, [spec(name, deadline=MORNING) for name in names]) as project:
        assert len(project.look("03-02 12:00")) == assets
        queries: list[str] = []
        monkeypatch.setattr(
            sa.Connection, "execute",
            lambda self, query, *given, run=sa.Connection.execute: (
                queries.append(str(query)) if "min(event_logs.timestamp)" in str(query) else None,
                run(self, query, *given),
            )[1],
        )  # fmt: skip
        started = time.perf_counter()
        assert len(project.look("03-02 12:01")) == assets
        seconds = time.perf_counter() - started
        assert len([query for query in queries if "GROUP BY" in query]) == 3
        assert project.instance.get_runs_count() == 0
        assert seconds < 10
        with store_of(project.instance).transaction() as transaction:
            assert transaction.unsent() != []
