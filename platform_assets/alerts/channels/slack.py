"""Slack, by dagster-slack: the first message of an incident shows its state, its thread says what became of it.

The token needs the scope ``chat:write``. With ``channels:history`` (``groups:history`` for a private channel), and
``channels:read`` (``groups:read``) where the channel is named and not given by its id, a message that may have arrived
is looked for before it is posted again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from platform_assets.alerts.channels.deadline import all_within
from platform_assets.alerts.channels.slack_client import Refused, SlackClient
from platform_assets.alerts.notices import ChannelError, Event, Notice
from platform_assets.alerts.rendering.slack_blocks import fallback, message_blocks, reply

EVENT_TYPE = "platform_assets_incident"
"""Of the metadata of our messages, which people do not see."""

TOLD_IN_THREAD = (Event.ESCALATED, Event.RESOLVED)
EARLIER = 300
"""Seconds by which the clock of Slack may be behind ours."""

PAGES = 10
PER_PAGE = 200
NOT_READABLE = frozenset(
    {"missing_scope", "channel_not_found", "not_in_channel", "not_allowed_token_type", "thread_not_found"}
    | {"no_permission", "access_denied", "team_access_not_granted", "method_not_supported_for_channel_type"}
)
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
BLOCKS_REFUSED = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "invalid_arguments"})


@dataclass(frozen=True)
class Thread:
    """The first message of an incident: Slack's id of the channel, and the message's time stamp, which is its id."""

    channel: str
    ts: str

    def __str__(self) -> str:
        return f"{self.channel} {self.ts}"

    @classmethod
    def of(cls, text: str) -> Thread | None:
        """What ``str`` gave; None for an empty text."""
        channel, _, ts = text.partition(" ")
        return cls(channel, ts) if ts else None


@dataclass(frozen=True)
class Slack:
    """One channel of a workspace."""

    name: str
    channel: str
    client: SlackClient

    def send(self, notice: Notice, *, thread: str = "", again: bool = False) -> str:
        """Post or edit the incident's message, and reply in its thread when it escalates or is resolved."""
        with all_within(self.client.seconds):
            first = Thread.of(thread)
            if first is None and again:
                first = self._posted(notice)
            if first is None or not self._updated(first, notice):
                return str(self._post(notice))
            if notice.event in TOLD_IN_THREAD and not (again and self._replied(first, notice)):
                self._reply(first, notice)
            return str(first)

    def _post(self, notice: Notice) -> Thread:
        answer = self._with_blocks("chat.postMessage", notice, channel=self.channel, metadata=_metadata(notice))
        if not answer.get("channel") or not answer.get("ts"):
            raise ChannelError("Slack has not said where the message is")
        return Thread(str(answer["channel"]), str(answer["ts"]))

    def _updated(self, first: Thread, notice: Notice) -> bool:
        """Whether the first message shows the new state; not if somebody has deleted it."""
        try:
            self._with_blocks("chat.update", notice, channel=first.channel, ts=first.ts)
        except Refused as error:
            if error.word not in GONE:
                raise
            return False
        return True

    def _reply(self, first: Thread, notice: Notice) -> None:
        self.client.call(
            "chat.postMessage",
            channel=first.channel,
            thread_ts=first.ts,
            text=reply(notice),
            metadata=_metadata(notice),
            unfurl_links=False,
        )

    def _with_blocks(self, method: str, notice: Notice, **given: Any) -> dict[str, Any]:
        try:
            return self.client.call(method, text=fallback(notice), blocks=message_blocks(notice), **given)
        except Refused as error:
            if error.word not in BLOCKS_REFUSED:
                raise
            # as a text rather than not at all; a text alone takes away the blocks of a message that is edited
            return self.client.call(method, text=reply(notice), **given)

    def _posted(self, notice: Notice) -> Thread | None:
        """The incident's first message, if an attempt that failed has posted it."""
        channel = self._channel_id()
        oldest = f"{notice.at.timestamp() - EARLIER:.6f}"
        for message in self._pages("conversations.history", "messages", channel=channel, oldest=oldest):
            if _is_of(message, notice) and message.get("thread_ts", message["ts"]) == message["ts"]:
                return Thread(channel, str(message["ts"]))
        return None

    def _replied(self, first: Thread, notice: Notice) -> bool:
        messages = self._pages("conversations.replies", "messages", channel=first.channel, ts=first.ts)
        return any(_is_of(message, notice, number=True) and message["ts"] != first.ts for message in messages)

    def _channel_id(self) -> str:
        """The id of the channel, by which alone its history is read; its name if the token cannot see the id."""
        if not self.channel.startswith("#"):
            return self.channel
        ours = self._pages("users.conversations", "channels", types="public_channel,private_channel")
        return next((str(one["id"]) for one in ours if f"#{one.get('name')}" == self.channel), self.channel)

    def _pages(self, method: str, key: str, **given: Any) -> Iterator[dict[str, Any]]:
        """What a list holds, page by page; nothing if the token may not read it."""
        cursor = ""
        for _ in range(PAGES):
            page = {"cursor": cursor} if cursor else {}
            try:
                answer = self.client.read(method, limit=PER_PAGE, include_all_metadata=True, **page, **given)
            except Refused as error:
                if error.word in NOT_READABLE:
                    return
                raise
            yield from answer.get(key) or []
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return


def _metadata(notice: Notice) -> dict[str, Any]:
    return {"event_type": EVENT_TYPE, "event_payload": {"incident": notice.incident, "number": notice.number}}


def _is_of(message: dict[str, Any], notice: Notice, *, number: bool = False) -> bool:
    metadata = message.get("metadata") or {}
    payload = metadata.get("event_payload") or {}
    return (
        metadata.get("event_type") == EVENT_TYPE
        and payload.get("incident") == notice.incident
        and (not number or payload.get("number") == notice.number)
    )
