"""Notifiers of other packages, the example of docs/extending.md among them, are called with each failed run, once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from platform_assets.definitions import build
from platform_assets.environment import read_environment
from tests.support.announced import documented, documented_entry, installed
from tests.support.projects import Project, opened, write_project
from tests.support.shop import CONTRACT, DAYS, FEED, ORDER_COLUMNS, PARTITIONS, good_rows

HEADING = "A notifier"
BROKEN = "\n\ndef broken(run):\n    raise ConnectionError('https://example.org/secret')\n"


@pytest.fixture(name="lines")
def _lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    group, entry = documented_entry(HEADING)
    monkeypatch.setenv("NOTIFY_FILE", str(tmp_path / "lines"))
    monkeypatch.setenv("PLATFORM_UI_URL", "http://ui.example.org/")
    source = documented(HEADING, "python") + BROKEN
    # the one that is broken is called first
    with installed(tmp_path / "site", "lines_notifier", source, group, "a_broken = lines_notifier:broken", entry):
        yield tmp_path / "lines"


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Iterator[Project]:
    root = tmp_path / "project"
    write_project(
        root,
        {
            "orders/defs.yaml": FEED.format(files="orders/%Y-%m-%d.csv") + f"  partitions: {PARTITIONS}\n",
            "orders/contract.yaml": CONTRACT.format(name="orders", columns=ORDER_COLUMNS),
        },
    )
    (root / "data" / "landing" / "orders").mkdir(parents=True)
    for day in DAYS[:2]:
        rows = "".join(",".join(row) + "\n" for row in good_rows(day)) if day == DAYS[0] else ""
        (root / "data" / "landing" / "orders" / f"{day}.csv").write_text("id,customer,status,amount\n" + rows)
    with opened(root) as project:
        yield project


def tick(project: Project, cursor: str | None) -> dg.SensorExecutionData:
    """An evaluation of the sensor, as the daemon does it."""
    repository = project.definitions.get_repository_def()
    context = dg.build_sensor_context(
        instance=project.instance, cursor=cursor, repository_def=repository, sensor_name="notifications"
    )
    with context:
        return repository.get_sensor_def("notifications").evaluate_tick(context)


@pytest.mark.slow
def test_each_is_called_once_with_the_failures_of_a_run(
    lines: Path, project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    started = tick(project, None)
    run = project.run("key:lake/orders or key:raw/orders", DAYS[0], DAYS[2])
    assert not run.success
    first = tick(project, started.cursor)
    told = lines.read_text()
    link = f"http://ui.example.org/runs/{run.run_id}"
    assert f" | lake/orders | {DAYS[1]} | rejected | empty | sender\n" in told
    assert f" | raw/orders | {DAYS[2]} | not_delivered | missing | sender\nnext: wait for the delivery" in told
    assert told.count("next: ") == 4
    assert f" {link}\n" in told
    assert DAYS[0] not in told
    tick(project, first.cursor)
    assert lines.read_text() == told
    logged = capfd.readouterr().err
    assert f"notifier a_broken: ConnectionError; run {run.run_id} was not reported by it" in logged
    assert "secret" not in logged


def test_a_good_run_is_none_of_their_business(lines: Path, project: Project) -> None:
    started = tick(project, None)
    assert project.run("key:lake/orders or key:raw/orders", DAYS[0]).success
    tick(project, started.cursor)
    assert not lines.exists()


def test_without_a_notifier_there_is_no_sensor(tmp_path: Path) -> None:
    definitions = build(read_environment({"PLATFORM_ENV": "test"}, cwd=tmp_path))
    assert "notifications" not in {sensor.name for sensor in definitions.sensors or []}
