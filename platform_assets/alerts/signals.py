"""What is observed of a pipeline: one thing that went wrong, or that is well again."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is, from the least to the worst."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """The worse, the higher."""
        return list(Severity).index(self)


class Source(StrEnum):
    """What was observed."""

    RUN = "run"
    CHECK = "check"
    TICK = "tick"
    DEADLINE = "deadline"
    FRESHNESS = "freshness"
    DURATION = "duration"
    QUEUE = "queue"
    HOLD = "hold"
    ALERTS = "alerts"
    WATCHDOG = "watchdog"


@dataclass(frozen=True)
class Signal:
    """One observation of ``subject``: an asset such as ``raw/orders``, or a sensor, a schedule, a queue, a channel.

    ``name`` tells apart what can be wrong with one subject from one ``source``: a check, for example. A signal that is
    ``good`` ends what an earlier one of the same source, subject, name and partition reported. ``kind`` and ``code``
    are those of a failure, ``message`` is for people and holds no value of a row. ``at`` is in UTC.
    """

    source: Source
    subject: str
    at: dt.datetime
    good: bool = False
    name: str = ""
    partition: str = ""
    severity: Severity = Severity.ERROR
    kind: str = ""
    code: str = ""
    message: str = ""
    lines: tuple[str, ...] = ()
    actor: str = ""
    next_step: str = ""
    command: str = ""
    run_id: str = ""
    of_asset: bool = True
    """Whether the subject is an asset, which has a place in the lineage."""

    @property
    def troubled(self) -> tuple[str, str, str, str]:
        """What is in trouble: of two signals with the same the later one counts."""
        return (self.source.value, self.subject, self.name, self.partition)


@dataclass(frozen=True)
class About:
    """What is known of a subject besides what happened to it, for routes and for messages."""

    owners: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    group: str = ""
