"""An incident: one cause that somebody has to know of, with everything that is in trouble because of it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from platform_assets.alerts.signals import Severity, Signal, Source
from platform_assets.failures import Kind

SHARED = (Kind.INFRASTRUCTURE, Kind.CREDENTIALS)
"""Kinds of failure with one cause for all assets that meet it, such as a warehouse that does not answer."""
MOST_LINES = 12

Trouble = tuple[str, str, str, str]
"""Source, subject, name and partition, as :attr:`Signal.troubled` gives them."""


class Status(StrEnum):
    """Where an incident stands. One that is ``ACKNOWLEDGED`` is not escalated."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True)
class Incident:
    """``troubled`` is what is in trouble itself, ``affected`` what failed downstream of it, until it is good again.

    The texts are those of the signal that opened it; ``run_id`` is that of the latest one. ``seen`` counts its signals,
    ``codes`` are the codes that came with them. ``notices`` is how many were written. ``part_of`` is the incident of
    its root cause, where that was seen later. ``resolved_by`` is who has ended it by hand. Times are in UTC.
    """

    id: str
    fingerprint: str
    source: Source
    subject: str
    severity: Severity
    opened: dt.datetime
    changed: dt.datetime
    status: Status = Status.OPEN
    name: str = ""
    of_asset: bool = True
    kind: str = ""
    codes: tuple[str, ...] = ()
    message: str = ""
    lines: tuple[str, ...] = ()
    actor: str = ""
    next_step: str = ""
    command: str = ""
    run_id: str = ""
    troubled: frozenset[Trouble] = frozenset()
    affected: frozenset[Trouble] = frozenset()
    seen: int = 0
    notices: int = 0
    escalated: bool = False
    acknowledged_by: str = ""
    acknowledged_why: str = ""
    resolved_by: str = ""
    resolved_why: str = ""
    part_of: str = ""
    resolved: dt.datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.status is not Status.RESOLVED

    @property
    def subjects(self) -> tuple[str, ...]:
        """What is in trouble itself, or was when it began."""
        return tuple(sorted({trouble[1] for trouble in self.troubled})) or (self.subject,)

    @property
    def partitions(self) -> tuple[str, ...]:
        """The partitions of what is in trouble itself."""
        return tuple(sorted({trouble[3] for trouble in self.troubled if trouble[3]}))

    def with_signal(self, signal: Signal) -> Incident:
        """The same incident after one more signal of its own cause."""
        codes = (*self.codes, signal.code) if signal.code and signal.code not in self.codes else self.codes
        lines = tuple(dict.fromkeys((*self.lines, *signal.lines)))[:MOST_LINES]
        return dataclasses.replace(
            self, codes=codes, lines=lines, troubled=self.troubled | {signal.troubled}, seen=self.seen + 1,
            severity=max(self.severity, signal.severity, key=lambda each: each.rank),
            run_id=signal.run_id or self.run_id, changed=max(self.changed, signal.at),
        )  # fmt: skip

    def with_affected(self, signal: Signal) -> Incident:
        """The same incident after something downstream of it has failed too."""
        return dataclasses.replace(
            self, affected=self.affected | {signal.troubled}, seen=self.seen + 1, changed=max(self.changed, signal.at)
        )

    def without(self, trouble: Trouble, at: dt.datetime) -> Incident:
        """The same incident after one thing is good again; resolved if that was the last of its own."""
        if trouble not in self.troubled and trouble not in self.affected:
            return self
        left = dataclasses.replace(
            self, troubled=self.troubled - {trouble}, affected=self.affected - {trouble}, changed=max(self.changed, at)
        )
        if left.troubled or not self.troubled:
            return left
        return dataclasses.replace(left, status=Status.RESOLVED, resolved=at)

    def ended(self, at: dt.datetime, *, who: str, why: str) -> Incident:
        """The same incident after somebody has ended it by hand."""
        return dataclasses.replace(
            self, status=Status.RESOLVED, resolved=at, changed=at, troubled=frozenset(), affected=frozenset(),
            resolved_by=who, resolved_why=why,
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        found = dataclasses.asdict(self)
        for name in ("opened", "changed", "resolved"):
            found[name] = found[name].isoformat() if found[name] is not None else None
        for name in ("troubled", "affected"):
            found[name] = sorted(found[name])
        return found

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Incident:
        """What :meth:`to_dict` gave."""
        times = {
            name: dt.datetime.fromisoformat(data[name]) if data[name] else None
            for name in ("opened", "changed", "resolved")
        }
        sets = {name: frozenset(map(_trouble, data[name])) for name in ("troubled", "affected")}
        words = {
            "source": Source(data["source"]),
            "severity": Severity(data["severity"]),
            "status": Status(data["status"]),
            "codes": tuple(data["codes"]),
            "lines": tuple(data["lines"]),
        }
        return cls(**{**data, **times, **sets, **words})


def opened_by(signal: Signal) -> Incident:
    """A new incident. Its id is made of what opened it, so that a repeated attempt makes the same one."""
    fingerprint = fingerprint_of(signal)
    return Incident(
        id=f"I-{_digest(fingerprint, signal.at.isoformat())}", fingerprint=fingerprint, source=signal.source,
        subject=signal.subject, severity=signal.severity, opened=signal.at, changed=signal.at, name=signal.name,
        of_asset=signal.of_asset, kind=signal.kind, message=signal.message, actor=signal.actor,
        next_step=signal.next_step, command=signal.command,
    ).with_signal(signal)  # fmt: skip


def fingerprint_of(signal: Signal) -> str:
    """What signals of one cause share: the subject and the kind; the code alone where many subjects share the cause."""
    if signal.source is Source.RUN and signal.kind in SHARED and signal.code:
        return _digest(signal.source, signal.kind, signal.code)
    return _digest(signal.source, signal.subject, signal.name, signal.kind)


def _digest(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:12]


def _trouble(words: list[str]) -> Trouble:
    source, subject, name, partition = words
    return source, subject, name, partition
