"""One look at an instance: what the event log has since the last one, and how its ticks and its queue stand.

What was read is kept in the transaction that keeps what follows from it, so a look that is killed is made again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from platform_assets.alerts.grouping import GRACE
from platform_assets.alerts.incidents import Incident
from platform_assets.alerts.locations import known_locations
from platform_assets.alerts.router import Router
from platform_assets.alerts.signals import Signal
from platform_assets.alerts.store import WATCHDOG_SEEN, AlertStore, Transaction
from platform_assets.automation.alerting.ends import guarded, over_by_themselves, with_ended
from platform_assets.automation.alerting.failed_runs import FailedRun
from platform_assets.automation.alerting.hold_signals import hold_signals
from platform_assets.automation.alerting.location import Location
from platform_assets.automation.alerting.log_signals import TYPES, SignalReader
from platform_assets.automation.alerting.own_signals import WATCHDOG_SECONDS
from platform_assets.automation.alerting.ticks import is_left_to_another, queue_signal, tick_signals
from platform_assets.failpoints import failpoint
from platform_assets.instance.reading import EventIndex, LogRow
from platform_assets.instance.ticked import last_ticks
from platform_assets.retries.policy import Policies

BATCH = 100
"""Events that are read, and kept as read, in one transaction."""
FIRST_LOOK = dt.timedelta(hours=1)
"""How far back the first look at an instance goes."""
LATE_COMMITS = dt.timedelta(seconds=60)
"""How long after a later number an event may still be committed, where numbers are given before the commit."""
POLL = dt.timedelta(seconds=30)
"""How often ticks, the queue and runs without an event are looked at."""
KEPT = dt.timedelta(days=90)
"""How long incidents are kept after they are over."""
BREAK = dt.timedelta(seconds=90)
"""After so long without a look this sensor itself stood still: the daemon, or its code server, was down."""
_LOG, _POLLED, _SINCE, _SWEPT = "log", "polled", "polled since", "swept"


@dataclass(frozen=True)
class Observer:
    """Looks at ``instance``, at what concerns a code location. Events of the assets ``elsewhere`` concern another one.

    ``more`` are signals that are looked for as often as ticks. Dagster's freshness states of assets with expected
    partitions are passed over: a backfill of an old partition makes them fresh.
    """

    instance: dg.DagsterInstance
    store: AlertStore
    router: Router
    location: Location
    policies: Policies = field(default_factory=Policies)
    more: Callable[[Transaction, dt.datetime], Sequence[Signal]] = lambda *_: ()
    elsewhere: frozenset[str] = frozenset()

    def look(self, clock: Callable[[], dt.datetime]) -> Iterator[list[Incident]]:
        """Read until the end of the log; after each transaction the incidents that it changed."""
        index = EventIndex(self.instance)
        ordered = index.is_ordered
        while True:
            with self.store.transaction() as transaction:
                changed, more = self._read(transaction, index, clock(), ordered=ordered)
                failpoint("alerts.before_commit")
            yield changed
            if not more:
                break
        yield self._poll(index, clock())

    def _read(
        self, transaction: Transaction, index: EventIndex, now: dt.datetime, *, ordered: bool
    ) -> tuple[list[Incident], bool]:
        """What became of the next events, and whether there may be more."""
        log = f"{_LOG} {self.location.name}".strip()
        kept: dict[str, Any] = transaction.state(log) or {"marks": [[0.0, index.first_since(now - FIRST_LOOK)]]}
        marks = kept["marks"]
        last = index.last()
        # from the newest mark that is so old that nothing before it is still to come
        settled = [mark for mark in marks if ordered or mark[0] <= (now - LATE_COMMITS).timestamp()] or marks[:1]
        begin = settled[-1][1]
        seen = frozenset() if ordered else transaction.seen(self.location.name)
        after = begin
        new: list[LogRow] = []
        while len(new) < BATCH:
            rows = index.after(after, TYPES, BATCH)
            new += [row for row in rows if row.id not in seen]
            if len(rows) < BATCH:
                break
            after = rows[-1].id
        more = len(new) >= BATCH
        end = new[-1].id if more else max(last, new[-1].id if new else 0)
        signals = self._signals(transaction, new, index, now) if new else []
        changed = self.router.take(transaction, signals, now) if signals else []
        later = [mark for mark in marks if mark[1] > begin]
        marks = [[begin_time, begin] for begin_time, begin in (settled[-1], *later)]
        if end > marks[-1][1]:
            # of a backlog nothing is still to be committed
            marks.append([new[-1].at.timestamp() if more else now.timestamp(), end])
        if ordered:
            marks = marks[-1:]
        else:
            transaction.keep_seen(self.location.name, {row.id for row in new}, from_event=begin + 1)
        transaction.keep_state(log, {"marks": marks})
        return changed, more

    def _is_here(self, row: LogRow) -> bool:
        """Whether an event is one of this code location. Runs that a command executes in its own process name none."""
        if not self.location.name:
            return True
        if row.asset:
            return row.asset in self.location.lineage.parents and row.asset not in self.elsewhere
        return self._is_run_here(self.instance.get_run_by_id(row.run_id))

    def _is_run_here(self, run: dg.DagsterRun | None) -> bool:
        if not self.location.name:
            return True
        origin = run.remote_job_origin if run is not None else None
        return origin is None or origin.repository_origin.code_location_origin.location_name == self.location.name

    def _signals(
        self, transaction: Transaction, rows: Sequence[LogRow], index: EventIndex, now: dt.datetime
    ) -> list[Signal]:
        troubled = _troubled(transaction.incidents(resolved_since=now - 2 * GRACE))
        state = dg.DagsterEventType.FRESHNESS_STATE_CHANGE
        rows = [
            row
            for row in rows
            if not (row.type is state and row.asset in self.location.expected) and self._is_here(row)
        ]
        reader = SignalReader(self.instance, index, self.location.gated, self.policies)
        return list(reader.signals(rows, troubled=troubled))

    def _poll(self, index: EventIndex, now: dt.datetime) -> list[Incident]:
        polled = f"{_POLLED} {self.location.name}".strip()
        with self.store.transaction() as transaction:
            before = transaction.state(polled)
            if before is not None and 0 <= now.timestamp() - before < POLL.total_seconds():
                return []
            incidents = transaction.incidents(resolved_since=now - 2 * GRACE)
            signals = [
                *guarded(
                    "ticks",
                    now,
                    lambda: with_ended(self._ticks(transaction, now, before), incidents, now, is_ended=self._ends_here),
                ),
                *guarded("the run queue", now, lambda: [queue_signal(self.instance, now)]),
                *guarded("holds", now, lambda: hold_signals(self.instance, incidents, now)),
                *guarded("failed runs", now, lambda: self._without_event(transaction, index, now)),
                *guarded("deadlines and durations", now, lambda: self.more(transaction, now)),
                *over_by_themselves(incidents, now),
            ]
            changed = self.router.take(transaction, signals, now)
            transaction.keep_state(polled, now.timestamp())
            transaction.prune(now - KEPT)
        return changed

    def _ticks(self, transaction: Transaction, now: dt.datetime, before: float | None) -> Iterator[Signal]:
        """``before`` is when they were looked at last, a timestamp."""
        name = f"{_SINCE} {self.location.name}".strip()
        since = transaction.state(name)
        if since is None or before is None or now.timestamp() - before > BREAK.total_seconds():
            since = now.timestamp()
            transaction.keep_state(name, since)
        return tick_signals(
            self.instance, self.location.schedules, now, location=self.location.name,
            since=dt.datetime.fromtimestamp(since, dt.UTC), watched=_watched(transaction, now),
        )  # fmt: skip

    def _ends_here(self, subject: str) -> bool:
        """Whether a sensor or schedule of which no signal was given is looked at by nobody else either."""
        return not is_left_to_another(subject, last_ticks(self.instance), self.location.name)

    def _without_event(self, transaction: Transaction, index: EventIndex, now: dt.datetime) -> Iterator[Signal]:
        """Runs that failed and whose event is not in the index: whoever wrote it was killed between two commits."""
        swept: dict[str, float] = transaction.state(_SWEPT) or {}
        since = now - FIRST_LOOK
        failed = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=since)
        for record in self.instance.get_run_records(failed):
            run = record.dagster_run
            if (
                run.run_id in swept
                or not self._is_run_here(run)
                or now - record.update_timestamp.replace(tzinfo=dt.UTC) < POLL
            ):
                continue
            swept[run.run_id] = now.timestamp()
            if not index.of_run(run.run_id, [dg.DagsterEventType.RUN_FAILURE]):
                at = record.update_timestamp.replace(tzinfo=dt.UTC)
                found = FailedRun(self.instance, index, run, at, "", self.policies)
                if found.is_final:
                    yield from found.signals()
        oldest = (since - FIRST_LOOK).timestamp()
        transaction.keep_state(_SWEPT, {run: at for run, at in swept.items() if at >= oldest})


def _watched(transaction: Transaction, now: dt.datetime) -> Collection[str]:
    """The code locations that a watchdog looks at, if one runs."""
    looked = transaction.state(WATCHDOG_SEEN)
    runs = looked is not None and now.timestamp() - looked <= WATCHDOG_SECONDS
    return known_locations(transaction).keys() if runs else ()


def _troubled(incidents: Sequence[Incident]) -> set[tuple[str, str, str, str]]:
    return {trouble for incident in incidents for trouble in (*incident.troubled, *incident.affected)}
