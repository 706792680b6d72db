"""The channel of PagerDuty against the Events API v2 on loopback."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pypd
import pytest

from platform_assets.alerts.channels.making import make_channel
from platform_assets.alerts.channels.settings import PagerDutySettings
from platform_assets.alerts.notices import Channel, ChannelError, Event
from platform_assets.alerts.signals import Severity
from tests.alerts.notices import notice
from tests.support.receivers import PagerDutyReceiver

KEY = "0123456789abcdef0123456789abcdef"
INCIDENT = "I-3f9a2c41d07b"


@pytest.fixture
def pagerduty() -> Iterator[PagerDutyReceiver]:
    with PagerDutyReceiver() as receiver:
        yield receiver


def channel_of(receiver: PagerDutyReceiver, *, key: str = KEY, seconds: float = 10) -> Channel:
    settings = PagerDutySettings(url=f"{receiver.url}/v2/enqueue")
    return make_channel("on-call", settings, {"PAGERDUTY_ROUTING_KEY": key}, seconds=seconds)


def test_an_incident_is_triggered_acknowledged_and_resolved(pagerduty: PagerDutyReceiver) -> None:
    channel = channel_of(pagerduty)
    thread = channel.send(notice())
    assert thread == INCIDENT
    assert pagerduty.alerts == {INCIDENT: "triggered"}
    channel.send(notice(Event.ACKNOWLEDGED, 2), thread=thread)
    assert pagerduty.alerts == {INCIDENT: "acknowledged"}
    channel.send(notice(Event.ESCALATED, 3, severity=Severity.CRITICAL), thread=thread)
    channel.send(notice(Event.RESOLVED, 4), thread=thread)
    assert pagerduty.alerts == {INCIDENT: "resolved"}
    assert [event["event_action"] for event in pagerduty.events] == ["trigger", "acknowledge", "trigger", "resolve"]
    assert [event["payload"]["severity"] for event in pagerduty.events] == ["error", "error", "critical", "error"]


def test_an_event_says_what_a_message_says(pagerduty: PagerDutyReceiver) -> None:
    channel_of(pagerduty).send(notice())
    (event,) = pagerduty.events
    assert event["payload"]["summary"] == "[ERROR] raw/orders: 2 partitions were rejected"
    assert event["payload"]["source"] == "raw/orders"
    assert event["payload"]["timestamp"] == "2026-01-05T12:00:00+00:00"
    details = event["payload"]["custom_details"]
    assert details["Partitions"] == "2026-01-03, 2026-01-04"
    assert details["Who acts"] == "the sender of orders"
    assert details["Command"] == "platform-assets quarantine show orders 2026-01-03"
    assert details["Links"].startswith("Run: https://dagster.example.org/runs/1\n")


def test_a_change_of_what_was_triggered_is_not_sent(pagerduty: PagerDutyReceiver) -> None:
    channel = channel_of(pagerduty)
    assert channel.send(notice(Event.CHANGED, 2), thread=INCIDENT) == INCIDENT
    assert pagerduty.events == []
    channel.send(notice(Event.CHANGED, 2))
    assert pagerduty.alerts == {INCIDENT: "triggered"}


def test_what_is_sent_again_is_one_alert(pagerduty: PagerDutyReceiver) -> None:
    channel = channel_of(pagerduty)
    pagerduty.lose_next()
    with pytest.raises(ChannelError, match="PagerDuty could not be reached"):
        channel.send(notice())
    channel.send(notice(), again=True)
    assert pagerduty.alerts == {INCIDENT: "triggered"}


def test_a_limit_of_events_says_how_long_to_wait(pagerduty: PagerDutyReceiver) -> None:
    pagerduty.fail_next(status=429, retry_after=30)
    with pytest.raises(ChannelError, match="PagerDuty answered 429") as failed:
        channel_of(pagerduty).send(notice())
    assert (failed.value.retry_after, failed.value.permanent) == (30.0, False)


@pytest.mark.parametrize(
    ("status", "permanent"),
    [(302, False), (408, False), (500, False), (503, False), (400, True), (403, True), (404, True)],
)
def test_a_status(pagerduty: PagerDutyReceiver, status: int, permanent: bool) -> None:
    pagerduty.fail_next(status=status)
    with pytest.raises(ChannelError, match=str(status)) as failed:
        channel_of(pagerduty).send(notice())
    assert failed.value.permanent is permanent


def test_a_key_that_is_none_is_not_repeated(pagerduty: PagerDutyReceiver) -> None:
    with pytest.raises(ChannelError, match=r"refused the event \(400\)") as failed:
        channel_of(pagerduty, key="short-key").send(notice())
    assert failed.value.permanent
    assert "short-key" not in str(failed.value)


def test_a_receiver_that_hangs_is_waited_for_in_bounds(pagerduty: PagerDutyReceiver) -> None:
    pagerduty.hang()
    began = time.monotonic()
    with pytest.raises(ChannelError):
        channel_of(pagerduty, seconds=0.5).send(notice())
    assert time.monotonic() - began < 5


def test_services_side_by_side_keep_their_addresses(pagerduty: PagerDutyReceiver) -> None:
    with PagerDutyReceiver() as other, ThreadPoolExecutor(8) as threads:
        for receiver in (pagerduty, other):
            channel = channel_of(receiver)
            for number in range(20):
                threads.submit(channel.send, notice(incident=f"{receiver.url} {number}"))
        threads.shutdown()
        for receiver in (pagerduty, other):
            assert sorted(receiver.alerts) == sorted(f"{receiver.url} {number}" for number in range(20))


def test_what_others_post_by_pypd_is_posted_as_before(
    pagerduty: PagerDutyReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel_of(pagerduty).send(notice())
    with PagerDutyReceiver() as other:
        monkeypatch.setattr(pypd.EventV2, "base_url", other.url)
        payload = {"summary": "theirs", "source": "theirs", "severity": "info"}
        event = {"routing_key": KEY, "event_action": "trigger", "dedup_key": "theirs", "payload": payload}
        assert pypd.EventV2.create(data=event)["dedup_key"] == "theirs"
        assert other.alerts == {"theirs": "triggered"}
