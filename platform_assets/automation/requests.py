"""Run requests for deliveries: one each, or one for a range where many adjoining partitions of time come at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence, Set

import dagster as dg

from platform_assets.automation.digests import digest
from platform_assets.automation.reconciler import Request
from platform_assets.lake.deliveries import dagster_partition
from platform_assets.landing.stability import CLOCK_STEP_NS
from platform_assets.partition_key import PartitionKey

RANGE_FROM = 3
"""From so many adjoining partitions on, deliveries that come at once are taken by one run over their range."""


WHOLE_TAG = "platform/whole_up_to"
"""A tag of runs that a tick asked for: what changed up to this time, in ns, is whole, however short ago that was."""


def run_requests(
    partitions: dg.PartitionsDefinition | None,
    requests: Sequence[Request],
    now_ns: int = 0,
    young: Set[str] = frozenset(),
) -> Iterator[dg.RunRequest]:
    """One request a delivery; one a range where many adjoining partitions of time are asked for at once.

    The run key holds the version of what is asked for, so that one tick that is evaluated twice starts one run. A
    request that repeats another one has the number of the try and the time in it. Of the partitions ``young`` a file is
    whole that changed a short while ago, as the look at ``now_ns`` knew: their runs have it in a tag, and do not wait.
    """
    whole = {WHOLE_TAG: str(now_ns - CLOCK_STEP_NS)}
    by_key = {request.delivery.partition: request for request in requests}
    if not isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        for request in requests:
            yield _single(request, now_ns, whole if request.delivery.partition in young else {})
        return
    for keys in _adjoining([request.delivery.key for request in requests]):
        if not _is_range(partitions, keys):
            for key in keys:
                yield _single(by_key[key], now_ns, whole if key in young else {})
        else:
            versions = ",".join(by_key[key].delivery.version for key in keys)
            feed, tries = by_key[keys[0]].delivery.feed, max(by_key[key].tries for key in keys)
            yield dg.RunRequest(
                run_key=f"{feed}:{keys[0]}...{keys[-1]}:{digest(versions)}{_try(tries, now_ns)}",
                tags={
                    "dagster/asset_partition_range_start": keys[0],
                    "dagster/asset_partition_range_end": keys[-1],
                    **(whole if not young.isdisjoint(keys) else {}),
                },
            )


def _single(request: Request, now_ns: int, tags: Mapping[str, str]) -> dg.RunRequest:
    delivery = request.delivery
    return dg.RunRequest(
        run_key=f"{delivery.feed}:{delivery.partition}:{delivery.version}{_try(request.tries, now_ns)}",
        partition_key=dagster_partition(delivery.partition),
        tags=dict(tags),
    )


def _try(tries: int, now_ns: int) -> str:
    return "" if tries <= 1 else f":try {tries} at {now_ns // 10**9}"


def _adjoining(keys: Sequence[PartitionKey]) -> Iterator[list[str]]:
    """The keys in their order, cut where a partition does not begin when the one before ends."""
    group: list[str] = []
    end: dt.datetime | None = None
    for key in sorted(keys, key=lambda key: key.order):
        if group and key.start != end:
            yield group
            group = []
        group.append(key.key)
        end = key.end
    if group:
        yield group


def _is_range(partitions: dg.TimeWindowPartitionsDefinition, keys: list[str]) -> bool:
    """Whether a run from the first to the last of ``keys`` is a run of just these, which a left-out day may prevent."""
    return (
        len(keys) >= RANGE_FROM
        and list(partitions.get_partition_keys_in_range(dg.PartitionKeyRange(keys[0], keys[-1]))) == keys
    )
