"""Whatever kept a delivery from being published, once that is gone the ticks of its sensor get it published, once.

A project with a feed of each kind of partition on a real instance: every request of a tick is carried out by a run of
the project's own job in this process, and the sensor's clock is moved on by hand.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import product

import dagster as dg
import pytest
from dagster._core.execution.api import create_execution_plan

from platform_assets.automation import arrival_sensor
from platform_assets.failpoints import armed
from platform_assets.failures import Kind
from platform_assets.holds.holds import Hold, hold, release
from platform_assets.lake.layout import MANIFEST, partition_folder
from platform_assets.retries.policy import DEFAULT, Layer
from tests.support.campaigns import pairs
from tests.support.projects import Project, opened, write_project
from tests.support.sensors import SECOND, Sensor
from tests.support.shop import CONTRACT, FEED

DAYS = '{type: daily, start_date: "2024-01-01", end_date: "2024-01-06"}'
KINDS = {
    "daily": ("daily/%Y-%m-%d.csv", f"  partitions: {DAYS}\n", "daily/2024-01-02.csv", "2024-01-02"),
    "whole": ("whole.csv", "", "whole.csv", "snapshot"),
    "fixed": ("fixed/{key}.csv", "  partitions: {type: static, partition_keys: [north]}\n", "fixed/north.csv", "north"),
    "shops": ("shops/{key}.csv", "  partitions: {type: dynamic, name: shops}\n", "shops/berlin.csv", "berlin"),
}
COLUMNS = """\
      - {name: id, logicalType: integer}
      - {name: who, logicalType: string, classification: personal,
         customProperties: [{property: protection, value: hash}]}
"""


@pytest.fixture(name="project", scope="module")
def _project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    root = tmp_path_factory.mktemp("forgotten")
    files = {}
    for name, (pattern, partitions, _, _) in KINDS.items():
        files[f"{name}/defs.yaml"] = FEED.format(files=f'"{pattern}"') + partitions
        files[f"{name}/contract.yaml"] = CONTRACT.format(name=name, columns=COLUMNS)
    write_project(root, files)
    with opened(root) as project:
        yield project


Cause = Callable[[pytest.MonkeyPatch], AbstractContextManager[None]]
Act = Callable[[Project, Sensor, str, pytest.MonkeyPatch], None]


def full_at(point: str) -> Cause:
    """The disk is full whenever a failpoint is reached."""

    def full() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return lambda _: armed(point, full)


@contextmanager
def no_key(patch: pytest.MonkeyPatch) -> Iterator[None]:
    patch.delenv("PLATFORM_PSEUDONYM_KEY")
    yield


CAUSES: dict[str, Cause] = {
    "full disk": full_at("lake.commit.before_rename"),
    "no pseudonym key": no_key,
    "full warehouse": full_at("publish.audited"),
}


def delivered(project: Project, feed: str, monkeypatch: pytest.MonkeyPatch) -> Sensor:
    """A new delivery of the feed; what was delivered and published before does not count."""
    monkeypatch.setenv("PLATFORM_PSEUDONYM_KEY", "not a secret, but long enough")
    path = project.landing / KINDS[feed][2]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"id,who\n1,{time.time_ns()}\n")
    return Sensor(project, feed, max(time.time_ns(), path.stat().st_ctime_ns) + SECOND)


def ticks_until_published(sensor: Sensor, monkeypatch: pytest.MonkeyPatch, before: int) -> None:
    """Ticks every 30 s for two minutes: the partition is published by one run, and not asked for again after that."""
    asked = []
    for _ in range(4):
        sensor.clock_ns += 30 * SECOND
        for request in sensor.tick(monkeypatch):
            asked.append(request)
            assert sensor.run(request).success
    assert len(asked) == 1
    assert sensor.published() == [KINDS[sensor.feed][3]] * (before + 1)
    for _ in range(3):
        sensor.clock_ns += 3600 * SECOND
        assert sensor.tick(monkeypatch) == []


@pytest.mark.parametrize(("feed", "cause"), pairs(KINDS, ["full disk", "full warehouse"]))
def test_a_failed_run_is_repeated_once_its_cause_is_gone(
    project: Project, monkeypatch: pytest.MonkeyPatch, feed: str, cause: str
) -> None:
    sensor = delivered(project, feed, monkeypatch)
    before = len(sensor.published())
    with monkeypatch.context() as patch, CAUSES[cause](patch):
        (request,) = sensor.tick(monkeypatch)
        assert not sensor.run(request).success
    assert len(sensor.published()) == before
    ticks_until_published(sensor, monkeypatch, before)


@pytest.mark.slow
@pytest.mark.parametrize("feed", KINDS)
@pytest.mark.parametrize(("hours", "seconds"), [(3, 30), (12, 120)])
def test_a_full_disk_that_is_mended_late_is_found_out_by_a_probe_within_the_hour(
    project: Project, monkeypatch: pytest.MonkeyPatch, feed: str, hours: int, seconds: int
) -> None:
    sensor = delivered(project, feed, monkeypatch)
    before, runs = len(sensor.published()), 0
    with monkeypatch.context() as patch, CAUSES["full disk"](patch):
        for _ in range(3600 * hours // seconds):
            for request in sensor.tick(monkeypatch):
                runs += 1
                if runs < 4:  # the others end in the same way
                    assert not sensor.run(request).success
            sensor.clock_ns += seconds * SECOND
    attempts = DEFAULT.attempts(Kind.INFRASTRUCTURE, Layer.AUTOMATION)
    assert attempts + hours - 1 <= runs <= attempts + hours
    assert len(sensor.published()) == before
    for _ in range(125):
        sensor.clock_ns += 30 * SECOND
        for request in sensor.tick(monkeypatch):
            assert sensor.run(request).success
    assert sensor.published() == [KINDS[feed][3]] * (before + 1)


def released(project: Project, sensor: Sensor, feed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = sensor.clock_ns / SECOND
    hold(project.instance, [Hold(f"raw/{feed}", "no secret", "ann", now)], now)
    assert sensor.tick(monkeypatch) == []
    release(project.instance, [f"raw/{feed}"], now, who="ann", why="mended")


def restarted(project: Project, sensor: Sensor, feed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival_sensor, "CODE_SERVER", "another")


@pytest.mark.slow
@pytest.mark.parametrize(("feed", "act"), [*product(KINDS, [released, restarted])])
def test_a_missing_secret_is_asked_for_once_and_again_when_somebody_acts(
    project: Project, monkeypatch: pytest.MonkeyPatch, feed: str, act: Act
) -> None:
    sensor = delivered(project, feed, monkeypatch)
    before = len(sensor.published())
    with monkeypatch.context() as patch, CAUSES["no pseudonym key"](patch):
        (request,) = sensor.tick(monkeypatch)
        assert not sensor.run(request).success
    for _ in range(20):
        sensor.clock_ns += 600 * SECOND
        assert sensor.tick(monkeypatch) == []
    act(project, sensor, feed, monkeypatch)
    ticks_until_published(sensor, monkeypatch, before)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("feed", "status"),
    [*product(KINDS, ["never requested", "NOT_STARTED", "STARTING", "STARTED", "FAILURE", "CANCELED"])],
)
def test_a_run_that_never_came_to_anything_is_repeated_once_it_is_over(
    project: Project, monkeypatch: pytest.MonkeyPatch, feed: str, status: str
) -> None:
    sensor = delivered(project, feed, monkeypatch)
    before = len(sensor.published())
    (request,) = sensor.tick(monkeypatch)
    if status != "never requested":
        # what the daemon runs for the sensor names its assets; a run of somebody's job does not
        assets = frozenset(dg.AssetKey([room, feed]) for room in ("lake", "raw"))
        job = project.definitions.get_repository_def().get_job("__ASSET_JOB").get_subset(asset_selection=assets)
        run = project.instance.create_run_for_job(
            job,
            execution_plan=create_execution_plan(job),
            status=dg.DagsterRunStatus[status],
            tags={"dagster/run_key": str(request.run_key), "dagster/partition": request.partition_key or ""},
            asset_selection=assets if status in ("STARTED", "NOT_STARTED") else None,
        )
    if status in ("STARTING", "STARTED"):
        for _ in range(3):
            sensor.clock_ns += 3600 * SECOND
            assert sensor.tick(monkeypatch) == [], "it is still to be waited for"
        project.instance.report_run_failed(run, "its process is gone")
    ticks_until_published(sensor, monkeypatch, before)
    if status == "NOT_STARTED":
        # by the clock of the next test it is young
        project.instance.report_run_failed(run, "it never started")


@pytest.mark.parametrize("feed", KINDS)
def test_a_manifest_that_cannot_be_read_is_replaced(
    project: Project, monkeypatch: pytest.MonkeyPatch, feed: str
) -> None:
    sensor = delivered(project, feed, monkeypatch)
    for request in sensor.tick(monkeypatch):
        assert sensor.run(request).success
    before = len(sensor.published())
    path = partition_folder(project.root / "data" / "lake", feed, KINDS[feed][3]) / MANIFEST
    path.write_bytes(b'{"feed": "or')
    sensor.cursor = None
    sensor.clock_ns += 30 * SECOND
    (request,) = sensor.tick(monkeypatch)
    assert sensor.published() == [KINDS[feed][3]] * before
    # the request is lost too, and the same content is no other version for the ledger
    asked = []
    for _ in range(4):
        sensor.clock_ns += 30 * SECOND
        for request in sensor.tick(monkeypatch):
            asked.append(request)
            assert sensor.run(request).success
    assert len(asked) == 1
    assert sensor.published() == [KINDS[feed][3]] * before
