"""What every asset of the platform says of itself: owners, group, kinds, description, freshness and columns."""

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import dagster as dg
from dagster.components.resolved.model import Resolver

from platform_assets._compat import partition_windows, smallest_cron_interval
from platform_assets.automation.alerting.expected import expected_metadata
from platform_assets.contracts.model import Contract, Freshness
from platform_assets.limits.durations import seconds_of
from platform_assets.limits.policy import TAG
from platform_assets.warehouse.protocol import PARTITION_COLUMN

DEFAULT_OWNER = "team:data"
UNDECIDED_TAG = "platform/personal_data_undecided"
"""Of assets with personal data for which nobody has decided on a protection."""

TimeLimit = Annotated[
    str | int | None,
    Resolver.default(
        description="How long a step of these assets may take before it is ended: 90s, 15m, 2h or 1d (`limits` in "
        "retries.yaml, else a multiple of its usual duration, else 6 hours).",
        examples=["15m"],
    ),
]


def time_limit_tags(value: str | int | None, here: Path) -> dict[str, str]:
    """The tags of assets with the word `time_limit` of the defs.yaml in the folder ``here``.

    Raises ValueError if it is no duration.
    """
    if value is None:
        return {}
    try:
        seconds_of(value)
    except ValueError as error:
        raise ValueError(f"{here / 'defs.yaml'}: time_limit: {error}") from None
    return {TAG: str(value).replace(" ", "")}


def column_schema(columns: Iterable[tuple[str, str, str]]) -> dg.TableSchema:
    """Dagster's column schema of (name, type, description) triples."""
    return dg.TableSchema([dg.TableColumn(name, type=kind, description=text or None) for name, kind, text in columns])


def with_partition_column(columns: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """The columns of a warehouse table: the contract's, and the one that names the partition of a row."""
    return [*columns, PARTITION_COLUMN]


def freshness_policy(
    freshness: Freshness, *, partitions: dg.PartitionsDefinition | None, ends: bool
) -> dg.FreshnessPolicy | None:
    """The policy for a contract's SLA; None for a feed that ``ends``: a policy knows no end, and would be stale then.

    Whether the end is past is not asked: definitions must be the same whenever they are loaded. A partition can only be
    delivered once its time is over, so the window is the partition's length and the latency that the contract grants.
    Without a latency a partition may be late by its own length.
    """
    if ends:
        return None
    if freshness.deadline_cron:
        # Dagster wants a minute at least, and no more than the shortest time between two deadlines
        between = min(smallest_cron_interval(freshness.deadline_cron), dt.timedelta(hours=23))
        bound = max(min(freshness.latency or dt.timedelta(days=1), between), dt.timedelta(minutes=1))
        return dg.FreshnessPolicy.cron(
            deadline_cron=freshness.deadline_cron, lower_bound_delta=bound, timezone=freshness.timezone
        )
    length = partition_length(partitions)
    latency = freshness.latency or length
    window = length + latency
    # a healthy feed is as old as a partition is long just before the next one comes
    least = dt.timedelta(minutes=1)
    return dg.FreshnessPolicy.time_window(
        fail_window=max(window, 2 * least), warn_window=max(length + latency / 2, least)
    )


def latency_of(hours: object, here: Path = Path()) -> dt.timedelta | None:
    """The word `latency_hours` of the defs.yaml in the folder ``here``. Raises ValueError if it is no duration."""
    if hours is None:
        return None
    # Dagster lets a text stand for any number, as it might be a template
    if isinstance(hours, bool) or not isinstance(hours, (int, float)) or not 0 < hours < 100_000:
        raise ValueError(f"{here / 'defs.yaml'}: latency_hours: {hours!r} must be a number of hours above 0")
    return dt.timedelta(hours=hours)


def partition_length(partitions: dg.PartitionsDefinition | None) -> dt.timedelta:
    """The longest time a partition can cover; a day for one that is no time."""
    if isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        # months and days around a clock change differ: some windows tell, also where none of them has begun yet
        windows = islice(partition_windows(partitions, partitions.start.timestamp()), 13)
        return max((window.end - window.start for window, _ in windows), default=dt.timedelta(days=1))
    return dt.timedelta(days=1)


def has_end(partitions: dg.PartitionsDefinition | None, contract: Contract | None = None) -> bool:
    """Whether a time is declared after which nothing is due: the partitions have an end, or the contract says so."""
    if contract is not None and any(rule.after is not None for rule in contract.not_due):
        return True
    return getattr(partitions, "end", None) is not None


def contract_metadata(contract: Contract) -> dict[str, Any]:
    """What the contract says that is carried out nowhere: people, support, price, purpose and the like."""
    metadata: dict[str, Any] = {
        f"contract/{word}": dg.MetadataValue.json(json.loads(text)) for word, text in contract.about
    }
    if contract.undecided:
        lines = "\n".join(f"- `{each.key}`: {each.message}" for each in contract.undecided)
        metadata["personal_data_undecided"] = dg.MetadataValue.md(lines)
    return metadata


def asset_spec(
    key: dg.AssetKey,
    *,
    contract: Contract,
    partitions: dg.PartitionsDefinition | None,
    description: str,
    kinds: set[str],
    columns: Sequence[tuple[str, str, str]] = (),
    deps: Sequence[dg.AssetKey] = (),
    freshness: dg.FreshnessPolicy | None = None,
    metadata: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
) -> dg.AssetSpec:
    """The spec of one of a feed's assets, with what its contract says of it."""
    extra = {**(metadata or {}), **expected_metadata(contract.freshness, contract.not_due)}
    undecided = {UNDECIDED_TAG: ""} if contract.undecided else {}
    if columns:
        extra["dagster/column_schema"] = column_schema(columns)
    return dg.AssetSpec(
        key,
        deps=list(deps),
        description=description,
        group_name=contract.domain or "default",
        owners=list(contract.owners) or [DEFAULT_OWNER],
        tags={**dict.fromkeys(contract.tags, ""), **undecided, **(tags or {})},
        kinds=kinds,
        partitions_def=partitions,
        freshness_policy=freshness,
        metadata={**extra, "contract": dg.MetadataValue.path(str(contract.path))},
        code_version=contract.version,
    )
