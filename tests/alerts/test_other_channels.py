"""The console, the services of apprise, and what keeps a channel from being made."""

from __future__ import annotations

import importlib.util
import io
import time
from importlib.machinery import ModuleSpec

import pytest

from platform_assets.alerts.channels.console import Console
from platform_assets.alerts.channels.making import make_channel
from platform_assets.alerts.channels.settings import AppriseSettings, PagerDutySettings, Settings, SlackSettings
from platform_assets.alerts.notices import Channel, ChannelError, Event
from tests.alerts.notices import notice
from tests.support.receivers import WebhookReceiver


def test_the_console_shows_one_block(capsys: pytest.CaptureFixture[str]) -> None:
    assert Console("console").send(notice()) == ""
    assert capsys.readouterr().err == (
        f"{'-' * 80}\n"
        "[ERROR] raw/orders: 2 partitions were rejected\n"
        "Partitions: 2026-01-03, 2026-01-04\n"
        "Affects:    marts/daily_revenue, published/daily_revenue <and & 3 more>\n"
        "Since:      2026-01-05 12:00 UTC\n"
        "Who acts:   the sender of orders\n"
        "Next step:  have the data delivered again\n"
        "Owners:     team:sales\n"
        "Run:        https://dagster.example.org/runs/1\n"
        "Logs:       https://dagster.example.org/runs/1?l\n"
        "\n"
        "    delivery rejected (quarantine_limit)\n"
        "    12 of 100 rows < 1 % & more\n"
        "\n"
        "  $ platform-assets quarantine show orders 2026-01-03\n"
        "\n"
        "I-3f9a2c41d07b, notice 1, 2026-01-05 12:00 UTC\n"
        f"{'-' * 80}\n"
    )


def test_a_console_of_another_encoding_is_written_to() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    Console("console", stream).send(notice(title="raw/orders: drôle \ud800"))
    assert b"dr\\xf4le" in stream.buffer.getvalue()  # type: ignore[attr-defined]


def test_a_console_that_is_closed() -> None:
    stream = io.StringIO()
    stream.close()
    with pytest.raises(ChannelError, match="cannot be written to"):
        Console("console", stream).send(notice())


def service_of(url: str, *, seconds: float = 10) -> Channel:
    return make_channel("anything", AppriseSettings("TEAMS_URL"), {"TEAMS_URL": url}, seconds=seconds)


def test_a_service_of_apprise_gets_title_and_text() -> None:
    with WebhookReceiver() as webhook:
        channel = service_of(webhook.url.replace("http", "json"))
        channel.send(notice())
        channel.send(notice(Event.RESOLVED, 2))
        assert [body["type"] for body in webhook.bodies] == ["failure", "success"]
        assert webhook.bodies[0]["title"] == "[ERROR] raw/orders: 2 partitions were rejected"
        assert "Next step:  have the data delivered again" in webhook.bodies[0]["message"]


def test_a_service_that_does_not_take_it_is_worth_a_retry() -> None:
    with WebhookReceiver() as webhook:
        webhook.fail_next(status=500, times=5)
        with pytest.raises(ChannelError, match="the service of TEAMS_URL did not take the message") as failed:
            service_of(webhook.url.replace("http", "json")).send(notice())
    assert not failed.value.permanent


def test_a_service_that_hangs_is_waited_for_in_bounds() -> None:
    with WebhookReceiver() as webhook:
        webhook.hang()
        began = time.monotonic()
        with pytest.raises(ChannelError, match="the service of TEAMS_URL did not answer in time"):
            service_of(webhook.url.replace("http", "json"), seconds=0.5).send(notice())
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("url", ["hunter2", "nosuch://hunter2/x", "json://hunter2 json://hunter2:81"])
def test_a_url_that_is_not_one_that_apprise_knows_is_not_repeated(url: str) -> None:
    with pytest.raises(ChannelError, match="TEAMS_URL must hold one URL that apprise knows") as failed:
        service_of(url).send(notice())
    assert failed.value.permanent
    assert "hunter2" not in str(failed.value)


NEEDS: list[tuple[Settings, str, str]] = [
    (SlackSettings("#a"), "dagster_slack", "slack"),
    (PagerDutySettings(), "dagster_pagerduty", "pagerduty"),
    (AppriseSettings("TEAMS_URL"), "apprise", "apprise"),
]


@pytest.mark.parametrize(("settings", "module", "extra"), NEEDS)
def test_a_package_that_is_not_installed(
    settings: Settings, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == module else there(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    with pytest.raises(ChannelError, match=rf"pip install 'platform-assets\[{extra}\]'") as failed:
        make_channel("a", settings, {"SLACK_BOT_TOKEN": "x", "PAGERDUTY_ROUTING_KEY": "x", "TEAMS_URL": "x"})
    assert failed.value.permanent


@pytest.mark.parametrize(
    ("settings", "variable"),
    [(SlackSettings("#a", "MY_TOKEN"), "MY_TOKEN"), (PagerDutySettings(), "PAGERDUTY_ROUTING_KEY")],
)
def test_a_variable_that_is_not_set(settings: Settings, variable: str) -> None:
    with pytest.raises(ChannelError, match=f"the channel a needs the variable {variable}, which is not set") as failed:
        make_channel("a", settings, {variable: " "})
    assert failed.value.permanent
