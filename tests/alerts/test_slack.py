"""The channel of Slack on a workspace on loopback."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from platform_assets.alerts.channels.making import make_channel
from platform_assets.alerts.channels.settings import SlackSettings
from platform_assets.alerts.notices import Channel, ChannelError, Event
from platform_assets.alerts.signals import Severity
from tests.alerts.notices import notice
from tests.support.receivers import SlackReceiver

TOKEN = "xoxb-1-token-of-a-test"
FIRST = f"{SlackReceiver.ID} 4000000000.000100"


@pytest.fixture
def slack() -> Iterator[SlackReceiver]:
    with SlackReceiver(TOKEN) as receiver:
        yield receiver


def channel_of(
    receiver: SlackReceiver, *, to: str = "#data-alerts", token: str = TOKEN, seconds: float = 10
) -> Channel:
    settings = SlackSettings(to, base_url=receiver.url)
    return make_channel("data-team", settings, {"SLACK_BOT_TOKEN": token}, seconds=seconds)


def test_the_first_message_is_edited_and_its_thread_says_what_became_of_it(slack: SlackReceiver) -> None:
    channel = channel_of(slack)
    thread = channel.send(notice())
    assert thread == FIRST
    for number, event in enumerate((Event.CHANGED, Event.ACKNOWLEDGED, Event.ESCALATED, Event.RESOLVED), start=2):
        assert channel.send(notice(event, number), thread=thread) == thread
    (first,) = slack.first_messages
    assert first.edits == 4
    assert first.text == "[RESOLVED] raw/orders: 2 partitions were rejected"
    assert [reply.text.split("\n")[0] for reply in slack.replies] == [
        "[ESCALATED] raw/orders: 2 partitions were rejected",
        "[RESOLVED] raw/orders: 2 partitions were rejected",
    ]
    assert slack.replies[1].text.endswith("Resolved: 2026-01-05 16:00 UTC, after 4 h 0 min")
    assert {reply.thread_ts for reply in slack.replies} == {first.ts}


def test_a_message_says_what_failed_whom_it_concerns_and_what_comes_next(slack: SlackReceiver) -> None:
    channel_of(slack).send(notice())
    shown = json.dumps(slack.messages[0].blocks)
    for part in (
        "[ERROR] raw/orders: 2 partitions were rejected",
        "2026-01-03, 2026-01-04",
        "published/daily_revenue &lt;and &amp; 3 more&gt;",
        "2026-01-05 12:00 UTC",
        "12 of 100 rows &lt; 1 % &amp; more",
        "the sender of orders",
        "platform-assets quarantine show orders 2026-01-03",
        "I-3f9a2c41d07b",
        "https://dagster.example.org/runs/1",
    ):
        assert part in shown, part
    assert [button["text"]["text"] for button in slack.messages[0].blocks[-2]["elements"]] == ["Run", "Logs"]


def test_a_message_whose_answer_was_lost_is_found_and_not_posted_again(slack: SlackReceiver) -> None:
    channel = channel_of(slack)
    channel.send(notice(incident="I-another"))
    slack.lose_next()
    with pytest.raises(ChannelError, match="Slack could not be reached") as failed:
        channel.send(notice())
    assert not failed.value.permanent
    thread = channel.send(notice(), again=True)
    assert thread == f"{SlackReceiver.ID} {slack.messages[1].ts}"
    assert len(slack.messages) == 2


def test_a_reply_whose_answer_was_lost_is_not_given_again(slack: SlackReceiver) -> None:
    channel = channel_of(slack, to=SlackReceiver.ID)
    thread = channel.send(notice())
    channel.send(notice(Event.ESCALATED, 2), thread=thread)
    channel.send(notice(Event.RESOLVED, 3), thread=thread)
    assert channel.send(notice(Event.RESOLVED, 3), thread=thread, again=True) == thread
    assert len(slack.replies) == 2


def test_a_history_of_many_messages_is_read_page_by_page(slack: SlackReceiver) -> None:
    channel = channel_of(slack)
    channel.send(notice())
    for number in range(401):
        slack.say(f"message {number}")
    assert channel.send(notice(), again=True) == FIRST
    assert slack.methods().count("conversations.history") == 3


def test_a_token_that_may_not_read_posts_again(slack: SlackReceiver) -> None:
    slack.readable = False
    channel = channel_of(slack)
    channel.send(notice())
    channel.send(notice(), again=True)
    assert len(slack.messages) == 2


def test_a_message_that_somebody_has_deleted_is_posted_anew(slack: SlackReceiver) -> None:
    channel = channel_of(slack)
    thread = channel.send(notice())
    slack.messages.clear()
    anew = channel.send(notice(Event.CHANGED, 2), thread=thread)
    assert anew != thread
    assert slack.messages[-1].text == "[ERROR] raw/orders: 2 partitions were rejected"


def test_an_incident_that_this_channel_has_not_told_yet_is_posted_in_any_state(slack: SlackReceiver) -> None:
    channel_of(slack).send(notice(Event.ESCALATED, 4, severity=Severity.CRITICAL))
    assert len(slack.messages) == 1


def test_blocks_that_slack_refuses_become_a_text(slack: SlackReceiver) -> None:
    slack.refuse_next("invalid_blocks")
    channel_of(slack).send(notice())
    assert slack.messages[0].blocks == []
    assert "Next step: have the data delivered again" in slack.messages[0].text


def test_a_limit_of_requests_says_how_long_to_wait(slack: SlackReceiver) -> None:
    slack.fail_next(status=429, retry_after=7)
    with pytest.raises(ChannelError) as failed:
        channel_of(slack).send(notice())
    assert (failed.value.retry_after, failed.value.permanent) == (7.0, False)
    assert slack.messages == []


@pytest.mark.parametrize("status", [500, 503])
def test_an_error_of_slack_is_worth_a_retry(slack: SlackReceiver, status: int) -> None:
    slack.fail_next(status=status)
    with pytest.raises(ChannelError, match=f"Slack answered {status}") as failed:
        channel_of(slack).send(notice())
    assert not failed.value.permanent


@pytest.mark.parametrize("word", ["not_in_channel", "is_archived", "token_revoked", "missing_scope"])
def test_a_refusal_that_no_retry_mends(slack: SlackReceiver, word: str) -> None:
    slack.refuse_next(word)
    with pytest.raises(ChannelError, match=word) as failed:
        channel_of(slack).send(notice())
    assert failed.value.permanent


def test_a_refusal_that_passes(slack: SlackReceiver) -> None:
    slack.refuse_next("internal_error")
    with pytest.raises(ChannelError, match="internal_error") as failed:
        channel_of(slack).send(notice())
    assert not failed.value.permanent


def test_a_channel_that_is_not_there(slack: SlackReceiver) -> None:
    with pytest.raises(ChannelError, match="channel_not_found") as failed:
        channel_of(slack, to="#nobody").send(notice())
    assert failed.value.permanent


def test_a_token_that_is_refused_is_not_repeated(slack: SlackReceiver) -> None:
    with pytest.raises(ChannelError, match="set a token of the app that is valid") as failed:
        channel_of(slack, token="xoxb-wrong").send(notice())
    assert failed.value.permanent
    assert "xoxb" not in str(failed.value)


def test_a_page_of_a_proxy_is_worth_a_retry(slack: SlackReceiver) -> None:
    slack.answer_next("<html>sign in</html>")
    with pytest.raises(ChannelError, match="not as it is documented") as failed:
        channel_of(slack).send(notice())
    assert not failed.value.permanent


def test_a_connection_that_is_closed_is_not_tried_twice_in_one_sending(slack: SlackReceiver) -> None:
    slack.close_next()
    with pytest.raises(ChannelError, match="could not be reached"):
        channel_of(slack).send(notice())
    assert len(slack.asked) == 1


def test_a_receiver_that_hangs_is_waited_for_in_bounds(slack: SlackReceiver) -> None:
    slack.hang()
    began = time.monotonic()
    with pytest.raises(ChannelError) as failed:
        channel_of(slack, seconds=0.5).send(notice())
    assert time.monotonic() - began < 5
    assert not failed.value.permanent


def test_a_receiver_that_is_not_there() -> None:
    receiver = SlackReceiver(TOKEN)
    receiver.close()
    with pytest.raises(ChannelError, match="could not be reached"):
        channel_of(receiver).send(notice())
