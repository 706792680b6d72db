"""No secret of a channel is in a log line, an exception or a message, whatever its receiver does."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable

import pytest

from platform_assets.alerts.channels.making import make_channel
from platform_assets.alerts.channels.settings import AppriseSettings, PagerDutySettings, Settings, SlackSettings
from platform_assets.alerts.notices import ChannelError
from tests.alerts.notices import notice
from tests.support.receivers import PagerDutyReceiver, Receiver, SlackReceiver, WebhookReceiver

SECRET = "5ec2e75ec2e75ec2e75ec2e75ec2e75e"
FAULTS: dict[str, Callable[[Receiver], object]] = {
    "taken": lambda receiver: receiver.release(),
    "429": lambda receiver: receiver.fail_next(status=429, retry_after=1, times=5),
    "400": lambda receiver: receiver.fail_next(status=400, times=5),
    "500": lambda receiver: receiver.fail_next(status=500, times=5),
    "echo": lambda receiver: receiver.answer_next(f"no such key: {SECRET}", status=403, times=5),
    "closed": lambda receiver: receiver.close_next(times=5),
    "lost": lambda receiver: receiver.lose_next(times=5),
    "hangs": lambda receiver: receiver.hang(),
    "gone": lambda receiver: receiver.close(),
}


def of_slack(url: str) -> Settings:
    return SlackSettings("#data-alerts", "SECRET", url)


def of_pagerduty(url: str) -> Settings:
    return PagerDutySettings("SECRET", url)


def of_apprise(url: str) -> Settings:
    return AppriseSettings("SECRET")


CHANNELS: dict[str, tuple[Callable[[], Receiver], Callable[[str], Settings]]] = {
    "slack": (lambda: SlackReceiver(SECRET), of_slack),
    "pagerduty": (PagerDutyReceiver, of_pagerduty),
    "apprise": (WebhookReceiver, of_apprise),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", CHANNELS)
def test_a_secret_is_nowhere(
    kind: str, fault: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    make, settings_of = CHANNELS[kind]
    receiver = make()
    settings = settings_of(receiver.url)
    # apprise's secret is a part of its URL
    value = f"{receiver.url.replace('http', 'json')}/{SECRET}" if kind == "apprise" else SECRET
    channel = make_channel("a", settings, {"SECRET": value}, seconds=0.5 if fault == "hangs" else 10)
    FAULTS[fault](receiver)
    said = ""
    try:
        thread = channel.send(notice())
    except ChannelError as error:
        said = "".join(traceback.format_exception(error))
    else:
        assert fault == "taken"
        said = thread
    if fault != "gone":
        receiver.close()
    bodies = [str({**asked.body, "routing_key": ""}) for asked in receiver.asked]
    shown = [said, caplog.text, *capfd.readouterr(), repr(channel), *bodies]
    assert SECRET not in "\n".join(shown)
    if kind != "pagerduty":
        assert fault == "gone" or any(SECRET in f"{asked.headers} {asked.path}" for asked in receiver.asked)
