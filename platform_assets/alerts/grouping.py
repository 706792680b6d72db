"""From signals to incidents: one for each cause, whatever else fails because of it, until it is good again.

Plain values only; ``router`` reads and writes them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from platform_assets.alerts.incidents import Incident, Status, Trouble, fingerprint_of, opened_by
from platform_assets.alerts.lineage import Lineage
from platform_assets.alerts.notices import Event
from platform_assets.alerts.signals import Severity, Signal, Source

ABSORBED_WITHIN = dt.timedelta(minutes=10)
"""How much earlier the failure of something downstream may be seen than that of its cause."""
GRACE = dt.timedelta(minutes=15)
"""What failed downstream of a cause that is resolved has so long to become good too, before it is one of its own."""


@dataclass(frozen=True)
class Change:
    """An incident after something became of it that is to be reported."""

    incident: Incident
    event: Event


def take(
    signals: Sequence[Signal],
    incidents: Iterable[Incident],
    lineage: Lineage,
    now: dt.datetime,
    *,
    escalate_after: dt.timedelta | None = None,
    release: bool = True,
    is_ours: Callable[[str], bool] = lambda _: True,
) -> tuple[dict[str, Incident], list[Change]]:
    """What ``signals``, in their order, make of ``incidents``: those that are open, or were resolved within ``GRACE``.

    Of several signals about one thing the last one counts. Subjects that are not ours are escalated and released by
    somebody else, who routes them by other rules. Returns the incidents that have changed, by id, and what is to be
    told of them.
    """
    book = _Book(incidents, lineage)
    last = {signal.troubled: signal for signal in signals}
    for signal in last.values():
        if signal.good:
            book.end(signal.troubled, signal.at)
    bad = [signal for signal in last.values() if not signal.good]
    # a cause before what it has caused
    for signal in sorted(bad, key=lambda each: lineage.depth(each.subject) if each.of_asset else 0):
        book.add(signal)
    if release:
        book.release(now, is_ours)
    if escalate_after is not None:
        book.escalate(now, escalate_after, is_ours)
    return book.changed(), book.changes()


class _Book:
    def __init__(self, incidents: Iterable[Incident], lineage: Lineage) -> None:
        self._before = {incident.id: incident for incident in incidents}
        self._now: dict[str, Incident] = {}
        self._opened: dict[tuple[str, str, str], list[str]] = {}
        self._lineage = lineage
        # incidents by what is in trouble, and the open ones by cause and by subject
        self._by_trouble: dict[Trouble, set[str]] = {}
        self._by_fingerprint: dict[str, set[str]] = {}
        self._by_subject: dict[str, set[str]] = {}
        for incident in self._before.values():
            self._keep(incident)

    def end(self, trouble: Trouble, at: dt.datetime) -> None:
        """Something is good again."""
        for incident in self._found(self._by_trouble, trouble):
            self._keep(incident.without(trouble, at))

    def add(self, signal: Signal) -> None:
        """Something is in trouble."""
        fingerprint = fingerprint_of(signal)
        for incident in self._found(self._by_trouble, signal.troubled):
            if not incident.is_open:
                # what was left of a cause is seen anew
                self._keep(replace(incident, affected=incident.affected - {signal.troubled}))
            elif signal.troubled in incident.affected:
                self._keep(incident.with_affected(signal))
                return
            elif signal.troubled in incident.troubled and incident.fingerprint != fingerprint:
                # by another cause than before
                self._keep(incident.without(signal.troubled, signal.at))
        same = self._found(self._by_fingerprint, fingerprint)
        if same:
            self._keep(same[0].with_signal(signal))
        elif (cause := self._cause(signal)) is not None:
            self._keep(cause.with_affected(signal))
        elif (sibling := self._sibling(signal)) is not None:
            self._keep(sibling.with_signal(signal))
        else:
            self._open(signal)

    def release(self, now: dt.datetime, is_ours: Callable[[str], bool]) -> None:
        """What still fails some time after its cause is gone has a cause of its own."""
        for incident in list(self._now.values()):
            if incident.resolved is None or not incident.affected or now - incident.resolved < GRACE:
                continue
            released = frozenset(trouble for trouble in incident.affected if is_ours(trouble[1]))
            if not released:
                continue
            self._keep(replace(incident, affected=incident.affected - released))
            for source, subject, name, partition in sorted(released):
                message = f"it failed while {incident.subject} did ({incident.id}), and is not good since that is"
                self.add(Signal(Source(source), subject, now, name=name, partition=partition, message=message))

    def escalate(self, now: dt.datetime, after: dt.timedelta, is_ours: Callable[[str], bool]) -> None:
        """Raise the severity, once, of what nobody has acknowledged for so long."""
        for incident in list(self._now.values()):
            late = incident.status is Status.OPEN and not incident.escalated and now - incident.opened >= after
            if late and is_ours(incident.subject) and incident.severity.rank >= Severity.ERROR.rank:
                self._keep(replace(incident, escalated=True, severity=Severity.CRITICAL))

    def changed(self) -> dict[str, Incident]:
        return {key: incident for key, incident in self._now.items() if incident != self._before.get(key)}

    def changes(self) -> list[Change]:
        found = []
        for key, incident in self.changed().items():
            event = _event(self._before.get(key), incident)
            if event is not None:
                found.append(Change(incident, event))
        return found

    def _open(self, signal: Signal) -> None:
        opened = opened_by(signal)
        if signal.of_asset:
            below = self._lineage.descendants(opened.subjects)
            for other in self._found(self._by_subject, *below):
                if self._is_absorbed(other, opened, below):
                    opened = replace(opened, affected=opened.affected | other.troubled | other.affected,
                                     seen=opened.seen + other.seen)  # fmt: skip
                    self._keep(
                        replace(other, status=Status.RESOLVED, resolved=signal.at, part_of=opened.id,
                                troubled=frozenset(), affected=frozenset())
                    )  # fmt: skip
        self._keep(opened)
        self._opened.setdefault((signal.run_id, signal.kind, signal.code), []).append(opened.id)

    def _is_absorbed(self, other: Incident, opened: Incident, below: frozenset[str]) -> bool:
        return (
            other.is_open
            and other.of_asset
            and opened.opened - other.opened <= ABSORBED_WITHIN
            and set(other.subjects) <= below
            and _related(opened, other.run_id, other.partitions)
        )

    def _cause(self, signal: Signal) -> Incident | None:
        """The oldest open incident of the asset itself, or of one upstream, that may be why this has failed."""
        if not signal.of_asset:
            return None
        above = self._lineage.ancestors(signal.subject) | {signal.subject}
        partitions = (signal.partition,) if signal.partition else ()
        found = [
            incident
            for incident in self._found(self._by_subject, *above)
            if incident.of_asset and _may_cause(incident, signal) and _related(incident, signal.run_id, partitions)
        ]  # fmt: skip
        return min(found, key=lambda each: (each.opened, each.id), default=None)

    def _sibling(self, signal: Signal) -> Incident | None:
        """An incident that the same run has just opened by the same failure of an asset below the same one.

        What both lie below may be the cause, and be reported only later.
        """
        above = self._lineage.ancestors(signal.subject) if signal.of_asset else frozenset[str]()
        if not above or not signal.run_id or signal.source is not Source.RUN:
            return None
        key = (signal.run_id, signal.kind, signal.code)
        for name in self._opened.get(key, ()):
            incident = self._now[name]
            if incident.is_open and not above.isdisjoint(self._lineage.ancestors(incident.subject)):
                return incident
        return None

    def _keep(self, incident: Incident) -> None:
        before = self._now.get(incident.id)
        self._now[incident.id] = incident
        old = ((), (), ()) if before is None else _keys(before)
        indices: tuple[dict[Any, set[str]], ...] = (self._by_trouble, self._by_fingerprint, self._by_subject)
        for index, gone, here in zip(indices, old, _keys(incident), strict=True):
            for key in set(gone) - set(here):
                index[key].discard(incident.id)
            for key in set(here) - set(gone):
                index.setdefault(key, set()).add(incident.id)

    def _found(self, index: Mapping[Any, set[str]], *keys: Any) -> list[Incident]:
        """The incidents of some keys, in the order in which they began."""
        names = {name for key in keys for name in index.get(key, ())}
        return sorted((self._now[name] for name in names), key=lambda each: (each.opened, each.id))


def _keys(incident: Incident) -> tuple[Collection[Any], ...]:
    """By what it is found: what is in trouble; of an open one its cause and its subjects."""
    troubles = incident.troubled | incident.affected
    return (troubles, (incident.fingerprint,), incident.subjects) if incident.is_open else (troubles, (), ())


def _may_cause(incident: Incident, signal: Signal) -> bool:
    """A warning causes no failure, and of one asset only what was seen in one run belongs together."""
    if incident.severity.rank < signal.severity.rank:
        return False
    if signal.source is Source.HOLD and signal.subject in incident.subjects:
        return True
    return signal.subject not in incident.subjects or bool(signal.run_id and signal.run_id == incident.run_id)


def _related(incident: Incident, run_id: str, partitions: Sequence[str]) -> bool:
    """Whether the trouble of both is in one run or in the same partitions."""
    if run_id and run_id == incident.run_id:
        return True
    return not incident.partitions or not partitions or not set(partitions).isdisjoint(incident.partitions)


def _event(before: Incident | None, now: Incident) -> Event | None:
    """What is to be reported; nothing where only the number of signals has changed."""
    if before is None:
        return None if now.status is Status.RESOLVED else Event.OPENED
    if before.is_open and not now.is_open:
        return Event.RESOLVED
    if now.escalated and not before.escalated:
        return Event.ESCALATED
    if now.is_open and _shown(before) != _shown(now):
        return Event.CHANGED
    return None


def _shown(incident: Incident) -> object:
    return incident.severity, incident.troubled, incident.affected, incident.codes
