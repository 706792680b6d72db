"""The latest evaluations of sensors and schedules, as Dagster keeps them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorTick,
    InstigatorType,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickStatus,
)
from dagster._utils.error import SerializableErrorInfo

UNREACHABLE = "DagsterUserCodeUnreachableError"
"""What an evaluation fails with whose code server does not answer."""
LOOKED_BACK = 50
"""Evaluations among which one that the code server has answered is looked for."""
_OVER = (TickStatus.SUCCESS, TickStatus.FAILURE, TickStatus.SKIPPED)


@dataclass(frozen=True)
class Ticked:
    """A sensor or schedule of ``location`` that is on: how many of its latest evaluations failed in a row.

    ``error`` is the class of the latest failure's exception; ``is_unreachable`` says that its code server did not
    answer, for ``waited``. ``last`` is when the latest evaluation began that has ended, ``answered`` the latest that
    the code server has answered, ``succeeded`` the latest that did not fail. ``since`` is when a schedule was turned
    on, ``interval`` the shortest time between two evaluations of a sensor. Times in UTC.
    """

    name: str
    location: str
    is_schedule: bool
    failures: int
    error: str
    is_unreachable: bool
    waited: dt.timedelta
    last: dt.datetime | None
    answered: dt.datetime | None
    succeeded: dt.datetime | None
    since: dt.datetime | None
    interval: dt.timedelta | None


def last_ticks(instance: dg.DagsterInstance) -> list[Ticked]:
    """Every sensor and schedule that is on, of all code locations."""
    states = [state for state in instance.all_instigator_state() if state.is_running]
    storage = instance.schedule_storage
    if storage is None or not states:
        return []
    # the newest may be under way; asked for statuses, Dagster 1.13 raises an AttributeError
    ticks = storage.get_batch_ticks([state.selector_id for state in states], limit=2)
    return [_ticked(instance, state, [*ticks.get(state.selector_id, ())]) for state in states]


def _ticked(instance: dg.DagsterInstance, state: InstigatorState, ticks: list[InstigatorTick]) -> Ticked:
    tick = next((tick for tick in ticks if tick.status in _OVER), None)
    failed = tick is not None and tick.is_failure
    if failed:
        origin, selector = state.instigator_origin_id, state.selector_id
        ticks = [*instance.get_ticks(origin, selector, limit=LOOKED_BACK, statuses=[*_OVER])]
    errors = list(_errors(tick.error if tick is not None and failed else None))
    data = state.instigator_data
    since = data.start_timestamp if isinstance(data, ScheduleInstigatorData) else None
    interval = (data.min_interval or 30) if isinstance(data, SensorInstigatorData) else None
    waited = (tick.end_timestamp or tick.timestamp) - tick.timestamp if tick is not None and failed else 0.0
    return Ticked(
        state.name, state.origin.repository_origin.code_location_origin.location_name,
        state.instigator_type is InstigatorType.SCHEDULE,
        max(1, tick.consecutive_failure_count) if tick is not None and failed else 0,
        (errors[-1].cls_name or "an error") if errors else "an error" if failed else "",
        _is_unreachable(tick) if tick is not None else False, dt.timedelta(seconds=waited),
        _began(tick),
        _began(_latest([each for each in ticks if not _is_unreachable(each)], ticks)),
        _began(_latest([each for each in ticks if not each.is_failure], ticks)),
        dt.datetime.fromtimestamp(since, dt.UTC) if since else None,
        dt.timedelta(seconds=interval) if interval is not None else None,
    )  # fmt: skip


def _latest(wanted: list[InstigatorTick], ticks: list[InstigatorTick]) -> InstigatorTick | None:
    """The first of ``wanted`` that is over; the oldest that is known where there is none."""
    return next((tick for tick in wanted if tick.status in _OVER), ticks[-1] if ticks else None)


def _errors(error: SerializableErrorInfo | None) -> Iterator[SerializableErrorInfo]:
    """An error and its causes."""
    while error is not None:
        yield error
        error = error.cause


def _is_unreachable(tick: InstigatorTick) -> bool:
    return tick.is_failure and any(error.cls_name == UNREACHABLE for error in _errors(tick.error))


def _began(tick: InstigatorTick | None) -> dt.datetime | None:
    return dt.datetime.fromtimestamp(tick.timestamp, dt.UTC) if tick is not None else None
