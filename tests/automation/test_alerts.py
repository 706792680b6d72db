"""From a failed run to Slack, PagerDuty and a mail: once for each cause, and once more when it is good again."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from platform_assets.alerts.lateness import described
from platform_assets.alerts.lineage import Lineage
from platform_assets.alerts.messages import Writer
from platform_assets.alerts.router import Router
from platform_assets.alerts.signals import Signal, Source
from platform_assets.holds.holds import BREAKER, Hold, hold, release
from tests.automation.alerted import Alerted, alerted
from tests.support.watched_landing import until

CHILDREN = [f"mart_{number:03}" for number in range(200)]


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Alerted]:
    assets = {"source": [], **{child: ["source"] for child in CHILDREN}, "other": []}
    with alerted(tmp_path / "project", assets, monkeypatch) as project:
        yield project


def told_everywhere(project: Alerted, condition: Callable[[], bool]) -> None:
    """Rounds, until nothing is left to be sent and ``condition`` is true."""

    def over() -> bool:
        project.tell()
        with project.store.transaction() as transaction:
            return condition() and not transaction.unsent()

    until(over)


def everything(project: Alerted) -> str:
    """All that left the platform."""
    bodies = [asked.body for asked in (*project.slack.asked, *project.pagerduty.asked)]
    return json.dumps(bodies) + "".join(str(mail) for mail in project.mail.mails)


@pytest.mark.slow
def test_200_failures_downstream_are_one_message_everywhere_and_one_resolve(project: Alerted) -> None:
    project.tell()
    project.fails |= {"source", *CHILDREN}
    assert not project.run(*CHILDREN).success
    assert not project.run("source").success
    project.tell()
    project.tell()
    assert [len(found) for found in (project.slack.first_messages, project.events, project.mail.mails)] == [1, 1, 1]
    told = everything(project)
    assert "source failed" in told
    assert "200" in told
    assert "ValueError in alerted.py" in told
    project.fails.clear()
    assert project.run("source").success
    assert project.run(*CHILDREN).success
    project.tell()
    project.tell()
    assert project.events == ["trigger", "resolve"]
    assert len(project.slack.first_messages) == 1
    assert len(project.mail.mails) == 2
    assert "CANARY" not in everything(project)
    assert "jane.doe" not in everything(project)


@pytest.mark.slow
def test_what_failed_before_the_first_look_is_told(project: Alerted) -> None:
    project.fails |= {"source"}
    project.run("source")
    project.tell()
    assert project.events == ["trigger"]


@pytest.mark.slow
def test_a_run_that_will_be_retried_is_not_told_yet(project: Alerted) -> None:
    project.fails |= {"other"}
    project.run("other", tags={"dagster/max_retries": "1"})
    project.tell()
    assert project.events == []
    project.run("other", tags={"dagster/max_retries": "0"})
    project.tell()
    assert project.events == ["trigger"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_router_killed_at_50_moments_loses_nothing_and_tells_nothing_twice(project: Alerted) -> None:
    moments = random.Random(7)
    failing = [*CHILDREN[:40], "other"]
    project.fails |= set(failing)
    for kill in range(50):
        words = [sys.executable, "-m", "tests.automation.alert_router", str(project.root)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as router:
            assert router.stdout is not None
            assert router.stdout.readline() == "ready\n"
            if kill < len(failing):
                project.run(failing[kill])
            with contextlib.suppress(subprocess.TimeoutExpired):
                router.wait(moments.uniform(0, 1.2))
            assert router.poll() is None
            router.kill()
    told_everywhere(project, lambda: len(project.slack.first_messages) == len(failing) == len(project.pagerduty.alerts))
    project.fails.clear()
    project.run(*failing)
    told_everywhere(project, lambda: set(project.pagerduty.alerts.values()) == {"resolved"})
    told = [message.metadata["event_payload"]["incident"] for message in project.slack.first_messages]
    assert sorted(told) == sorted(project.pagerduty.alerts)
    assert len({mail["Message-ID"] for mail in project.mail.mails}) == 2 * len(failing)


def test_a_digest_comes_once_a_day_and_says_what_is_open(project: Alerted) -> None:
    project.clock.moved = dt.datetime(2026, 3, 2, 5, tzinfo=dt.UTC) - dt.datetime.now(dt.UTC)
    project.file.write_text(project.file.read_text() + 'digest: {to: [mail], at: "07:00"}\ntimezone: Europe/Berlin\n')
    digests: list[str] = []
    for hours in (0.5, 1, 1, 23, 1):
        project.clock.advance(hours=hours)
        project.tell()
        digests = [str(mail["Subject"]) for mail in project.mail.mails if "last day" in str(mail["Subject"])]
        if hours == 0.5:
            assert digests == []
    assert len(digests) == 2
    assert "0 incidents open" in digests[0]


def test_a_digest_lists_what_has_ended(project: Alerted) -> None:
    project.file.write_text(project.file.read_text() + 'digest: {to: [mail], at: "07:00"}\n')
    project.clock.moved = dt.datetime(2026, 3, 2, 5, tzinfo=dt.UTC) - dt.datetime.now(dt.UTC)
    project.tell()
    take(project, bad=True)
    project.clock.advance(hours=1)
    take(project, bad=False)
    project.clock.advance(hours=1.5)
    project.tell()
    (digest,) = [mail for mail in project.mail.mails if "last day" in str(mail["Subject"])]
    text = str(digest.get_body(("plain",)).get_content())
    assert "resolved, 03-02 05:00 to 03-02 06:00 UTC: raw/x is late: 2026-03-01 was to be published" in text


def take(project: Alerted, *, bad: bool) -> None:
    """What a look at a deadline makes."""
    signal = Signal(
        Source.DEADLINE, "raw/x", project.clock(), good=not bad, partition="2026-03-01",
        message=described("2026-03-01", dt.datetime(2026, 3, 2, 4, tzinfo=dt.UTC).timestamp()),
    )  # fmt: skip
    with project.store.transaction() as transaction:
        Router(Writer(Lineage()), lambda *_: ("console",)).take(transaction, [signal], project.clock())


def test_a_digest_pages_nobody(project: Alerted, capsys: pytest.CaptureFixture[str]) -> None:
    project.file.write_text(project.file.read_text() + 'digest: {to: [on-call], at: "07:00"}\n')
    project.tell()
    assert "would page somebody" in capsys.readouterr().err


@pytest.mark.slow
def test_what_the_arrival_sensor_asks_for_again_is_told_after_its_last_attempt(project: Alerted) -> None:
    project.fails |= {"other"}
    project.error[:] = [ConnectionError]
    for attempt, events in ((1, []), (2, []), (3, ["trigger"])):
        project.run("other", tags={"platform/try": str(attempt), "dagster/max_retries": "0"})
        project.tell()
        assert project.events == events


@pytest.mark.slow
def test_an_asset_that_the_breaker_holds_is_part_of_its_incident(project: Alerted) -> None:
    project.tell()
    project.fails |= {"other"}
    project.run("other")
    project.tell()
    now = project.clock().timestamp()
    hold(project.instance, [Hold("other", "5 failures in a row (bug)", BREAKER, now, by_breaker=True)], now)
    hold(project.instance, [Hold("source", "a migration", "ann", now)], now)
    project.clock.advance(minutes=1)
    project.tell()
    project.clock.advance(minutes=1)
    project.tell()
    assert project.events == ["trigger"], "what somebody holds by hand is no news"
    assert "Held by the circuit breaker" in json.dumps(project.slack.first_messages[0].blocks)
    release(project.instance, ["other"], project.clock().timestamp(), who="ann", why="mended")
    project.fails.clear()
    project.run("other")
    project.tell()
    assert project.events == ["trigger", "resolve"]
