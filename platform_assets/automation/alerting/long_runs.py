"""Runs in progress that take longer than runs of the same assets usually do, as signals."""

from __future__ import annotations

import datetime as dt
import hashlib
from calendar import day_name
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from platform_assets._compat import AssetGraph
from platform_assets.alerts.durations import MOST, Run, Usual, usual
from platform_assets.alerts.lateness import span
from platform_assets.alerts.signals import Severity, Signal, Source
from platform_assets.alerts.store import Transaction
from platform_assets.feeds import run_tags
from platform_assets.instance.reading import EventIndex

READ = "durations"
"""The state with when the runs that were read last ended, and which these are."""
FIRST_RUNS = 200
"""Runs that the first look reads."""
MOST_SETS = 500
"""Sets of assets of which the runs are kept: those that were run last."""
OVERLAP = 60.0
"""Seconds that a look goes back: a run may be committed some time after the time that it carries."""


@dataclass(frozen=True)
class LongRuns:
    """The runs on ``instance`` of the assets of ``graph``."""

    instance: dg.DagsterInstance
    graph: AssetGraph
    location: str = ""

    def signals(self, transaction: Transaction, index: EventIndex, now: dt.datetime) -> list[Signal]:
        """Learn from runs that have ended since the last look, and judge those in progress."""
        self._learn(transaction, index, now)
        slow: dict[str, Signal] = {}
        started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])
        for record in self.instance.get_run_records(started):
            if record.start_time is not None and (signal := self._judged(transaction, index, record, now)) is not None:
                slow.setdefault(signal.subject, signal)
        known = {
            subject
            for incident in transaction.incidents()
            for source, subject, _, _ in (*incident.troubled, *incident.affected)
            if source == Source.DURATION
        }
        over = [Signal(Source.DURATION, subject, now, good=True) for subject in sorted(known - slow.keys())]
        return [*over, *(signal for subject, signal in slow.items() if subject not in known)]

    def _judged(
        self, transaction: Transaction, index: EventIndex, record: dg.RunRecord, now: dt.datetime
    ) -> Signal | None:
        run, began = record.dagster_run, record.start_time or now.timestamp()
        found = transaction.state(_kept(run))
        if found is None:
            return None
        runs = [Run(*values) for values in found]
        age, weekday = now.timestamp() - began, _weekday(began)
        partitions = self._partitions(run)
        known = usual(runs, partitions=partitions, weekday=weekday)
        if known is None or age <= known.limit:
            return None
        # more rows than usual may be why
        known = usual(runs, partitions=partitions, weekday=weekday, rows=index.rows_of_run(run.run_id)) or known
        return self._signal(run, began, known, now) if age > known.limit else None

    def _signal(self, run: dg.DagsterRun, began: float, known: Usual, now: dt.datetime) -> Signal:
        subject, of_asset = self._subject(run)
        partition = run.tags.get(run_tags.PARTITION, "")
        what = f"the run of {partition}" if partition else "its run"
        when = f"on {day_name[_weekday(began)]}s " if known.by_weekday else ""
        age = span(now.timestamp() - began)
        return Signal(
            Source.DURATION, subject, now, severity=Severity.WARNING, run_id=run.run_id, actor="operator",
            message=f"{what} was not over after {age}; {when}the last {known.runs} took {span(known.typical)}",
            next_step="look at what its step does in the UI, and end the run if it hangs", of_asset=of_asset,
        )  # fmt: skip

    def _subject(self, run: dg.DagsterRun) -> tuple[str, bool]:
        """The asset of the run that is furthest upstream; the job of a run without a selection of assets."""
        keys = sorted(run.asset_selection or ())
        own = [key for key in keys if self.graph.has(key)]
        roots = [key for key in own if not self.graph.get(key).parent_keys & set(own)]
        named = roots or keys
        return (named[0].to_user_string(), True) if named else (run.job_name, False)

    def _partitions(self, run: dg.DagsterRun) -> int:
        first, last = (run.tags.get(end) for end in (run_tags.RANGE_START, run_tags.RANGE_END))
        for key in sorted(run.asset_selection or ()):
            partitions = self.graph.get(key).partitions_def if self.graph.has(key) else None
            if partitions is not None and first is not None and last is not None:
                with dg.partition_loading_context(dynamic_partitions_store=self.instance):
                    if all(map(partitions.has_partition_key, (first, last))):
                        return len(partitions.get_partition_keys_in_range(dg.PartitionKeyRange(first, last)))
        return 1

    def _learn(self, transaction: Transaction, index: EventIndex, now: dt.datetime) -> None:
        name = f"{READ} {self.location}".strip()
        read: dict[str, Any] = transaction.state(name) or {"until": 0.0, "runs": [], "sets": {}}
        new = list(self._ended(read))
        for record in new:
            run, began, ended = record.dagster_run, record.start_time, record.end_time
            if began is None or ended is None or not self._is_own(run):
                continue
            kept = transaction.state(_kept(run)) or []
            learnt = Run(ended, ended - began, self._partitions(run), _weekday(began), index.rows_of_run(run.run_id))
            transaction.keep_state(_kept(run), [*kept, learnt.to_list()][-MOST:])
            read["sets"][_kept(run)] = ended
        for forgotten in sorted(read["sets"], key=read["sets"].__getitem__)[:-MOST_SETS]:
            transaction.drop_state(forgotten)
            del read["sets"][forgotten]
        if new:
            over = {of.dagster_run.run_id: of.update_timestamp.replace(tzinfo=dt.UTC).timestamp() for of in new}
            until = max(read["until"], *over.values())
            recent = [*read["runs"], *([run, at] for run, at in over.items())]
            kept = [[run, at] for run, at in recent if at >= until - 2 * OVERLAP]
            transaction.keep_state(name, {**read, "until": until, "runs": kept})
        elif not read["until"]:
            transaction.keep_state(name, {**read, "until": now.timestamp() - OVERLAP})

    def _ended(self, read: dict[str, Any]) -> Iterator[dg.RunRecord]:
        """Runs that ended well since the last look, the oldest first."""
        success = [dg.DagsterRunStatus.SUCCESS]
        records: Sequence[dg.RunRecord]
        if not read["until"]:
            records = self.instance.get_run_records(dg.RunsFilter(statuses=success), limit=FIRST_RUNS)
        else:
            since = dt.datetime.fromtimestamp(read["until"] - OVERLAP, dt.UTC)
            records = self.instance.get_run_records(dg.RunsFilter(statuses=success, updated_after=since))
        seen = {run for run, _ in read["runs"]}
        yield from reversed([record for record in records if record.dagster_run.run_id not in seen])

    def _is_own(self, run: dg.DagsterRun) -> bool:
        origin = run.remote_job_origin
        return origin is None or not self.location or origin.location_name == self.location


def _kept(run: dg.DagsterRun) -> str:
    """The name of the state with the earlier runs of the same assets."""
    words = sorted(key.to_user_string() for key in run.asset_selection or ()) or [run.job_name]
    return f"{READ} of {hashlib.sha256(chr(0).join(words).encode()).hexdigest()[:16]}"


def _weekday(moment: float) -> int:
    return dt.datetime.fromtimestamp(moment, dt.UTC).weekday()
