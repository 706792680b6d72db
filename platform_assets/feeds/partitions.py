"""The `partitions:` words of defs.yaml.

They are those of Dagster's own component, with `monthly` and `dynamic` added. What a partition key means to the
lake, the ledger and the warehouse is a plain string; how a file's name leads to one is in ``partition_names``.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeAlias

import dagster as dg
from dagster.components.resolved.context import ResolutionContext
from dagster.components.resolved.model import Resolver

from platform_assets.contracts.problems import suggestion
from platform_assets.lake.deliveries import SNAPSHOT
from platform_assets.logs import logger

log = logger(__name__)


_OFFSETS = ("minute_offset", "hour_offset", "day_offset")
_SPAN = ("start_date", "end_date", "timezone")
WORDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "hourly": (("start_date",), (*_SPAN, "minute_offset")),
    "daily": (("start_date",), (*_SPAN, "minute_offset", "hour_offset")),
    "weekly": (("start_date",), (*_SPAN, *_OFFSETS)),
    "monthly": (("start_date",), (*_SPAN, *_OFFSETS)),
    "time_window": (("start_date", "cron_schedule", "fmt"), (*_SPAN, "cron_schedule", "fmt")),
    "static": (("partition_keys",), ("partition_keys",)),
    "dynamic": (("name",), ("name",)),
}
"""The words that each type needs, and those that it may have."""


_OF_TIME: Mapping[str, Callable[..., dg.PartitionsDefinition]] = {
    "hourly": dg.HourlyPartitionsDefinition,
    "daily": dg.DailyPartitionsDefinition,
    "weekly": dg.WeeklyPartitionsDefinition,
    "monthly": dg.MonthlyPartitionsDefinition,
}
_TEXTS = (*_SPAN, "cron_schedule", "fmt", "name")


MOST_KEYS = 100_000
"""Keys that one asset may have: beyond it the grid, the instance and automation become too slow to use.

Partitions without an end get there by the clock alone, of which definitions must not depend: they load with a warning.
"""


def _resolve(_: ResolutionContext, words: Mapping[str, Any] | None) -> dg.PartitionsDefinition | None:
    partitions = definition_of(words)
    count = number_of_keys(partitions)
    if count > MOST_KEYS:
        problem = f"keys are more than an asset can have ({MOST_KEYS:,}): begin later, or use longer partitions"
        if isinstance(partitions, dg.TimeWindowPartitionsDefinition) and partitions.end is None:
            # by the clock: what loads today has to load on every later day
            _warn_once(f"partitions of {partitions.get_cron_schedule()} since {partitions.start:%Y-%m-%d}: {problem}")
        else:
            raise ValueError(f"partitions: {count:,} {problem}")
    return partitions


def definition_of(words: Mapping[str, Any] | None) -> dg.PartitionsDefinition | None:
    """What the words of defs.yaml mean; ``ValueError``, in one line, for a wrong one."""
    return None if words is None else _definition(*_given(words))


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


def _given(words: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The type and its words; ValueError, in one line, for what is no type, no word of it, or lacks."""
    kind = str(words.get("type"))
    if kind not in WORDS:
        hint = suggestion(kind, WORDS) if "type" in words else ""
        raise ValueError(f"partitions: type: {words.get('type')!r} must be one of {', '.join(WORDS)}{hint}")
    needed, known = WORDS[kind]
    given = {name: value for name, value in words.items() if name != "type" and value is not None}
    for word, value in given.items():
        if word not in known:
            hint = suggestion(str(word), known)
            raise ValueError(f"partitions: {word} is no word of type {kind}, which has {', '.join(known)}{hint}")
        if isinstance(value, dt.date) and word in _SPAN:
            given[word] = value = value.isoformat()
        is_good = (
            isinstance(value, str) if word in _TEXTS
            else isinstance(value, int) and not isinstance(value, bool) if word in _OFFSETS
            else isinstance(value, list) and all(isinstance(key, str) for key in value)
        )  # fmt: skip
        if not is_good:
            must = (
                "a text" if word in _TEXTS else "a whole number" if word in _OFFSETS else "a list of texts, in quotes"
            )
            raise ValueError(f"partitions: {word}: {value!r} must be {must}")
    for word in needed:
        if word not in given:
            raise ValueError(f"partitions: type {kind} needs {word}")
    if SNAPSHOT in given.get("partition_keys", ()):
        raise ValueError(f"partitions: the key {SNAPSHOT!r} stands for tables without partitions; use another one")
    return kind, given


def _definition(kind: str, given: dict[str, Any]) -> dg.PartitionsDefinition:
    try:
        match kind:
            case "time_window":
                start, end = given.pop("start_date"), given.pop("end_date", None)
                return dg.TimeWindowPartitionsDefinition(start=start, end=end, **given)
            case "dynamic":
                return dg.DynamicPartitionsDefinition(name=given["name"])
            case "static":
                return dg.StaticPartitionsDefinition(given["partition_keys"])
            case _:
                return _OF_TIME[kind](**given)
    except (ValueError, KeyError, dg.DagsterInvalidDefinitionError) as error:
        # an unknown zone is a KeyError
        message = str(error.args[0] if error.args else error).splitlines()[0]
        raise ValueError(f"partitions: {message}") from None


Partitions: TypeAlias = Annotated[
    dg.PartitionsDefinition | None,
    Resolver(
        _resolve,
        # what is wrong with a word is said below, in one line; of a model for each type Dagster would say it of all
        model_field_type=Mapping[str, Any] | None,
        description="How the data is cut into partitions; leave it out for a snapshot that is replaced as a whole.",
        examples=[{"type": "daily", "start_date": "2024-01-01", "timezone": "Europe/Berlin"}],
    ),
]
