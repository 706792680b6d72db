"""The `partitions:` words of defs.yaml.

The models are Dagster's own, with `monthly` and `dynamic` added. What a partition key means to the lake, the
ledger and the warehouse is a plain string; how a file's name leads to one is in ``partition_names``.
"""

from __future__ import annotations

import datetime as dt
import functools
from typing import Annotated, Literal, TypeAlias

import dagster as dg
from dagster.components.resolved.base import Resolvable
from dagster.components.resolved.context import ResolutionContext
from dagster.components.resolved.core_models import (
    DailyPartitionsDefinitionModel,
    HourlyPartitionsDefinitionModel,
    StaticPartitionsDefinitionModel,
    TimeWindowPartitionsDefinitionModel,
    WeeklyPartitionsDefinitionModel,
    resolve_partitions_def,
)
from dagster.components.resolved.model import Model, Resolver

from platform_assets.lake.deliveries import SNAPSHOT
from platform_assets.logs import logger

log = logger(__name__)


class MonthlyPartitionsDefinitionModel(Resolvable, Model):
    type: Literal["monthly"] = "monthly"
    start_date: str
    end_date: str | None = None
    timezone: str | None = None
    minute_offset: int = 0
    hour_offset: int = 0
    day_offset: int = 1


class DynamicPartitionsDefinitionModel(Resolvable, Model):
    type: Literal["dynamic"] = "dynamic"
    name: str


MOST_KEYS = 100_000
"""Keys that one asset may have: beyond it the grid, the instance and automation become too slow to use.

Partitions without an end get there by the clock alone, of which definitions must not depend: they load with a warning.
"""


def _resolve(context: ResolutionContext, model: Model | None) -> dg.PartitionsDefinition | None:
    partitions = _definition(context, model)
    count = number_of_keys(partitions)
    if count > MOST_KEYS:
        problem = f"keys are more than an asset can have ({MOST_KEYS:,}): begin later, or use longer partitions"
        if isinstance(partitions, dg.TimeWindowPartitionsDefinition) and partitions.end is None:
            # by the clock: what loads today has to load on every later day
            _warn_once(f"partitions of {partitions.get_cron_schedule()} since {partitions.start:%Y-%m-%d}: {problem}")
        else:
            raise ValueError(f"partitions: {count:,} {problem}")
    return partitions


@functools.cache
def _warn_once(message: str) -> None:
    log.warning(message)


def number_of_keys(partitions: dg.PartitionsDefinition | None) -> int:
    """About how many keys the partitions have today, or at their end; 0 for dynamic ones. Costs no listing of time."""
    if isinstance(partitions, dg.StaticPartitionsDefinition):
        return len(partitions.get_partition_keys())
    if not isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        return 0
    window = partitions.get_next_partition_window(partitions.start, respect_bounds=False)
    if window is None:
        return 0
    last = partitions.end or dt.datetime.now(dt.UTC)
    return int((last - partitions.start) / (window.end - window.start))


def _definition(context: ResolutionContext, model: Model | None) -> dg.PartitionsDefinition | None:
    if isinstance(model, MonthlyPartitionsDefinitionModel):
        return dg.MonthlyPartitionsDefinition(
            start_date=model.start_date,
            end_date=model.end_date,
            timezone=model.timezone,
            minute_offset=model.minute_offset,
            hour_offset=model.hour_offset,
            day_offset=model.day_offset,
        )
    if isinstance(model, DynamicPartitionsDefinitionModel):
        return dg.DynamicPartitionsDefinition(name=model.name)
    if isinstance(model, StaticPartitionsDefinitionModel) and SNAPSHOT in model.partition_keys:
        raise ValueError(f"partitions: the key {SNAPSHOT!r} stands for tables without partitions; use another one")
    return resolve_partitions_def(context, model)


Partitions: TypeAlias = Annotated[
    dg.PartitionsDefinition | None,
    Resolver(
        _resolve,
        model_field_type=HourlyPartitionsDefinitionModel
        | DailyPartitionsDefinitionModel
        | WeeklyPartitionsDefinitionModel
        | MonthlyPartitionsDefinitionModel
        | TimeWindowPartitionsDefinitionModel
        | StaticPartitionsDefinitionModel
        | DynamicPartitionsDefinitionModel
        | None,
        description="How the data is cut into partitions; leave it out for a snapshot that is replaced as a whole.",
        examples=[{"type": "daily", "start_date": "2024-01-01", "timezone": "Europe/Berlin"}],
    ),
]
