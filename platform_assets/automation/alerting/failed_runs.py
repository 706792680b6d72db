"""What a failed run says of each of its assets: which partitions failed, by what kind of failure, and what to do."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dagster as dg

from platform_assets._compat import CHILD_CRASHED, should_retry_run
from platform_assets.alerts.signals import Severity, Signal, Source
from platform_assets.automation.reported_failures import reported_failures
from platform_assets.failures import Failure, Kind
from platform_assets.feeds import run_tags
from platform_assets.instance.reading import EventIndex
from platform_assets.lake.deliveries import SNAPSHOT
from platform_assets.retries.policy import Layer, Policies

WILL_RETRY = "dagster/will_retry"
CHECK_FAILED = "DagsterAssetCheckFailedError"
"""What Dagster raises in a step whose blocking check has failed."""
DIED = "run_died"
"""The code of a run that ended without a step that failed: its process was gone, or it never started."""
_KINDS = {
    "TimeoutError": Kind.TIMEOUT,
    "MemoryError": Kind.MEMORY,
    "ConnectionError": Kind.INFRASTRUCTURE,
    "OSError": Kind.INFRASTRUCTURE,
    "PermissionError": Kind.INFRASTRUCTURE,
}
"""Kinds of exceptions of other people's assets, by name; any other is a bug."""
_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')


@dataclass(frozen=True)
class FailedRun:
    """One run that failed for good, as signals: one for each partition of each asset that failed in it."""

    instance: dg.DagsterInstance
    index: EventIndex
    run: dg.DagsterRun
    at: dt.datetime
    message: str
    policies: Policies = field(default_factory=Policies)

    @property
    def is_final(self) -> bool:
        """Whether no retry of the whole run follows."""
        if not self.instance.run_retries_enabled:
            return True
        tag = self.run.tags.get(WILL_RETRY)
        # the tag is written a moment after the event
        return tag == "false" if tag is not None else not should_retry_run(self.instance, self.run)

    def signals(self) -> Iterator[Signal]:
        """What failed for good: not what the arrival sensor asks for again, and not what somebody holds."""
        for signal in self._failures():
            if signal.kind != Kind.HELD and not self._is_asked_again(signal):
                yield signal

    def _is_asked_again(self, signal: Signal) -> bool:
        tag = self.run.tags.get(run_tags.TRY, "")
        attempt = int(tag) if tag.isdecimal() else 0
        policy = self.policies.of(signal.subject)
        return 0 < attempt < policy.attempts(Kind(signal.kind), Layer.AUTOMATION)

    def _failures(self) -> Iterator[Signal]:
        planned, made = self._planned(), self._made()
        records = self.instance.get_records_for_run(self.run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
        if not records:
            yield from self._of_run(planned, made)
        told: set[tuple[str, str, str]] = set()
        for record in records:
            event = record.event_log_entry.dagster_event
            if event is None:
                continue
            step = event.step_key or ""
            for signal in self._of_step(step, event.step_failure_data, planned.get(step, {}), made):
                if (signal.subject, signal.name, signal.partition) not in told:
                    told.add((signal.subject, signal.name, signal.partition))
                    yield signal

    def _of_step(
        self, step: str, data: Any, planned: Mapping[str, set[str]], made: set[tuple[str, str]]
    ) -> Iterator[Signal]:
        cause = data.user_failure_data
        found = list(reported_failures(cause.metadata if cause is not None else {}))
        listed = {(of.asset, "" if of.partition == SNAPSHOT else of.partition): of.failure for of in found}
        for (asset, partition), failure in listed.items():
            yield self._signal(asset, partition, failure)
        failure, lines = _failure_of_step(data)
        if found:
            # its table is cut after the first ones
            failure, lines = found[-1].failure, ()
        elif failure.code == CHECK_FAILED:
            # the check itself is reported
            return
        elif failure.code == CHILD_CRASHED:
            failure = self._of_pod() or failure
        every = [(asset, partition) for asset, partitions in planned.items() for partition in sorted(partitions)]
        left = [each for each in every if each not in made and each not in listed]
        # what fails after all was materialized stays in trouble until it is materialized again
        for asset, partition in left or ([] if listed else every):
            yield replace(self._signal(asset, partition, failure), lines=lines)
        if not planned and not listed:
            yield from self._of_other_step(step, failure, lines)

    def _of_other_step(self, step: str, failure: Failure, lines: tuple[str, ...]) -> Iterator[Signal]:
        """Of a step without assets: one of checks, or of a job of ops."""
        checks = [found for found in self._checks() if found[0] == step]
        for _, asset, check in checks:
            signal = replace(self._signal(asset, "", failure), source=Source.CHECK, name=check)
            yield replace(signal, lines=lines, message=f"it could not be evaluated: {failure.message}")
        if not checks:
            yield replace(self._signal(self.run.job_name, "", failure), lines=lines, of_asset=False)

    def _checks(self) -> Iterator[tuple[str, str, str]]:
        """The step, the asset and the name of each check that the run was to evaluate."""
        for row in self.index.of_run(self.run.run_id, [dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED]):
            event = row.entry.dagster_event
            planned: Any = None if event is None else event.event_specific_data
            if planned is not None:
                yield row.step, planned.asset_key.to_user_string(), planned.check_name

    def _said(self) -> str:
        return self.message.splitlines()[0] if self.message else "the run died"

    def _of_pod(self) -> Failure | None:
        """What a launcher of pods knows of why the run is over."""
        kind, _, code = self.run.tags.get(run_tags.ENDED, "").partition("/")
        return Failure(Kind(kind), code, self._said()) if kind in set(Kind) else None

    def _of_run(self, planned: Mapping[str, Mapping[str, set[str]]], made: set[tuple[str, str]]) -> Iterator[Signal]:
        failure = self._of_pod() or Failure(Kind.INFRASTRUCTURE, DIED, self._said())
        every = {
            (asset, partition)
            for of_step in planned.values()
            for asset, partitions in of_step.items()
            for partition in partitions
        }
        for asset, partition in sorted(every - made or every):
            yield self._signal(asset, partition, failure)
        if not every:
            yield replace(self._signal(self.run.job_name, "", failure), of_asset=False)

    def _signal(self, asset: str, partition: str, failure: Failure) -> Signal:
        command = f"platform-assets run {asset}" + (f" --partition {partition}" if partition else "")
        return Signal(
            Source.RUN, asset, self.at, partition=partition, severity=Severity.ERROR, kind=failure.kind.value,
            code=failure.code, message=failure.message, actor=failure.actor.value, next_step=failure.next_step,
            command=command, run_id=self.run.run_id,
        )  # fmt: skip

    def _planned(self) -> dict[str, dict[str, set[str]]]:
        """The partitions of each asset of each step that the run was to materialize."""
        found: dict[str, dict[str, set[str]]] = {}
        for row in self.index.of_run(self.run.run_id, [dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED]):
            found.setdefault(row.step, {}).setdefault(row.asset, set()).add(row.partition)
        return found

    def _made(self) -> set[tuple[str, str]]:
        rows = self.index.of_run(self.run.run_id, [dg.DagsterEventType.ASSET_MATERIALIZATION])
        return {(row.asset, row.partition) for row in rows}


def _failure_of_step(data: Any) -> tuple[Failure, tuple[str, ...]]:
    """The failure of somebody else's step, and where it was raised.

    The text of its exception may quote a row or a secret: it is in the run's log, and is not reported.
    """
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    name = (error.cls_name if error is not None else None) or "an error"
    where = [match for line in (error.stack if error is not None else ()) if (match := _FRAME.search(line))]
    own = [match for match in where if "site-packages" not in match["file"]] or where
    lines = tuple(f"{Path(match['file']).name}, line {match['line']}" for match in own[-3:])
    message = f"{name}{f' in {lines[-1]}' if lines else ''}"
    kind = _KINDS.get(name, Kind.BUG)
    return Failure(kind, name, message, "read the run's log, which has the whole error"), lines
