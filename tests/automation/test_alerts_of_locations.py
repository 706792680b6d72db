"""Two code locations on one instance, with an alerts file each: one incident of each cause, and from the right one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import SensorInstigatorData
from dagster._daemon.types import DaemonHeartbeat
from dagster._utils.error import SerializableErrorInfo

from platform_assets.alerts.locations import FORGOTTEN_AFTER, KeptLocation, KnownLocation, known_locations
from platform_assets.automation.alerting.location import Location
from platform_assets.automation.alerting.rounds import AlertRound
from platform_assets.automation.alerting.watchdog import Watchdog
from tests.automation.alerted import Alerted, alerted
from tests.automation.instigators import ticked, turned_on
from tests.support.projects import QUIET

UNREACHABLE = SerializableErrorInfo("", [], "DagsterUserCodeUnreachableError")
MISTAKE = SerializableErrorInfo("", [], "ZeroDivisionError")
PAGER = 'channels:\n  pager: {{pagerduty: {{url: "{url}"}}}}\nroutes: [{{to: [pager]}}]\n'


@dataclass
class Place:
    """A code location on the instance of a project; its assets fail while their names are in ``project.fails``."""

    project: Alerted
    name: str
    definitions: dg.Definitions
    file: Path

    def look(self) -> None:
        """Two rounds of its sensor `alerts`: what is due after a moment is sent by the second."""
        location = Location.of(self.definitions.get_repository_def(), self.name)
        for _ in range(2):
            AlertRound.of(self.project.instance, location, self.file).run(self.project.clock)
            self.project.clock.advance(seconds=31)

    def run(self, asset: str) -> None:
        job = self.definitions.resolve_implicit_global_asset_job_def()
        job.execute_in_process(
            instance=self.project.instance, asset_selection=[dg.AssetKey(asset.split("/"))], run_config=QUIET,
            raise_on_error=False,
        )  # fmt: skip


def made(project: Alerted, name: str, *deps: str) -> dg.AssetsDefinition:
    @dg.asset(key=name.split("/"), deps=[dg.AssetKey(dep.split("/")) for dep in deps])
    def asset() -> None:
        if name in project.fails:
            raise ValueError("as asked for")

    return asset


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Alerted]:
    with alerted(tmp_path / "project", {"source": []}, monkeypatch) as project:
        yield project


@pytest.fixture(name="feeds")
def _feeds(project: Alerted) -> Place:
    definitions = dg.Definitions([made(project, "lake/orders"), made(project, "raw/orders", "lake/orders")])
    return Place(project, "feeds", definitions, project.file)


@pytest.fixture(name="marts")
def _marts(project: Alerted) -> Place:
    assets = [made(project, "marts/orders", "raw/orders"), made(project, "published/orders", "marts/orders")]
    return Place(project, "marts", dg.Definitions(assets), project.file)


def paged(project: Alerted) -> list[str]:
    return [f"{event['event_action']} {event['payload']['summary']}" for event in project.pagerduty.events]


def test_an_incident_counts_what_is_downstream_in_another_location(feeds: Place, marts: Place) -> None:
    feeds.look()
    marts.look()
    feeds.project.fails |= {"raw/orders", "marts/orders"}
    feeds.run("raw/orders")
    feeds.look()
    marts.look()
    (event,) = feeds.project.pagerduty.events
    assert "published/orders" in str(event["payload"]["custom_details"])
    with feeds.project.store.transaction() as transaction:
        (incident,) = transaction.incidents()
    assert incident.subject == "raw/orders"


@pytest.mark.slow
def test_what_fails_downstream_in_another_location_is_part_of_the_incident(feeds: Place, marts: Place) -> None:
    for place in (feeds, marts):
        place.look()
    feeds.project.fails |= {"raw/orders", "marts/orders"}
    feeds.run("raw/orders")
    marts.run("marts/orders")
    for place in (marts, feeds, marts):
        place.look()
    with feeds.project.store.transaction() as transaction:
        subjects = {each.subject for each in transaction.incidents()}
    assert subjects == {"raw/orders"}, "the cause alone is open"


def sensors(place: Place) -> dict[str, object]:
    """Its sensors are on, and known to the watchdog."""
    known = KnownLocation(sensors=("alerts", "automation"))
    with place.project.store.transaction() as transaction:
        KeptLocation.of(place.name, known).keep(transaction, [], place.project.clock().timestamp())
    data = SensorInstigatorData(min_interval=10)
    return {name: turned_on(place.project.instance, name, data, location=place.name) for name in known.sensors}


@pytest.mark.slow
@pytest.mark.parametrize("watched", [False, True], ids=["without a watchdog", "with a watchdog"])
def test_a_location_that_is_down_is_reported_once_whoever_sees_it(feeds: Place, marts: Place, watched: bool) -> None:
    project = feeds.project
    down, up = sensors(feeds), sensors(marts)

    def look() -> None:
        for kind in project.instance.get_required_daemon_types():
            project.instance.add_daemon_heartbeat(DaemonHeartbeat(project.clock().timestamp(), kind, "id"))
        for state in up.values():
            ticked(project.instance, state, project.clock())
        if watched:
            Watchdog.of(project.instance, project.file).look(project.clock)
        marts.look()

    for state in down.values():
        ticked(project.instance, state, project.clock())
    look()
    for failures in range(1, 6):
        began = project.clock()
        project.clock.advance(seconds=62)
        for state in down.values():
            ticked(project.instance, state, began, failures=failures, error=UNREACHABLE, ended=project.clock())
        look()
    (one,) = paged(project)
    assert one.startswith("trigger [CRITICAL] code location feeds has stopped: it cannot be reached")
    for state in down.values():
        ticked(project.instance, state, project.clock())
    for _ in range(2):
        look()
        feeds.look()
    assert [word.split()[0] for word in paged(project)] == ["trigger", "resolve"]


@pytest.mark.slow
def test_sensors_of_the_same_name_are_told_apart(feeds: Place, marts: Place) -> None:
    project = feeds.project
    failing, good = sensors(feeds)["automation"], sensors(marts)["automation"]
    for failures in (1, 2, 3):
        ticked(project.instance, failing, project.clock(), failures=failures, error=MISTAKE)
        ticked(project.instance, good, project.clock())
        project.clock.advance(seconds=31)
        for place in (feeds, marts, feeds):
            place.look()
    (one,) = paged(project)
    assert "automation of feeds" in one
    ticked(project.instance, failing, project.clock())
    marts.look()
    assert len(paged(project)) == 1, "its own location looks at it"
    feeds.look()
    assert [word.split()[0] for word in paged(project)] == ["trigger", "resolve"]


@pytest.mark.slow
def test_each_location_sends_by_its_own_channels(feeds: Place, marts: Place) -> None:
    project = feeds.project
    (project.root / "marts").mkdir()
    marts.file = project.root / "marts" / "alerts.yaml"
    marts.file.write_text(PAGER.format(url=project.pagerduty.url))
    for place in (feeds, marts):
        place.look()
    project.fails |= {"raw/orders"}
    feeds.run("raw/orders")
    location = Location.of(feeds.definitions.get_repository_def(), feeds.name)
    AlertRound.of(project.instance, location, feeds.file).run(project.clock, seconds=0)
    project.clock.advance(seconds=31)
    marts.look()
    with project.store.transaction() as transaction:
        assert {row["channel"] for row in transaction.unsent()} == {"team", "on-call", "mail"}
        assert {row["problem"] for row in transaction.unsent()} == {""}
    feeds.look()
    assert len(paged(project)) == 1
    with project.store.transaction() as transaction:
        assert transaction.unsent() == []


def test_a_location_that_is_gone_is_forgotten(feeds: Place, marts: Place) -> None:
    sensors(feeds)
    with feeds.project.store.transaction() as transaction:
        later = (dt.datetime.now(dt.UTC) + FORGOTTEN_AFTER + dt.timedelta(days=1)).timestamp()
        KeptLocation.of(marts.name, KnownLocation()).keep(transaction, [], later)
        assert set(known_locations(transaction)) == {"marts"}
