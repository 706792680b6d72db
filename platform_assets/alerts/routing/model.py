"""The alerts file as values: channels, hours and routes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from platform_assets.alerts.channels.settings import ConsoleSettings, Settings
from platform_assets.alerts.signals import Severity, Source

CONSOLE = "console"
"""The channel that is there without being named in the file."""


ESCALATE_AFTER_MINUTES = 60


class Hours(StrEnum):
    """When a route is used."""

    BUSINESS = "business"
    OUTSIDE = "outside"


@dataclass(frozen=True)
class Window:
    """Business hours on some days of the week: from ``start``, up to and without ``end``.

    ``days`` are numbers from 0 for Monday. ``end`` is None for midnight. ``country`` and ``subdivision`` are those of
    the package holidays; no holiday counts where ``country`` is empty.
    """

    days: frozenset[int]
    start: dt.time
    end: dt.time | None
    country: str = ""
    subdivision: str = ""


@dataclass(frozen=True)
class Condition:
    """What has to be true of an incident; what is None or empty is not asked.

    ``assets`` are the names of the assets that the selection in the file stands for.
    """

    severities: frozenset[Severity] = frozenset()
    owners: frozenset[str] = frozenset()
    assets: frozenset[str] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    sources: frozenset[Source] = frozenset()
    hours: Hours | None = None


@dataclass(frozen=True)
class Route:
    """Channels for what a condition is true of. With ``stop`` the routes after it are not looked at."""

    to: tuple[str, ...]
    when: Condition = Condition()
    stop: bool = False


@dataclass(frozen=True)
class Digest:
    """A summary of the last day, on the clock of the file's timezone."""

    to: tuple[str, ...]
    at: dt.time


@dataclass(frozen=True)
class Alerts:
    """A whole alerts file. Without one, everything goes to the console.

    ``escalate_after`` is how long an error may be open before somebody acknowledges it; None for ever.
    """

    path: Path | None = None
    timezone: dt.tzinfo = dt.UTC
    business: tuple[Window, ...] = ()
    channels: Mapping[str, Settings] = field(default_factory=lambda: {CONSOLE: ConsoleSettings()})
    routes: tuple[Route, ...] = ()
    default: tuple[str, ...] = (CONSOLE,)
    digest: Digest | None = None
    escalate_after: dt.timedelta | None = dt.timedelta(minutes=ESCALATE_AFTER_MINUTES)


class Routed(Protocol):
    """What a route looks at. A ``Signal`` is one."""

    @property
    def source(self) -> Source: ...
    @property
    def subject(self) -> str: ...
    @property
    def severity(self) -> Severity: ...
    @property
    def of_asset(self) -> bool: ...
