"""Runs of a feed's lake and raw assets, started in this process for deliveries that somebody names.

The definitions are those of the project in the working directory; runs and their events are in the instance of
DAGSTER_HOME, where the UI shows them. Which deliveries a sensor asks for is decided in ``automation``.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from platform_assets.automation.holdings import standings
from platform_assets.automation.reconciler import Request
from platform_assets.automation.requests import dynamic_keys, run_requests
from platform_assets.cli.ctrl_c import Interrupts
from platform_assets.cli.in_process_runs import Runner
from platform_assets.cli.loading import load_definitions
from platform_assets.cli.named_partitions import SHOWN, NoSuchPartition, keys_between
from platform_assets.cli.project import project_of
from platform_assets.components.file_feed import FileFeed
from platform_assets.contracts.problems import ContractError, suggestion
from platform_assets.feeds import run_tags
from platform_assets.feeds.feed import Feed
from platform_assets.feeds.partition_names import why_no_key
from platform_assets.lake.deliveries import Delivery
from platform_assets.lake.errors import RecordUnreadable
from platform_assets.lake.manifest import Manifest
from platform_assets.lake.names import shown
from platform_assets.landing.patterns import composed
from platform_assets.landing.walk import ROOT
from platform_assets.platform_resource import PlatformResource
from platform_assets.publishing.readers import ledger_history
from platform_assets.wording import counted

Say = Callable[[str], None]


WITHDRAWN = "its files are no longer in the landing folder: nothing was taken, and what was published of them stays"


class IngestRefused(Exception):
    """The command cannot be carried out; the message says why and what to do."""


@dataclass(frozen=True)
class Taken:
    """What became of one partition: ``problem`` is empty if its delivery is published now, or nothing is due on it."""

    partition: str
    rows: int
    quarantined: int
    state: str
    problem: str = ""


def ingest_feed(
    name: str, partition: str | None, *, force: bool, say: Say, interrupts: Interrupts | None = None
) -> list[Taken]:
    """Take the deliveries of the feed ``name``; what became of each partition, in order.

    ``partition`` is a key or a range FIRST...LAST; without one it is every delivery in the landing folder, and unless
    ``force`` of those only the ones that are neither published nor rejected.

    Raises:
        IngestRefused: if there is no project, feed or partition like that.
    """
    project = project_of(Path.cwd())
    # as a code server does, whose working directory is the project's root: paths of the environment begin there
    with contextlib.chdir(project.root if project is not None else Path.cwd()):
        return _ingested(name, partition, force=force, say=say, interrupts=interrupts or Interrupts())


def _ingested(name: str, partition: str | None, *, force: bool, say: Say, interrupts: Interrupts) -> list[Taken]:
    definitions = load_definitions(Path.cwd())
    feed = feed_of(definitions, name)
    with dg.DagsterInstance.get() as instance, dg.build_resources(platform_of(definitions), instance) as resources:
        platform: PlatformResource = resources.platform
        with dg.partition_loading_context(dynamic_partitions_store=instance):
            keys = _keys(feed, platform, partition, force=force, say=say)
            if not keys:
                return []
            deliveries = _deliveries(feed, platform, keys)
        if isinstance(feed.partitions, dg.DynamicPartitionsDefinition):
            unknown = [k for k in keys if k not in deliveries and not instance.has_dynamic_partition(_name(feed), k)]
            if unknown:
                raise IngestRefused(
                    f"{feed.name} has no partition {unknown[0]!r}, and no complete delivery of it is there"
                )
            instance.add_dynamic_partitions(_name(feed), keys)
        requests = [Request(deliveries.get(key) or Delivery(feed.name, feed.keys.of(key), ()), 1) for key in keys]
        runs = list(run_requests(feed, requests, dynamic=dynamic_keys(instance, feed, requests)))
        runner, problems = Runner(definitions, instance, interrupts, say), dict[str, str]()
        for number, request in enumerate(runs, start=1):
            of_all = f" (run {number} of {len(runs)})" if len(runs) > 1 else ""
            tags = {run_tags.FORCE: "true"} if force else {}
            run = runner.run(f"taking {named(request)}{of_all}", [feed.lake_key, feed.raw_key], request, tags)
            problems |= problems_of(run)
        if absent := [key for key in keys if key not in deliveries]:
            # what came meanwhile was taken by the run
            deliveries |= _deliveries(feed, platform, absent)
        return [_taken(feed, platform, key, deliveries.get(key), problems.get(key, "")) for key in keys]


def _deliveries(feed: Feed, platform: PlatformResource, keys: Sequence[str]) -> dict[str, Delivery]:
    """The complete deliveries of these partitions that lie in the landing folder now."""
    return feed.landing(platform.landing).deliveries(set(keys), now_ns=time.time_ns()).deliveries


def feeds_of(definitions: dg.Definitions) -> tuple[dict[str, Feed], list[str]]:
    """The feeds of the project by name, and what is wrong with those that cannot be loaded."""
    tree = definitions.component_tree
    components = tree.get_all_components(of_type=FileFeed) if tree is not None else []
    feeds: dict[str, Feed] = {}
    broken: list[str] = []
    for component in components:
        try:
            feed = component.feed(component.folder)
            feeds.setdefault(feed.name, feed)
        except (ContractError, ValueError) as error:
            # a feed that cannot be loaded is no reason to leave another one out
            broken.append(str(error))
    return feeds, broken


def feed_of(definitions: dg.Definitions, name: str) -> Feed:
    """The feed ``name`` of the project. Raises :class:`IngestRefused` if there is none that can be loaded."""
    feeds, broken = feeds_of(definitions)
    if name not in feeds and broken:
        raise IngestRefused(f"the project has no feed {name!r} that can be loaded:\n" + "\n".join(broken))
    if name not in feeds:
        listed = f"the feeds are: {', '.join(sorted(feeds))}" if feeds else "it has none"
        raise IngestRefused(f"the project has no feed {name!r}{suggestion(name, feeds)} ({listed})")
    return feeds[name]


def platform_of(definitions: dg.Definitions) -> dict[str, object]:
    """The project's resource `platform`, by its key."""
    return {"platform": (definitions.resources or {})["platform"]}


def _keys(feed: Feed, platform: PlatformResource, partition: str | None, *, force: bool, say: Say) -> list[str]:
    """The partitions to take, each of which Dagster knows, or has to hear of if partitions are dynamic."""
    if partition is None:
        return _those_there(feed, platform, force=force, say=say)
    if feed.partitions is None:
        raise IngestRefused(f"{feed.name} has no partitions: leave out {partition!r}")
    first, dots, last = partition.partition("...")
    if isinstance(feed.partitions, dg.DynamicPartitionsDefinition):
        if why := why_no_key(partition):
            raise IngestRefused(f"{partition!r} cannot be a partition of {feed.name}: {why}")
        return [composed(partition)]
    try:
        return keys_between(feed.partitions, first, last if dots else first, of=feed.name)
    except NoSuchPartition as error:
        raise IngestRefused(str(error)) from None


def _those_there(feed: Feed, platform: PlatformResource, *, force: bool, say: Say) -> list[str]:
    """The partitions of complete deliveries; unless ``force``, of those that are neither published nor rejected."""
    found = feed.landing(platform.landing).deliveries(now_ns=time.time_ns())
    for path, why in [*found.waiting.items(), *found.faults.items()][:SHOWN]:
        say(why if path == ROOT else f"{shown(path)}: {why}")
    for path in sorted(found.unmatched)[:SHOWN]:
        say(f"{shown(path)} is part of no delivery of the feed ({feed.why_unmatched(path)}): left alone")
    if ROOT in found.faults and not found.deliveries:
        raise IngestRefused(f"{feed.name}: nothing is known of its deliveries: {found.faults[ROOT]}")
    there = {key: delivery for key, delivery in found.deliveries.items() if _exists(feed.partitions, key)}
    for key in sorted(found.deliveries.keys() - there.keys())[:SHOWN]:
        say(f"{shown(key)} is not over yet: its delivery is taken once it is")
    if not force and there:
        standing, _ = standings(feed, platform, there.values(), say)
        there = {key: delivery for key, delivery in there.items() if not standing[key].is_final}
    if not there:
        if found.deliveries:
            lie = counted(len(found.deliveries), "delivery is", "deliveries are")
            say(f"nothing to take: {lie} in the landing folder; --force takes what is there again")
        else:
            say(f"nothing to take: no complete delivery like {feed.pattern.pattern} is in {platform.landing}")
    return sorted(there, key=lambda key: (feed.keys.order(key), key))


def _exists(partitions: dg.PartitionsDefinition | None, key: str) -> bool:
    return not isinstance(partitions, dg.TimeWindowPartitionsDefinition) or partitions.has_partition_key(key)


def named(request: dg.RunRequest) -> str:
    """The partitions of a request, for people."""
    ends = [request.tags.get(end) for end in (run_tags.RANGE_START, run_tags.RANGE_END)]
    return f"{ends[0]} to {ends[1]}" if all(ends) else request.partition_key or "the snapshot"


def _name(feed: Feed) -> str:
    return str(getattr(feed.partitions, "name", ""))


def problems_of(run: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Why partitions of the run failed, as its failures say, by key."""
    found: dict[str, str] = {}
    for event in run.all_events:
        failure = event.step_failure_data.user_failure_data if event.is_step_failure else None
        table = failure.metadata.get("partitions") if failure is not None else None
        if isinstance(table, dg.TableMetadataValue):
            for record in table.records:
                found.setdefault(str(record.data["partition"]), f"{record.data['kind']}: {record.data['problem']}")
    return found


def _taken(feed: Feed, platform: PlatformResource, key: str, delivery: Delivery | None, problem: str) -> Taken:
    """What the lake and the ledger say of the partition now; ``problem`` is what its run says."""
    try:
        latest = platform.open_lake().latest(feed.name, key)
    except RecordUnreadable as error:
        return Taken(key, 0, 0, "failed", problem or str(error))
    if not isinstance(latest, Manifest):
        state = "failed" if latest is None else latest.failure.kind.value
        why = latest.message if latest is not None else "nothing was ingested; the run's log says why"
        return Taken(key, 0, 0, state, problem or why)
    numbers = latest.rows_out, latest.rows_quarantined
    if delivery is not None and latest.delivery_version != delivery.version:
        why = "what is published is an earlier delivery; the run's log says why"
        return Taken(key, *numbers, "failed", problem or why)
    asset = feed.raw_key.to_user_string()
    newest = next(iter(ledger_history(platform.warehouse.open(), asset=asset, partition=key, limit=1)), None)
    if newest is None or newest.version != latest.content_hash:
        return Taken(key, *numbers, "failed", problem or "it was ingested, and not loaded; the run's log says why")
    if not newest.published:
        return Taken(key, *numbers, newest.state.value, problem or f"{newest.check}: {newest.message}")
    if problem:
        return Taken(key, *numbers, "failed", problem)
    if latest.state == "not_due":
        return Taken(key, *numbers, "published (not_due)")
    if delivery is None:
        return Taken(key, *numbers, "withdrawn", WITHDRAWN)
    return Taken(key, *numbers, "published" if latest.state == "data" else f"published ({latest.state})")
