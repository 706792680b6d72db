"""Sensors and schedules that are on, and their evaluations, as Dagster keeps them of a code location."""

from __future__ import annotations

import datetime as dt

import dagster as dg
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._utils.error import SerializableErrorInfo


def turned_on(
    instance: dg.DagsterInstance,
    name: str,
    data: ScheduleInstigatorData | SensorInstigatorData | None = None,
    *,
    location: str = "somewhere",
) -> InstigatorState:
    """A sensor, or a schedule with its ``data``, of a code location, that is on."""
    kind = InstigatorType.SCHEDULE if isinstance(data, ScheduleInstigatorData) else InstigatorType.SENSOR
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), "repository")
    state = InstigatorState(RemoteInstigatorOrigin(repository, name), kind, InstigatorStatus.RUNNING, data)
    instance.add_instigator_state(state)
    return state


def ticked(
    instance: dg.DagsterInstance,
    state: InstigatorState,
    at: dt.datetime,
    *,
    failures: int = 0,
    error: SerializableErrorInfo | None = None,
    ended: dt.datetime | None = None,
) -> None:
    """An evaluation that began ``at`` a time: skipped, or the last of so many ``failures`` in a row by an ``error``."""
    instance.create_tick(
        TickData(
            state.instigator_origin_id, state.name, state.instigator_type,
            TickStatus.FAILURE if failures else TickStatus.SKIPPED, at.timestamp(), selector_id=state.selector_id,
            error=error if failures else None, consecutive_failure_count=failures,
            end_timestamp=ended.timestamp() if ended is not None else None,
        )
    )  # fmt: skip
