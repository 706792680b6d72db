"""What a person gets to know of an incident, and how a channel says it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from platform_assets.alerts.signals import Severity
from platform_assets.failures import Kind, PlatformError


class Event(StrEnum):
    """What became of an incident: each is reported once."""

    OPENED = "opened"
    CHANGED = "changed"
    ESCALATED = "escalated"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True)
class Link:
    """A page of the UI, and the word on its button: Run, Logs, Asset, Quarantine."""

    label: str
    url: str


@dataclass(frozen=True)
class Notice:
    """One thing to be reported of one incident, as plain values; nothing in it is a secret or a value of a row.

    ``incident`` is its id, such as ``I-3f9a2c41d07b``, the same for all notices of the incident. ``number`` counts
    its notices from 1. ``facts`` are pairs of a label and a text: what failed, partitions, what is affected. ``lines``
    are the first useful lines of the failure. Times are in UTC.
    """

    incident: str
    number: int
    event: Event
    severity: Severity
    subject: str
    title: str
    since: dt.datetime
    at: dt.datetime
    facts: tuple[tuple[str, str], ...] = ()
    lines: tuple[str, ...] = ()
    who: str = ""
    next_step: str = ""
    command: str = ""
    links: tuple[Link, ...] = ()
    owners: tuple[str, ...] = ()


class ChannelError(PlatformError):
    """A notice that could not be delivered now. ``retry_after`` is what the receiver asked for, in seconds.

    ``permanent`` is what no retry mends, such as a channel that does not exist or a token that is refused. The text
    holds neither the address nor the token.
    """

    kind = Kind.INFRASTRUCTURE
    code = "alerts:undelivered"

    def __init__(self, message: str, *, retry_after: float | None = None, permanent: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.permanent = permanent


class NoChannel(ChannelError):
    """A channel that the alerts file does not have now: nothing was tried."""


class Channel(Protocol):
    """One way to tell people, such as a Slack channel or a PagerDuty service."""

    @property
    def name(self) -> str:
        """What routes call it."""
        ...

    def send(self, notice: Notice, *, thread: str = "", again: bool = False) -> str:
        """Deliver a notice and wait until the receiver has taken it.

        ``thread`` is what the channel returned for the incident's first notice; empty for the first one. ``again``
        says that an earlier attempt may have arrived: the channel sees to it that it is not sent twice, as far as its
        receiver lets it. Returns the thread; it may be empty. Raises ``ChannelError``. A receiver that does not answer
        is waited for at most ten seconds.
        """
        ...
