"""What `platform-assets reload` does, step by step; each step can be repeated after a kill, and finds what was done.

1. The partitions are looked at, clear values are taken from the lake, and a note says what is under way.
2. Runs with the tag `platform/reload` bring the lake under the contract; runs of the raw asset publish it. Where a
   column gets another type, the table is made anew first, for all partitions in one transaction.
3. After a new protection: what is downstream is named or materialized, the quarantine is purged, the warehouse file is
   written anew, everything is searched, and then earlier ingestions are removed from the lake.
4. The note is removed once nothing was found.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import dagster as dg

from platform_assets.automation.reconciler import Request
from platform_assets.automation.requests import dynamic_keys, run_requests
from platform_assets.cli.ctrl_c import Interrupts
from platform_assets.cli.in_process_runs import Runner
from platform_assets.cli.ingest_runs import IngestRefused, Say, feed_of, named, platform_of, problems_of
from platform_assets.cli.loading import load_definitions
from platform_assets.cli.project import project_of
from platform_assets.cli.reload_clear_values import ClearOut
from platform_assets.cli.reload_downstream import materialize_downstream, name_downstream
from platform_assets.cli.revisions import text_at
from platform_assets.components.assets.raw import load_partitions
from platform_assets.contracts.model import Contract
from platform_assets.contracts.problems import ContractError
from platform_assets.failpoints import failpoint
from platform_assets.failures import Kind
from platform_assets.feeds import run_tags
from platform_assets.feeds.feed import Feed
from platform_assets.ingestion.protection import Pseudonyms, protections_of
from platform_assets.lake.deliveries import Delivery
from platform_assets.lake.errors import RecordUnreadable
from platform_assets.lake.manifest import Manifest
from platform_assets.lake.store import Lake
from platform_assets.platform_resource import PlatformResource
from platform_assets.publishing.readers import published_versions
from platform_assets.reloading.note import Note, read_note, remove_note, write_note
from platform_assets.reloading.proof import Searched
from platform_assets.reloading.survey import Standing, Way, counts, record_protections, survey
from platform_assets.reloading.values import collect
from platform_assets.sql.contract_file import parse_document
from platform_assets.sql.digest import contract_digest
from platform_assets.sql.types import raw_columns
from platform_assets.warehouse.errors import IncompatibleTable
from platform_assets.warehouse.protocol import ColumnDef, Warehouse
from platform_assets.warehouse.schema import plan_change
from platform_assets.wording import counted


@dataclass
class Reloaded:
    """What came of a reload: partitions by way, ``lines`` (partition, way, text) of those that something is said of,
    what lies downstream, what was searched for and what was found."""

    ways: Mapping[str, int] = field(default_factory=dict)
    lines: list[tuple[str, str, str]] = field(default_factory=list)
    downstream: list[str] = field(default_factory=list)
    values: str = ""
    searched: list[Searched] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    good: bool = True


def reload_feed(
    name: str,
    *,
    revisions: Sequence[str],
    downstream: bool,
    dry_run: bool,
    say: Say,
    interrupts: Interrupts | None = None,
) -> Reloaded:
    """Bring every partition of the feed ``name`` under its contract.

    Raises:
        IngestRefused: if there is no project, feed or revision like that.
    """
    project = project_of(Path.cwd())
    root = project.root if project is not None else Path.cwd()
    with contextlib.chdir(root):
        definitions = load_definitions(Path.cwd())
        feed = feed_of(definitions, name)
        with dg.DagsterInstance.get() as instance, dg.build_resources(platform_of(definitions), instance) as resources:
            runner = Runner(definitions, instance, interrupts or Interrupts(), say)
            reload = _Reload(runner, feed, resources.platform)
            return reload.run(_earlier(feed, revisions), downstream=downstream, dry_run=dry_run)


def _earlier(feed: Feed, revisions: Sequence[str]) -> list[Contract]:
    found: list[Contract] = []
    for revision in revisions:
        text = text_at(feed.contract.path, revision)
        if text is None:
            raise IngestRefused(f"{feed.contract.path} was not there at {revision}")
        try:
            found += parse_document(text, feed.contract.path).contracts
        except ContractError as error:
            raise IngestRefused(f"the contract at {revision} cannot be used: {error}") from None
    return found


class _Reload:
    def __init__(self, runner: Runner, feed: Feed, platform: PlatformResource) -> None:
        self.runner, self.feed, self.platform = runner, feed, platform
        self.definitions, self.instance, self.say = runner.definitions, runner.instance, runner.say
        self.lake: Lake = platform.open_lake()
        self.warehouse: Warehouse = platform.warehouse.open()

    def run(self, earlier: Sequence[Contract], *, downstream: bool, dry_run: bool) -> Reloaded:
        feed, lake = self.feed, self.lake
        with dg.partition_loading_context(dynamic_partitions_store=self.instance):
            standings = self._survey(earlier)
        note = read_note(lake, feed.name)
        done = Reloaded(ways={way.value: number for way, number in counts(standings).items()})
        done.lines = [(s.partition, s.way.value, s.why or "; ".join(s.notes)) for s in standings if s.why or s.notes]
        done.good = not any(standing.way is Way.LEFT for standing in standings)
        ahead = [standing for standing in standings if standing.way in (Way.LANDING, Way.LAKE)]
        values = collect(lake, feed.name, sorted(protections_of(feed.contract)))
        places = {place for place, found in values.by_place.items() if found} | self._protected_since(earlier)
        places |= set(note.protected if note else ())
        if dry_run:
            done.downstream = name_downstream(self.definitions, feed, sorted(places))
            return done
        if not ahead and not places and note is None and not self._unpublished():
            done.ends.append("nothing to do: every partition that can be is under the contract as it is now")
            return done
        record_protections(lake, feed.contract, earlier)
        clear_out = ClearOut(feed, lake, self.warehouse, self.instance, values, self.say)
        searched = note is not None and note.searched and not ahead
        note = Note(contract_digest(feed.contract), tuple(sorted(places)), searched)
        write_note(lake, feed.name, note)
        failpoint("reload.noted")
        problems = self._run([feed.lake_key], [standing.partition for standing in ahead], {run_tags.RELOAD: "true"})
        failpoint("reload.lake")
        unpublished = self._publish()
        rejected = self._never_published(unpublished)
        problems |= {partition: why for partition, why in unpublished.items() if partition not in rejected}
        failpoint("reload.published")
        done.lines += [(partition, "failed", why) for partition, why in problems.items()]
        done.lines += [
            (partition, "in the lake", f"{why}; it was not published before") for partition, why in rejected.items()
        ]
        done.good = done.good and not problems
        done.downstream = name_downstream(self.definitions, feed, sorted(places))
        if downstream:
            for why in materialize_downstream(self.runner, feed, self._requests):
                done.good = False
                done.ends.append(why)
        failpoint("reload.downstream")
        if places:
            note = self._clear(done, clear_out, note)
        if done.good and all(each.clean for each in done.searched):
            remove_note(lake, feed.name)
            done.ends.append("done: the feed is under its contract as it is now")
        else:
            done.good = False
            done.ends.append("not done yet: mend what is said above, then run it again")
        return done

    def _clear(self, done: Reloaded, clear_out: ClearOut, note: Note) -> Note:
        clear_out.purge()
        failpoint("reload.purged")
        done.ends += clear_out.rewrite_warehouse()
        failpoint("reload.warehouse")
        done.values = clear_out.described(note.searched)
        done.searched = clear_out.search_others()
        if done.good and all(each.clean for each in done.searched):
            note = replace(note, searched=True)
            write_note(self.lake, self.feed.name, note)
            failpoint("reload.searched")
            done.ends.append(clear_out.remove_generations())
            failpoint("reload.generations")
        else:
            done.ends.append(
                "earlier ingestions stay in the lake until nothing is found elsewhere: they tell the values"
            )
        done.searched += clear_out.search_lake()
        return note

    def _survey(self, earlier: Sequence[Contract]) -> list[Standing]:
        feed = self.feed
        secret = feed.pseudonym_key(self.platform)
        fingerprint = Pseudonyms(secret).fingerprint if secret is not None else ""
        deliveries = feed.landing(self.platform.landing).deliveries(now_ns=time.time_ns()).deliveries
        found = survey(self.lake, feed.contract, deliveries, fingerprint, earlier)
        return [
            replace(each, way=Way.LEFT, why="the feed has no such partition any more")
            if each.way in (Way.LANDING, Way.LAKE) and not self._exists(each.partition)
            else each
            for each in found
        ]

    def _protected_since(self, earlier: Sequence[Contract]) -> set[str]:
        """What the contract protects and one of ``earlier`` did not."""
        now = protections_of(self.feed.contract).keys()
        return {place for each in earlier for place in now - protections_of(each).keys()}

    def _exists(self, partition: str) -> bool:
        partitions = self.feed.partitions
        if partitions is None or isinstance(partitions, dg.DynamicPartitionsDefinition):
            return True
        return partitions.has_partition_key(partition)

    def _manifests(self) -> dict[str, Manifest]:
        found = {}
        for name in self.lake.partition_names(self.feed.name):
            with contextlib.suppress(RecordUnreadable):
                manifest = self.lake.manifest(self.feed.name, self.lake.partition_of(self.feed.name, name))
                if manifest is not None:
                    found[manifest.partition] = manifest
        return found

    def _unpublished(self) -> list[str]:
        """Partitions whose version in the lake is not the one that is published."""
        manifests = self._manifests()
        versions = published_versions(
            self.warehouse, asset=self.feed.raw_key.to_user_string(), partitions=sorted(manifests)
        )
        return [p for p, m in manifests.items() if p not in versions or versions[p].version != m.content_hash]

    def _publish(self) -> dict[str, str]:
        """Publish what the lake holds; why partitions were not, by key."""
        partitions = [partition for partition in self._unpublished() if self._exists(partition)]
        if not partitions:
            return {}
        if self._retypes():
            run_id = f"reload-{uuid.uuid4().hex[:12]}"
            self.say(
                f"the table gets other types: publishing {counted(len(partitions), 'partition')} at once ({run_id})"
            )
            _, outcomes = load_partitions(
                self.feed, sorted(self._manifests()), platform=self.platform, run_id=run_id, retypes=True
            )
            failed = {o.partition: o.failure.message for o in outcomes if o.failure is not None}
            if self._retypes():
                return failed
        return self._run([self.feed.raw_key], partitions, {})

    def _never_published(self, unpublished: Mapping[str, str]) -> dict[str, str]:
        """Those that a gate has refused, and of which the table holds nothing: they are under the contract too."""
        refused = {partition: why for partition, why in unpublished.items() if why.startswith(f"{Kind.REJECTED}: ")}
        asset = self.feed.raw_key.to_user_string()
        held = published_versions(self.warehouse, asset=asset, partitions=sorted(refused))
        return {partition: why for partition, why in refused.items() if partition not in held}

    def _retypes(self) -> bool:
        """Whether a column of the table is of a type that cannot become the contract's."""
        table = self.feed.raw_table
        with self.warehouse.session(read_only=True, purpose=f"looking at {table}") as session:
            have, wanted = session.columns(table), raw_columns(self.feed.contract)
        if have is None:
            return False
        try:
            plan_change(table, have, [ColumnDef(*column) for column in wanted])
        except IncompatibleTable:
            return True
        return False

    def _requests(self, partitions: Sequence[str] | None = None) -> list[dg.RunRequest]:
        """Run requests for partitions of the feed, without any for all that are in the lake."""
        keys = sorted(self._manifests()) if partitions is None else partitions
        requests = [
            Request(Delivery(self.feed.name, self.feed.keys.of(key), ()), 1) for key in keys if self._exists(key)
        ]
        if isinstance(self.feed.partitions, dg.DynamicPartitionsDefinition):
            self.instance.add_dynamic_partitions(
                str(self.feed.partitions.name), [r.delivery.partition for r in requests]
            )
        return list(run_requests(self.feed, requests, dynamic=dynamic_keys(self.instance, self.feed, requests)))

    def _run(self, keys: Sequence[dg.AssetKey], partitions: Sequence[str], tags: Mapping[str, str]) -> dict[str, str]:
        """Materialize assets of the feed for the partitions; why some failed, by key."""
        problems: dict[str, str] = {}
        what = ", ".join(key.to_user_string() for key in keys)
        with dg.partition_loading_context(dynamic_partitions_store=self.instance):
            requests = self._requests(partitions)
        for request in requests:
            run = self.runner.run(f"{what}: {named(request)}", keys, request, tags)
            found = problems_of(run)
            if not run.success and not found:
                found = {named(request): f"run {run.run_id} failed; its log says why"}
            problems |= found
        return problems
