"""What the event log says since it was last read, as signals."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from platform_assets.alerts.signals import Severity, Signal, Source
from platform_assets.automation.alerting.ends import EVENT_LOG
from platform_assets.automation.alerting.expected import ON_TIME
from platform_assets.automation.alerting.failed_runs import FailedRun
from platform_assets.instance.reading import EventIndex, LogRow
from platform_assets.logs import logger
from platform_assets.publishing.verdicts import VERDICT
from platform_assets.retries.policy import Policies

log = logger(__name__)

_T = dg.DagsterEventType
TYPES = (
    _T.RUN_FAILURE,
    _T.RUN_SUCCESS,
    _T.ASSET_MATERIALIZATION,
    _T.ASSET_CHECK_EVALUATION,
    _T.FRESHNESS_STATE_CHANGE,
)
_STATES = {"WARN": Severity.WARNING, "FAIL": Severity.ERROR}
_SHOWN = 3
Troubles = Collection[tuple[str, str, str, str]]


@dataclass(frozen=True)
class SignalReader:
    """Reads events of ``instance``. ``gated`` are the assets that have the verdict check."""

    instance: dg.DagsterInstance
    index: EventIndex
    gated: Collection[str]
    policies: Policies

    def signals(self, rows: Sequence[LogRow], *, troubled: Troubles) -> Iterator[Signal]:
        """The signals of events, in the order of the events.

        Of what is good only that is looked at which was in trouble before: by ``troubled``, or by an earlier one of
        these events.
        """
        known = set(troubled)
        for row in rows:
            for signal in self._readable(row, known):
                if not signal.good:
                    known.add(signal.troubled)
                yield signal

    def _readable(self, row: LogRow, known: Troubles) -> list[Signal]:
        """The signals of an event; one that cannot be read holds up none that comes after it."""
        try:
            return list(self._of_row(row, known))
        except Exception as error:
            log.exception("the event %d of run %s cannot be read", row.id, row.run_id)
            return [
                Signal(
                    Source.ALERTS, EVENT_LOG, row.at, name=row.type.value, severity=Severity.WARNING, of_asset=False,
                    message=f"an event cannot be read ({type(error).__name__}), and nothing is reported of it",
                    run_id=row.run_id, actor="operator",
                    next_step="read the run in the UI, and the log of the code server",
                )
            ]  # fmt: skip

    def _of_row(self, row: LogRow, known: Troubles) -> Iterator[Signal]:
        if row.type is _T.ASSET_MATERIALIZATION:
            for partition in dict.fromkeys((row.partition, "")):
                signal = Signal(Source.RUN, row.asset, row.at, good=True, partition=partition, run_id=row.run_id)
                if signal.troubled in known:
                    yield signal
        elif row.type is _T.RUN_SUCCESS:
            yield from self._of_success(row, known)
        elif row.type is _T.RUN_FAILURE:
            yield from self._of_failure(row)
        elif row.type is _T.FRESHNESS_STATE_CHANGE:
            yield _of_freshness(row)
        else:
            yield from _of_check(row, self.gated)

    def _of_success(self, row: LogRow, known: Troubles) -> Iterator[Signal]:
        """Of jobs without assets: their next success ends what an earlier run had."""
        jobs = {subject for source, subject, _, _ in known if source == Source.RUN}
        run = self.instance.get_run_by_id(row.run_id) if jobs else None
        if run is not None and run.job_name in jobs:
            yield Signal(Source.RUN, run.job_name, row.at, good=True, run_id=row.run_id, of_asset=False)

    def _of_failure(self, row: LogRow) -> Iterator[Signal]:
        run = self.instance.get_run_by_id(row.run_id)
        if run is None:
            return
        event = row.entry.dagster_event
        message = (event.message if event is not None else None) or ""
        failed = FailedRun(self.instance, self.index, run, row.at, message, self.policies)
        if failed.is_final:
            yield from failed.signals()


def _of_freshness(row: LogRow) -> Signal:
    event = row.entry.dagster_event
    change: Any = None if event is None else event.event_specific_data
    state = change.new_state.value if change is not None else ""
    bad = _STATES.get(state)
    return Signal(
        Source.FRESHNESS, row.asset, row.at, good=bad is None, severity=bad or Severity.INFO,
        message="its freshness policy is not met" if bad is not None else "",
    )  # fmt: skip


def _of_check(row: LogRow, gated: Collection[str]) -> Iterator[Signal]:
    event = row.entry.dagster_event
    found = None if event is None else event.asset_check_evaluation_data
    if found is None:
        return
    asset = found.asset_key.to_user_string()
    if asset in gated and found.check_name == ON_TIME:
        # it follows what is reported as a deadline
        return
    warns = found.severity is dg.AssetCheckSeverity.WARN
    if asset in gated and not found.passed and (not warns or found.check_name == VERDICT):
        # the run fails by it
        return
    yield Signal(
        Source.CHECK, asset, row.at, good=found.passed, name=found.check_name, partition=found.partition or "",
        severity=Severity.WARNING if warns else Severity.ERROR, kind="rejected",
        actor="sender" if asset in gated else "", lines=_problems(found.metadata) if asset in gated else (),
        run_id=row.run_id, next_step="look at the check in the UI",
    )  # fmt: skip


def _problems(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """What a check of the platform says of partitions. The words of other checks may quote rows."""
    table = metadata.get("problems")
    if not isinstance(table, dg.TableMetadataValue):
        return ()
    return tuple(f"{of.data.get('partition')}: {of.data.get('message')}" for of in table.records[:_SHOWN])
