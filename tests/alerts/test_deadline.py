"""Whoever waits for a receiver waits in bounds."""

from __future__ import annotations

import threading
from contextvars import ContextVar

import pytest

from platform_assets.alerts.channels.deadline import all_within, within
from platform_assets.alerts.channels.retry_after import LONGEST, seconds_of
from platform_assets.alerts.notices import ChannelError

seen: ContextVar[str] = ContextVar("seen", default="")


def test_work_that_never_ends_is_left_to_itself() -> None:
    ended = threading.Event()
    with pytest.raises(ChannelError, match="Slack did not answer in time") as failed:
        within(0.05, lambda: ended.wait(60), what="Slack")
    ended.set()
    assert not failed.value.permanent


def test_requests_of_one_block_share_its_time() -> None:
    ended = threading.Event()
    started = []
    with all_within(0.05):
        with pytest.raises(ChannelError):
            within(60, lambda: ended.wait(60), what="Slack")
        with pytest.raises(ChannelError):
            within(60, lambda: started.append("a second one"), what="Slack")
    ended.set()
    assert started == []
    assert within(60, lambda: "after it", what="Slack") == "after it"


def test_what_work_returns_and_raises_passes() -> None:
    token = seen.set("by the caller")
    assert within(10, seen.get, what="Slack") == "by the caller"
    seen.reset(token)
    assert within(10, lambda: None, what="Slack") is None
    with pytest.raises(ZeroDivisionError):
        within(10, lambda: 1 // 0, what="Slack")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": "0"}, 0.0),
        ({"Retry-After": "99999999"}, LONGEST),
        ({"Retry-After": "Mon, 05 Jan 2026 12:00:00 GMT"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "²"}, None),
        ({}, None),
    ],
)
def test_what_a_receiver_asks_for(headers: dict[str, str], seconds: float | None) -> None:
    assert seconds_of(headers) == seconds
