"""One round: signals become incidents, these become notices in the outbox, and what is due is sent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from platform_assets.alerts.grouping import GRACE, Change, take
from platform_assets.alerts.incidents import Incident
from platform_assets.alerts.messages import Writer
from platform_assets.alerts.notice_json import to_json
from platform_assets.alerts.notices import Event
from platform_assets.alerts.signals import About, Signal, Source
from platform_assets.alerts.store import Transaction
from platform_assets.failpoints import failpoint

SETTLE_SECONDS = 1.0
"""How long an incident waits before it is reported: what fails because of it is often seen in the same moment."""
CHANGE_SECONDS = 20.0
"""Changes of an incident are reported together, at most this often."""

Routes = Callable[[Incident, About, dt.datetime], Sequence[str]]
"""The channels that an incident is sent to at a time, in their order."""


@dataclass(frozen=True)
class Router:
    """Writes what follows from signals, in the caller's transaction.

    ``escalate_after`` is how long an error may stay unacknowledged; None for ever. Of subjects that are not ours
    somebody else reports what comes of them by itself.
    """

    writer: Writer
    routes: Routes
    escalate_after: dt.timedelta | None = None
    is_ours: Callable[[str], bool] = lambda _: True

    def take(
        self, transaction: Transaction, signals: Sequence[Signal], now: dt.datetime, *, release: bool = True
    ) -> list[Incident]:
        """Keep the incidents that changed, and put what is to be sent of them into the outbox; the changed ones.

        Without ``release`` what failed downstream of a cause that is gone is left to somebody who knows the lineage.
        """
        muted = frozenset(transaction.mutes(now.timestamp()))
        known = transaction.incidents(resolved_since=now - 2 * GRACE)
        changed, changes = take(
            signals, known, self.writer.lineage, now, escalate_after=self.escalate_after, release=release,
            is_ours=self.is_ours,
        )  # fmt: skip
        told, rows = dict(changed), list[dict[str, Any]]()
        opened = {change.incident.id for change in changes}
        # what was opened while it was muted is reported when that is over
        still = [changed.get(each.id, each) for each in known]
        untold = [each for each in still if each.is_open and not each.notices and each.id not in opened]
        untold = [each for each in untold if self.is_ours(each.subject) and not _is_muted(each, muted)]
        changes += [Change(each, Event.OPENED) for each in untold]
        for change in changes:
            told[change.incident.id] = self._tell(transaction, change, now, muted, rows)
        transaction.add_to_outbox(rows)
        transaction.keep_incidents(told.values())
        failpoint("alerts.kept")
        return list(changed.values())

    def tell(self, transaction: Transaction, incident: Incident, event: Event, now: dt.datetime) -> Incident:
        """Put one event of an incident into the outbox, and keep the incident."""
        rows: list[dict[str, Any]] = []
        told = self._tell(transaction, Change(incident, event), now, frozenset(), rows)
        transaction.add_to_outbox(rows)
        transaction.keep_incidents([told])
        return told

    def route_anew(self, transaction: Transaction, only: str, now: dt.datetime) -> None:
        """Tell open incidents that went to the channel ``only``, and to no other, to those that they are routed to."""
        rows: list[dict[str, Any]] = []
        kept = []
        for incident in transaction.incidents():
            # what is wrong with alerts themselves is reported at each look
            if incident.source is not Source.ALERTS and transaction.told(incident.id) == [only]:
                found = self.routes(incident, self.writer.about(incident), now)
                channels = [channel for channel in found if channel != only]
                kept.append(self._noticed(incident, Event.OPENED, channels, now, now.timestamp(), rows))
        transaction.add_to_outbox(rows)
        transaction.keep_incidents(kept)

    def _tell(
        self,
        transaction: Transaction,
        change: Change,
        now: dt.datetime,
        muted: frozenset[str],
        rows: list[dict[str, Any]],
    ) -> Incident:
        """The incident with its notice counted; what is to be sent is added to ``rows``."""
        incident, event = change.incident, change.event
        if event is not Event.RESOLVED and _is_muted(incident, muted):
            return incident
        told = transaction.told(incident.id) if incident.notices else []
        due = now.timestamp()
        channels: Sequence[str] = told
        if event in (Event.OPENED, Event.ESCALATED):
            found = self.routes(incident, self.writer.about(incident), now)
            channels = list(dict.fromkeys((*channels, *found)))
            due += SETTLE_SECONDS if event is Event.OPENED else 0.0
        elif event is Event.CHANGED:
            due += CHANGE_SECONDS
            for channel in channels:
                transaction.drop_unsent(incident.id, event=Event.CHANGED, channel=channel)
        elif event is Event.RESOLVED:
            channels = self._still_to_resolve(transaction, incident, channels)
        return self._noticed(incident, event, channels, now, due, rows)

    def _noticed(
        self, incident: Incident, event: Event, channels: Sequence[str], now: dt.datetime, due: float,
        rows: list[dict[str, Any]],
    ) -> Incident:  # fmt: skip
        """The incident with one more notice, which is added to ``rows`` for each channel."""
        if not channels:
            return incident
        notice = self.writer.notice(incident, event, now)
        rows += (
            {"incident": incident.id, "number": notice.number, "channel": channel, "event": event.value,
             "body": to_json(notice), "due": due, "attempts": 0, "claimed_until": 0.0, "problem": ""}
            for channel in channels
        )  # fmt: skip
        return replace(incident, notices=notice.number)

    def _still_to_resolve(self, transaction: Transaction, incident: Incident, channels: Sequence[str]) -> list[str]:
        """The channels that know of it. What was not told yet need not be: it is good already, or part of another."""
        transaction.drop_unsent(incident.id)
        known = transaction.told(incident.id)
        return [channel for channel in channels if channel in known]


def _is_muted(incident: Incident, muted: frozenset[str]) -> bool:
    """Whether nothing is told of it: it is muted itself, or everything that is in trouble is."""
    return incident.id in muted or muted.issuperset(incident.subjects)
