"""`platform-assets alerts`: what is open, who has it, what is muted, and a sample through every channel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from platform_assets.cli.main import main
from tests.automation.alerted import Alerted, alerted
from tests.support.projects import opened, write_project


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Alerted]:
    with alerted(tmp_path / "project", {"source": [], "mart": ["source"], "other": []}, monkeypatch) as project:
        monkeypatch.chdir(project.root)
        project.tell()
        project.fails |= {"source", "other"}
        project.run("source")
        project.run("other")
        project.tell()
        yield project


def said(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["alerts", *words])
    assert not done.exception or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def incidents() -> dict[str, dict[str, object]]:
    """The open incidents by subject."""
    lines = said("list", "--json")[1].splitlines()
    return {line["subject"]: line for line in map(json.loads, lines)}


@pytest.mark.slow
def test_open_incidents_are_listed_with_those_who_were_told(project: Alerted) -> None:
    _, text = said("list")
    assert text.count("I-") == 2
    assert "team, on-call, mail" in text
    assert incidents()["source"]["channels"] == ["team", "on-call", "mail"]
    project.fails.clear()
    project.run("source", "other")
    project.tell()
    assert said("list")[1] == "No open incidents.\n"
    assert said("list", "--all")[1].count("resolved") == 2


@pytest.mark.slow
def test_who_takes_one_is_told_everywhere_and_it_is_not_escalated(project: Alerted) -> None:
    name = str(incidents()["source"]["id"])
    code, text = said("ack", name, "--who", "ann", "--why", "I look at it")
    assert (code, "acknowledged by ann" in text) == (0, True)
    project.tell()
    assert project.pagerduty.alerts[name] == "acknowledged"
    assert "ann: I look at it" in json.dumps(project.slack.first_messages[0].blocks)
    project.clock.advance(hours=3)
    project.tell()
    escalated = [incident["subject"] for incident in incidents().values() if incident["escalated"]]
    assert escalated == ["other"]


@pytest.mark.slow
def test_what_cannot_be_acknowledged_is_said(project: Alerted) -> None:
    name = str(incidents()["source"]["id"])
    code, text = said("ack", "I-nothing", "--why", "x")
    assert (code, name in text) == (1, True)
    project.fails.clear()
    project.run("source")
    project.tell()
    code, text = said("ack", name, "--why", "x")
    assert (code, "resolved already" in text) == (1, True)


@pytest.mark.slow
def test_one_that_nothing_else_ends_is_ended_by_hand(project: Alerted) -> None:
    name = str(incidents()["source"]["id"])
    assert said("resolve", name, "--who", "ann", "--why", "the table was dropped")[0] == 0
    assert said("resolve", name, "--why", "x")[0] == 1
    project.tell()
    assert project.pagerduty.alerts[name] == "resolved"
    assert set(incidents()) == {"other"}
    shown = json.dumps([message.blocks for message in project.slack.first_messages])
    assert "ann resolved it by hand: the table was dropped" in shown
    assert "good again" not in shown
    assert "Acknowledged" not in shown


@pytest.mark.slow
def test_what_is_muted_is_not_told_until_it_is_unmuted(project: Alerted) -> None:
    told = len(project.events)
    assert said("mute", "mart", "--for", "4h", "--who", "ann", "--why", "a migration")[0] == 0
    assert "mart is muted until" in said("list")[1]
    project.fails |= {"mart"}
    project.fails -= {"source"}
    project.run("source")
    project.run("mart")
    project.tell()
    assert project.events[told:] == ["resolve"]
    assert said("unmute", "mart")[0] == 0
    assert said("unmute", "mart")[0] == 1
    assert said("mute", "mart", "--for", "4 hours", "--why", "x")[0] == 2


@pytest.mark.usefixtures("project")
def test_without_dagster_home_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME")
    assert "DAGSTER_HOME is not set" in said("list")[1]


def test_a_sample_goes_through_every_channel_and_names_its_routes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "project"
    with alerted(tmp_path / "told", {"source": []}, monkeypatch) as project:
        write_project(root, {"alerts.yaml": project.file.read_text()})
        monkeypatch.chdir(root)
        # what a command imports of the project is forgotten at the end
        with opened(root):
            code, text = said("test")
            assert code == 0, text
            assert text.count("route 1") == 3
            assert [len(project.slack.first_messages), len(project.mail.mails)] == [1, 2]
            assert project.events == ["trigger", "resolve"]
            project.slack.refuse_next("channel_not_found", times=9)
            code, text = said("test", "--channel", "team")
            assert (code, "channel_not_found" in text) == (1, True), text
            assert said("test", "--channel", "nowhere")[0] == 2
