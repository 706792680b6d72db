"""A router on a store, whose channels keep what they are given, and a clock that a test moves."""

from __future__ import annotations

import datetime as dt
import threading
from collections import defaultdict
from dataclasses import dataclass, field

from platform_assets.alerts.lineage import Lineage
from platform_assets.alerts.messages import Writer
from platform_assets.alerts.notices import Channel, ChannelError, Event, Notice
from platform_assets.alerts.router import SETTLE_SECONDS, Router
from platform_assets.alerts.sending import Sender
from platform_assets.alerts.signals import Signal
from platform_assets.alerts.store import AlertStore

NOW = dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)


@dataclass
class Recorder:
    """A channel that keeps what it is given; ``problems`` are raised first."""

    name: str = "team"
    problems: list[ChannelError] = field(default_factory=list)
    taken: list[tuple[str, Event, str, bool]] = field(default_factory=list)
    waits_for: threading.Event | None = None

    def send(self, notice: Notice, *, thread: str = "", again: bool = False) -> str:
        if self.waits_for is not None:
            assert self.waits_for.wait(60)
        if self.problems:
            raise self.problems.pop(0)
        self.taken.append((notice.subject, notice.event, thread, again))
        return f"thread of {notice.subject}"


class Clock:
    """Seconds that pass when a test says so; what waits for them is sent at once."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now.timestamp()

    def advance(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)


@dataclass
class Board:
    """A router on a store, with recorders for channels."""

    store: AlertStore
    clock: Clock = field(default_factory=Clock)
    to: tuple[str, ...] = ("team",)
    channels: dict[str, Recorder] = field(default_factory=lambda: defaultdict(Recorder))

    @property
    def router(self) -> Router:
        return Router(Writer(Lineage({"a": (), "b": ("a",)})), lambda incident, about, at: self.to)

    def take(self, *signals: Signal) -> None:
        with self.store.transaction() as transaction:
            self.router.take(transaction, signals, self.clock.now)

    def send(self, *, after: float = SETTLE_SECONDS, seconds: float = 30) -> None:
        self.clock.advance(after)
        Sender(self.store, self.channel, clock=self.clock).send(seconds=seconds, linger=0)

    def channel(self, name: str) -> Channel:
        return self.channels[name]

    @property
    def unsent(self) -> list[tuple[str, str]]:
        with self.store.transaction() as transaction:
            return [(row["channel"], row["event"]) for row in transaction.unsent()]
