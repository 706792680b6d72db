"""Run requests for deliveries: one for all of a tick that adjoin each other, in the order of their partitions.

Dagster's run has one partition or a range of them, so deliveries with a gap between them are runs of their own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence, Set

import dagster as dg

from platform_assets.automation.digests import digest
from platform_assets.automation.reconciler import Request
from platform_assets.failures import Kind
from platform_assets.feeds import run_tags
from platform_assets.feeds.feed import Feed
from platform_assets.feeds.more import ONCE_MORE, tags_for_more
from platform_assets.lake.deliveries import dagster_partition
from platform_assets.landing.stability import CLOCK_STEP_NS
from platform_assets.partition_key import PartitionKey


def run_requests(
    feed: Feed,
    requests: Sequence[Request],
    now_ns: int = 0,
    young: Set[str] = frozenset(),
    dynamic: Sequence[str] = (),
) -> Iterator[dg.RunRequest]:
    """One request for adjoining partitions, of at most ``partitions_per_run`` of the feed.

    The run key holds the versions of what is asked for, so that one tick that is evaluated twice starts one run. A
    request that repeats another one has the number of the try and the time in it. What differs in the number of its
    attempt or in the failure before is not asked for in one run: how a run tries depends on both.

    Of the partitions ``young`` a file is whole that changed a short while ago, as the look at ``now_ns`` knew: their
    runs have it in a tag, and do not wait. ``dynamic`` are the keys of dynamic partitions in the order that Dagster has
    them in, new ones included.
    """
    whole = {run_tags.WHOLE: str(now_ns - CLOCK_STEP_NS)}
    by_key = {request.delivery.partition: request for request in requests}
    alike: dict[tuple[int, Kind | None], list[Request]] = {}
    for request in requests:
        alike.setdefault((request.attempt, request.kind), []).append(request)
    found = [(keys, of) for of, some in alike.items() for keys in _runs(feed, [r.delivery.key for r in some], dynamic)]
    for keys, (attempt, kind) in found:
        tags = {**(whole if not young.isdisjoint(keys) else {}), **_tags_of(attempt, kind, now_ns)}
        if len(keys) == 1:
            yield _single(by_key[keys[0]], now_ns, tags)
            continue
        versions = ",".join(by_key[key].delivery.version for key in keys)
        tries = max(by_key[key].tries for key in keys)
        yield dg.RunRequest(
            run_key=f"{feed.name}:{keys[0]}...{keys[-1]}:{digest(versions)}{_try(tries, now_ns)}",
            tags={
                run_tags.RANGE_START: keys[0],
                run_tags.RANGE_END: keys[-1],
                **tags,
            },
        )


def _tags_of(attempt: int, kind: Kind | None, now_ns: int) -> dict[str, str]:
    """The tags of a run which is asked for again by the sensor, not started again by Dagster."""
    if not attempt:
        return {}
    more = tags_for_more(kind, {}) if kind in ONCE_MORE else {}
    return {run_tags.TRY: str(attempt), run_tags.ASKED: str(now_ns), run_tags.MAX_RETRIES: "0", **more}


def _runs(feed: Feed, keys: Sequence[PartitionKey], dynamic: Sequence[str]) -> Iterator[list[str]]:
    """The partitions of each run, in their order."""
    partitions, most = feed.partitions, feed.pace.partitions_per_run
    if isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        for adjoining in _adjoining(keys):
            for part in _parts(adjoining, most):
                yield from [part] if _is_range(partitions, part) else [[key] for key in part]
        return
    order = partitions.get_partition_keys() if isinstance(partitions, dg.StaticPartitionsDefinition) else dynamic
    places = {key: place for place, key in enumerate(order)}
    group: list[str] = []
    for key in sorted((key.key for key in keys), key=lambda key: places.get(key, -1)):
        if group and (key not in places or places[key] != places.get(group[-1], -2) + 1):
            yield from _parts(group, most)
            group = []
        group.append(key)
    yield from _parts(group, most)


def _parts(keys: list[str], most: int) -> Iterator[list[str]]:
    for start in range(0, len(keys), most):
        yield keys[start : start + most]


def dynamic_keys(instance: dg.DagsterInstance, feed: Feed, requests: Sequence[Request]) -> list[str]:
    """The keys of a feed's dynamic partitions in Dagster's order, as they are once those of ``requests`` were added."""
    partitions = feed.partitions
    if not isinstance(partitions, dg.DynamicPartitionsDefinition) or partitions.name is None:
        return []
    known = instance.get_dynamic_partitions(partitions.name)
    old = set(known)
    return [*known, *(key for request in requests if (key := request.delivery.partition) not in old)]


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
    return list(partitions.get_partition_keys_in_range(dg.PartitionKeyRange(keys[0], keys[-1]))) == keys
