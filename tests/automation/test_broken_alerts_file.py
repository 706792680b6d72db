"""Mistakes in a live alerts.yaml: the last good one goes on, and what went to the console alone is routed later."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from platform_assets.automation.alerting.watchdog import Watchdog
from tests.automation.alerted import Alerted, alerted

MISTAKE = "routes:\n  - to: [nowhere]\n"


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Alerted]:
    with alerted(tmp_path / "project", {"source": [], "other": []}, monkeypatch) as project:
        yield project


def fail(project: Alerted, asset: str) -> None:
    project.fails |= {asset}
    project.run(asset)


def pages(project: Alerted) -> list[tuple[str, str]]:
    """What PagerDuty was asked for, and of what."""
    events = project.pagerduty.events
    return [(event["event_action"], event["payload"]["summary"].split()[1]) for event in events]


@pytest.mark.slow
def test_a_mistake_costs_no_route_where_there_was_a_good_file(
    project: Alerted, capsys: pytest.CaptureFixture[str]
) -> None:
    good = project.file.read_text()
    project.tell()
    project.file.write_text(MISTAKE)
    project.clock.advance(minutes=1)
    fail(project, "source")
    project.tell()
    assert sorted(pages(project)) == [("trigger", "alerts.yaml"), ("trigger", "source")]
    said = capsys.readouterr().err
    assert "nowhere" in said, "the console has the mistake too"
    assert "until then the last one without mistakes is used" in said
    assert "source failed" not in said
    project.file.write_text(good)
    project.clock.advance(minutes=1)
    project.tell()
    assert pages(project)[2:] == [("resolve", "alerts.yaml")]


@pytest.mark.slow
def test_what_the_console_alone_was_told_is_routed_when_the_file_is_good(
    project: Alerted, capsys: pytest.CaptureFixture[str]
) -> None:
    good = project.file.read_text()
    project.file.write_text(MISTAKE)
    fail(project, "source")
    project.tell()
    said = capsys.readouterr().err
    assert "source failed" in said
    assert "until then everything goes to the console" in said
    project.file.write_text(good)
    Watchdog.of(project.instance, project.file).look(project.clock)
    assert pages(project) == []
    for _ in range(2):
        project.clock.advance(minutes=1)
        project.tell()
    assert pages(project) == [("trigger", "source")]
    project.fails.clear()
    project.run("source")
    project.clock.advance(minutes=1)
    project.tell()
    assert pages(project) == [("trigger", "source"), ("resolve", "source")]


def test_a_mistake_in_the_retries_file_costs_no_alert(project: Alerted) -> None:
    retries = project.file.with_name("retries.yaml")
    for text in ("bug: {}\n", "", None):
        if text is None:
            retries.unlink()
        else:
            retries.write_text(text)
        project.clock.advance(minutes=1)
        project.tell()
        if text is not None:
            fail(project, "other" if text else "source")
    assert pages(project)[:2] == [("trigger", "retries.yaml"), ("trigger", "other")]
    assert sorted(pages(project)[2:]) == [("resolve", "retries.yaml"), ("trigger", "source")]


def test_the_watchdog_goes_on_with_the_last_good_file(project: Alerted) -> None:
    project.tell()
    project.file.write_text(MISTAKE)
    watchdog = Watchdog.of(project.instance, project.file)
    assert "nowhere" in watchdog.problem
    assert "on-call" in watchdog.alerts.channels


def test_what_only_the_sensor_finds_wrong_is_not_kept_by_the_watchdog(project: Alerted) -> None:
    good = project.file.read_text()
    project.tell()
    project.file.write_text(good.replace("  - to: [team", "  - when: {assets: nowhere}\n    to: [team"))
    assert Watchdog.of(project.instance, project.file).problem == ""
    fail(project, "source")
    project.clock.advance(minutes=1)
    project.tell()
    assert sorted(pages(project)) == [("trigger", "alerts.yaml"), ("trigger", "source")]
