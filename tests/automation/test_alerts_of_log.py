"""Nothing of the event log is lost: what is committed late, what only the run knows, and a long backlog."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange
from dagster._core.events import DagsterEvent
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable

from platform_assets.alerts.lineage import Lineage
from platform_assets.alerts.messages import Writer
from platform_assets.alerts.router import Router
from platform_assets.automation.alerting.location import Location
from platform_assets.automation.alerting.observing import BATCH, LATE_COMMITS, POLL, Observer
from platform_assets.automation.alerting.places import store_of
from platform_assets.instance.reading import EventIndex
from tests.automation.alerted import Clock
from tests.support.projects import QUIET, quick_instance

EVENTS = SqlEventLogStorageTable
POSTGRES = {
    "run_storage": ("dagster_postgres.run_storage", "PostgresRunStorage"),
    "event_log_storage": ("platform_assets.instance.postgres", "QuickPostgresEventLogStorage"),
    "schedule_storage": ("dagster_postgres.schedule_storage", "PostgresScheduleStorage"),
}


@contextmanager
def opened(home: Path, url: str | None) -> Iterator[dg.DagsterInstance]:
    (home / "dagster").mkdir()
    overrides = quick_instance(home)
    if url is not None:
        parts = {
            key: {"module": module, "class": name, "config": {"postgres_url": url}}
            for key, (module, name) in POSTGRES.items()
        }
        overrides = {"telemetry": {"enabled": False}, **parts}
    with dg.instance_for_test(temp_dir=str(home / "dagster"), overrides=overrides) as instance:
        yield instance


@pytest.fixture(name="instance", params=["sqlite", "postgres"])
def _instance(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    url = request.getfixturevalue("postgres_database") if request.param == "postgres" else None
    with opened(tmp_path, url) as instance:
        yield instance


class Looking:
    """An observer of an instance, and the subjects of the incidents that it opened, in order."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance, self.clock, self.opened = instance, Clock(), list[str]()

    def look(self) -> list[str]:
        router = Router(Writer(Lineage()), lambda incident, about, at: ("team",))
        known = set(self.opened)
        location = Location.of(dg.Definitions().get_repository_def())
        for changed in Observer(self.instance, store_of(self.instance), router, location).look(self.clock):
            self.opened += [each.subject for each in changed if each.subject not in known]
        return self.opened


@pytest.fixture(name="looking")
def _looking(instance: dg.DagsterInstance) -> Looking:
    return Looking(instance)


def fail(instance: dg.DagsterInstance, *names: str) -> str:
    """A run in which every asset fails; its id."""

    def asset(name: str) -> dg.AssetsDefinition:
        @dg.asset(name=name)
        def made() -> None:
            raise ValueError(name)

        return made

    job = dg.Definitions([asset(name) for name in names]).resolve_implicit_global_asset_job_def()
    return job.execute_in_process(instance=instance, run_config=QUIET, raise_on_error=False).run_id


def taken_out(instance: dg.DagsterInstance, run_id: str) -> dict[str, object]:
    """The event of the failed run, which is no longer in the index."""
    where = (EVENTS.c.run_id == run_id) & (EVENTS.c.dagster_event_type == "PIPELINE_FAILURE")
    with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
        row = dict(connection.execute(sa.select(EVENTS).where(where)).mappings().one())
        connection.execute(sa.delete(EVENTS).where(where))
    return row


@pytest.mark.slow
def test_a_failure_is_found_once(looking: Looking) -> None:
    fail(looking.instance, "a")
    for _ in range(3):
        assert looking.look() == ["a"]
        looking.clock.advance(seconds=LATE_COMMITS.total_seconds())
    fail(looking.instance, "b")
    assert looking.look() == ["a", "b"]


@pytest.mark.slow
@pytest.mark.parametrize("instance", ["postgres"], indirect=True, ids=["postgres"])
def test_what_is_committed_after_a_later_number_is_found(looking: Looking) -> None:
    """On SQLite there is one writer at a time."""
    assert not EventIndex(looking.instance).is_ordered
    late = taken_out(looking.instance, fail(looking.instance, "late"))
    fail(looking.instance, "b")
    assert looking.look() == ["b"]
    with looking.instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
        connection.execute(EVENTS.insert(), late)
    assert looking.look() == ["b", "late"]


@pytest.mark.slow
def test_a_failure_that_only_the_run_knows_is_found(looking: Looking) -> None:
    taken_out(looking.instance, fail(looking.instance, "a"))
    assert looking.look() == []
    looking.clock.advance(seconds=POLL.total_seconds() + 1)
    assert looking.look() == ["a"]
    looking.clock.advance(seconds=POLL.total_seconds() + 1)
    assert looking.look() == ["a"]


@pytest.mark.slow
def test_a_backlog_of_any_length_is_read(looking: Looking) -> None:
    looking.look()
    fail(looking.instance, "a")
    for number in range(2 * BATCH + 7):
        looking.instance.report_runless_asset_event(dg.AssetMaterialization(f"table_{number}"))
    fail(looking.instance, "b")
    assert looking.look() == ["a", "b"]


@pytest.mark.slow
def test_old_failures_are_not_told_when_it_begins(looking: Looking) -> None:
    fail(looking.instance, "a")
    looking.clock.advance(hours=2)
    assert looking.look() == []


@pytest.mark.slow
def test_an_event_that_cannot_be_read_holds_up_no_other(looking: Looking) -> None:
    run = fail(looking.instance, "a")
    where = (EVENTS.c.run_id == run) & (EVENTS.c.dagster_event_type == "PIPELINE_FAILURE")
    with looking.instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
        connection.execute(sa.update(EVENTS).where(where).values(event="no event"))
    fail(looking.instance, "b")
    assert looking.look() == ["event log", "b"]


def test_a_freshness_policy_that_is_not_met_is_told_until_it_is(looking: Looking) -> None:
    for state, opened in (("FAIL", 1), ("FAIL", 1), ("PASS", 0)):
        change = FreshnessStateChange(
            key=dg.AssetKey("a"), new_state=FreshnessState(state), previous_state=FreshnessState.UNKNOWN,
            state_change_timestamp=looking.clock().timestamp(),
        )  # fmt: skip
        event = DagsterEvent("FRESHNESS_STATE_CHANGE", "", event_specific_data=change)
        looking.instance.report_dagster_event(event, run_id="")
        assert looking.look() == ["a"]
        with store_of(looking.instance).transaction() as transaction:
            assert len(transaction.incidents()) == opened
