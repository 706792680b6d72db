"""The arrival sensor of a feed: a run for each delivery that the lake does not hold yet.

A tick looks only at what changed since the last one, and asks for `lake` and `raw` of a partition in one run. The
run key holds the delivery's version, so a replaced file starts a new run and the same file never two. What the
sensor cannot take (a link, a name that fits no partition, a delivery that is not complete) is reported in the tick.
"""

import datetime as dt
import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from platform_assets.feeds.feed import Feed
from platform_assets.feeds.landing_events import observed, recognized
from platform_assets.lake.deliveries import Delivery, dagster_partition
from platform_assets.lake.manifest import read_manifest
from platform_assets.lake.names import shown
from platform_assets.lake.rejection import RecordUnreadable
from platform_assets.landing.arrivals import Arrivals, Mark
from platform_assets.landing.walk import ROOT
from platform_assets.platform_resource import PlatformResource

CHANGES_PER_TICK = 2_000
"""Changed files that one tick looks at: bounds its time and its memory; the rest is the next tick's."""

RANGE_FROM = 10
"""From so many adjoining partitions on, deliveries that come at once are taken by one run over their range."""

EARLY = 100
"""Deliveries of partitions that are not over yet which a cursor remembers; the closing schedule takes the others."""

HINDERED = 20
MANY = "/"
"""Stands, before a digest of them, for the paths that cannot be looked at, if they are more than :data:`HINDERED`."""
AGAIN = "//"
"""Up to where a look anew has to come before the next one begins, so that a disk that flickers stops nothing."""

SHOWN = 20


def arrival_sensor(feed: Feed) -> dg.SensorDefinition:
    """The sensor `<feed>_arrivals`; on by default, and quiet while nothing arrives."""

    @dg.sensor(
        name=f"{feed.name}_arrivals",
        description=f"Starts a run for each delivery of {feed.name}: {feed.pattern.pattern} in the landing folder.",
        target=dg.AssetSelection.assets(feed.lake_key, feed.raw_key),
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def arrivals(context: dg.SensorEvaluationContext, platform: PlatformResource) -> dg.SensorResult:
        folder, seen, now = feed.landing(platform.landing), read_cursor(context.cursor), time.time_ns()
        found, mark = folder.changed_since(seen.mark, now_ns=now, limit=CHANGES_PER_TICK)
        mark, hindered = after_faults(seen, mark, found.faults)
        over = _keys_that_are_over(feed, [*seen.early, *found.deliveries], now)
        waits: set[str] = set()
        if late := over.intersection(seen.early):
            again = folder.deliveries(late, now_ns=now)
            found.deliveries.update(again.deliveries)
            waits = set(again.waiting)
        early = sorted({*seen.early, *found.deliveries} - over)
        there = [delivery for key, delivery in found.deliveries.items() if key in over]
        new = [delivery for delivery in there if not _is_ingested(context, delivery, Path(platform.lake))]
        # a folder that was never there is that of a new project, and no news
        news = hindered.keys() - seen.hindered.keys() - ({ROOT} if seen.mark == Mark() else set())
        _report(context, feed, found, news)
        for key in early[:SHOWN]:
            context.log.info(f"{feed.name}: {key} is not over yet: its delivery is taken once it is")
        cursor = write_cursor(Seen(mark, tuple(sorted({*early, *waits})[:EARLY]), hindered))
        # what hinders a look is there at every tick, and an event when it is new
        changed = found.irregular or found.unmatched or news
        strange = [recognized(feed, found)] if changed else []
        if not new:
            skip = _quiet_reason(feed.name, found)
            return dg.SensorResult(skip_reason=skip, cursor=cursor, asset_events=strange)
        return dg.SensorResult(
            run_requests=list(run_requests(feed.partitions, new)),
            cursor=cursor,
            asset_events=[*(observed(feed, delivery) for delivery in new), *strange],
            dynamic_partitions_requests=_new_keys(feed, new),
        )

    return arrivals


@dataclass(frozen=True)
class Seen:
    """What earlier ticks have seen: everything up to ``mark``, and deliveries that came ``early``.

    Dagster knows a partition of time only when its time is over; a file of today that comes today waits for that.
    ``hindered`` holds the paths that could not be looked at, each with the mark from which it was missed.
    """

    mark: Mark = field(default_factory=Mark)
    early: tuple[str, ...] = ()
    hindered: Mapping[str, Mark] = field(default_factory=dict)


def after_faults(seen: Seen, mark: Mark, faults: Mapping[str, str]) -> tuple[Mark, Mapping[str, Mark]]:
    """The mark to go on from, and what is hindered now.

    Once a path can be looked at again, everything since it was hindered is looked at anew: what came below it may be
    older than the mark. What the lake holds by then is not asked for twice. Of many paths only a digest is known, so
    all is looked at anew whenever they are others than before.
    """
    # from its own mark on, this tick has looked already
    over = [since for path, since in seen.hindered.items() if path not in faults and since < seen.mark]
    before = min(seen.hindered.values(), default=seen.mark)
    # earlier versions wrote no digest, under an empty path
    many = next((path for path in seen.hindered if path != AGAIN and (not path or path.startswith(MANY))), None)
    if len(faults) <= HINDERED:
        since = seen.mark if many is None else before
        return min([mark, *over]), {path: seen.hindered.get(path, since) for path in sorted(faults)}
    since, these = min(seen.mark, before), MANY + _digest("\0".join(sorted(faults)))
    if many is None:
        return min([mark, *over]), {these: since}
    until = seen.hindered.get(AGAIN, since)
    if seen.mark < until and seen.mark != mark:
        return mark, {many: since, AGAIN: until}
    if these == many:
        return mark, {many: since}
    return since, {these: since, AGAIN: mark}


def read_cursor(text: str | None) -> Seen:
    """What stands in a sensor's cursor; the beginning if there is none."""
    if not text:
        return Seen()
    changed_ns, path, *rest = json.loads(text)
    early = tuple(key for key in rest if isinstance(key, str))
    hindered = {path: Mark(*mark) for part in rest if isinstance(part, dict) for path, mark in part.items()}
    return Seen(Mark(int(changed_ns), str(path)), early, hindered)


def write_cursor(seen: Seen) -> str:
    """A cursor of bounded size, however many files have been seen."""
    hindered = {path: [mark.changed_ns, mark.path] for path, mark in seen.hindered.items()}
    return json.dumps([seen.mark.changed_ns, seen.mark.path, *seen.early, *([hindered] if hindered else [])])


def _keys_that_are_over(feed: Feed, keys: Sequence[str], now_ns: int) -> set[str]:
    if not isinstance(feed.partitions, dg.TimeWindowPartitionsDefinition):
        return set(keys)
    with dg.partition_loading_context(effective_dt=dt.datetime.fromtimestamp(now_ns / 1e9, tz=dt.UTC)):
        return {key for key in keys if feed.partitions.has_partition_key(key)}


def run_requests(partitions: dg.PartitionsDefinition | None, deliveries: list[Delivery]) -> Iterator[dg.RunRequest]:
    """One request a delivery; one a range where many adjoining partitions of time arrived at once."""
    by_key = {delivery.partition: delivery for delivery in deliveries}
    if not isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        for delivery in deliveries:
            yield _single(delivery)
        return
    for keys in _adjoining(partitions, sorted(by_key)):
        if not _is_range(partitions, keys):
            for key in keys:
                yield _single(by_key[key])
        else:
            versions = ",".join(by_key[key].version for key in keys)
            run_key = f"{by_key[keys[0]].feed}:{keys[0]}...{keys[-1]}:{_digest(versions)}"
            yield dg.RunRequest(
                run_key=run_key,
                tags={
                    "dagster/asset_partition_range_start": keys[0],
                    "dagster/asset_partition_range_end": keys[-1],
                },
            )


def _single(delivery: Delivery) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{delivery.feed}:{delivery.partition}:{delivery.version}",
        partition_key=dagster_partition(delivery.partition),
    )


def _adjoining(partitions: dg.TimeWindowPartitionsDefinition, keys: list[str]) -> Iterator[list[str]]:
    group: list[str] = []
    end = 0.0
    spans = []
    for key in keys:
        window = partitions.time_window_for_partition_key(key)
        spans.append((window.start.timestamp(), window.end.timestamp(), key))
    for start, stop, key in sorted(spans):
        if group and start != end:
            yield group
            group = []
        group.append(key)
        end = stop
    if group:
        yield group


def _is_range(partitions: dg.TimeWindowPartitionsDefinition, keys: list[str]) -> bool:
    """Whether a run from the first to the last of ``keys`` is a run of just these, which a left-out day may prevent."""
    return (
        len(keys) >= RANGE_FROM
        and list(partitions.get_partition_keys_in_range(dg.PartitionKeyRange(keys[0], keys[-1]))) == keys
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _is_ingested(context: dg.SensorEvaluationContext, delivery: Delivery, lake: Path) -> bool:
    try:
        manifest = read_manifest(lake, delivery.feed, delivery.partition)
    except RecordUnreadable as error:
        # ingesting the delivery again replaces it
        context.log.warning(f"{delivery.feed} {delivery.partition}: {error}")
        return False
    return manifest is not None and manifest.delivery_version == delivery.version


def _new_keys(feed: Feed, deliveries: list[Delivery]) -> list[Any]:
    if isinstance(feed.partitions, dg.DynamicPartitionsDefinition):
        return [feed.partitions.build_add_request([delivery.partition for delivery in deliveries])]
    return []


def _report(context: dg.SensorEvaluationContext, feed: Feed, found: Arrivals, news: Set[str]) -> None:
    name = feed.name
    for path, kind in list(found.irregular.items())[:SHOWN]:
        context.log.warning(f"{name}: {shown(path)} is {kind}, not a file: left alone")
    for path, why in list(found.faults.items())[:SHOWN]:
        if path != ROOT:
            context.log.warning(f"{name}: {shown(path)}: {why}; the partitions whose files may lie there wait")
        elif path in news:
            context.log.warning(f"{name}: {why}; every partition waits")
    for path in found.unmatched[:SHOWN]:
        why = feed.why_unmatched(path)
        context.log.warning(f"{name}: {shown(path)} fits no partition of the feed ({why}): left alone")
    if len(found.unmatched) > SHOWN:
        context.log.warning(f"{name}: {len(found.unmatched) - SHOWN} more files fit no partition")
    for key, why in list(found.waiting.items())[:SHOWN]:
        context.log.info(f"{name}: {key} is not complete yet: {why}")


def _quiet_reason(feed: str, found: Arrivals) -> str:
    if ROOT in found.faults:
        return found.faults[ROOT]
    if found.waiting:
        return f"{len(found.waiting)} deliveries of {feed} are not complete yet"
    return f"nothing new for {feed}"
