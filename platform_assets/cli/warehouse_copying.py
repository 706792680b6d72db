"""What `platform-assets warehouse copy` does: raw tables of one warehouse, published in another from the lake.

A feed is published in batches of partitions, each with its verdicts in one transaction, by the same audit as in a run.
What is published there with the version of the lake is not loaded again, so the command goes on after a kill.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from platform_assets.components.assets.raw import candidate_of, publish_manifests
from platform_assets.contracts.severity import Severity
from platform_assets.failpoints import failpoint
from platform_assets.failures import Kind
from platform_assets.feeds.feed import Feed
from platform_assets.lake.errors import RecordUnreadable
from platform_assets.lake.manifest import Manifest, Rejection
from platform_assets.lake.store import Lake
from platform_assets.publishing import ledger
from platform_assets.publishing.from_files import unpublished
from platform_assets.publishing.migrations import ledger_session
from platform_assets.publishing.verdicts import CheckResult, LedgerEntry, State
from platform_assets.sql.types import raw_columns
from platform_assets.warehouse.protocol import Warehouse

PARTITIONS_AT_ONCE = 100
ROWS_AT_ONCE = 2_000_000
"""A batch ends with the partition that reaches this."""
PASSES = 3
"""How often the lake is looked at again for partitions that changed meanwhile."""

Advance = Callable[[str, int], object]
"""Called with an asset and how many more of its partitions are done."""


@dataclass
class Copied:
    """What became of one raw asset: keys of partitions; ``held`` and ``failed`` with the reason of each."""

    asset: str
    to_load: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    held: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    rows: int = 0

    @property
    def total(self) -> int:
        """The partitions of which the lake has a version, or a record that cannot be read."""
        return len({*self.to_load, *self.loaded, *self.unchanged, *self.held, *self.failed})


@dataclass(frozen=True)
class Standing:
    """The newest and the published line of the ledger for each partition of an asset."""

    newest: Mapping[str, LedgerEntry]
    published: Mapping[str, LedgerEntry]


def standing(warehouse: Warehouse, asset: str) -> Standing:
    """What the ledger of a warehouse says of an asset; nothing where there is no ledger yet."""
    with ledger_session(warehouse, read_only=True, purpose=f"reading the ledger of {asset}") as session:
        if session.columns(ledger.LEDGER) is None:
            return Standing({}, {})
        newest = ledger.newest_of(session, asset)
        published = ledger.latest(session, [(asset, key) for key in newest], state=State.PUBLISHED)
    return Standing(newest, {key: entry for (_, key), entry in published.items()})


def in_order(feeds: Sequence[Feed]) -> list[Feed]:
    """The feeds so that one whose rules look at another comes after it, as far as they do not look at each other."""
    known = {feed.raw_key.to_user_string(): feed for feed in sorted(feeds, key=lambda feed: feed.path)}
    found: dict[str, Feed] = {}

    def add(asset: str, inside: tuple[str, ...]) -> None:
        if asset in found or asset in inside or asset not in known:
            return
        for rule in known[asset].contract.batch_rules:
            if rule.reference is not None:
                add(rule.reference.asset, (*inside, asset))
        found[asset] = known[asset]

    for asset in known:
        add(asset, ())
    return list(found.values())


@dataclass(frozen=True)
class FeedCopy:
    """One feed's way from the lake into ``target``; ``source`` is asked for its verdicts only."""

    feed: Feed
    lake: Lake
    source: Warehouse
    target: Warehouse
    at_once: int | None = None

    @property
    def asset(self) -> str:
        return self.feed.raw_key.to_user_string()

    def survey(self) -> tuple[Copied, list[Manifest], dict[str, CheckResult]]:
        """What is to be done, the versions to publish in their order, and the checks that hold some of them."""
        copied = Copied(self.asset)
        there, here = standing(self.source, self.asset), standing(self.target, self.asset)
        manifests: dict[str, Manifest] = {}
        held: dict[str, CheckResult] = {}
        for key, found in self._in_lake():
            if isinstance(found, str):
                copied.failed[key] = found
                continue
            manifest, rejection = found
            before = there.newest.get(key)
            if rejection is not None and not _published_as(there, key, manifest):
                copied.failed[key] = f"its latest delivery was rejected: {rejection.message}"
            elif manifest is None:
                continue
            elif before is not None and before.state is State.REJECTED and before.version == manifest.content_hash:
                copied.held[key] = f"{before.check}: {before.message}"
                now = here.newest.get(key)
                if now is None or now.state is not State.REJECTED or now.version != before.version:
                    manifests[key], held[key] = manifest, _holding(before)
            else:
                manifests[key] = manifest
        wanted = set(self._unpublished(list(manifests.values()))) | held.keys()
        copied.unchanged = sorted(manifests.keys() - wanted)
        copied.to_load = sorted(wanted - held.keys())
        ordered = sorted(wanted, key=lambda key: (self.feed.keys.order(key), key))
        return copied, [manifests[key] for key in ordered], held

    def run(self, run_id: str, advance: Advance) -> Copied:
        """Publish what is not there yet; partitions whose version in the lake changes meanwhile are looked at again."""
        total = Copied(self.asset)
        for _ in range(PASSES):
            copied, manifests, held = self.survey()
            manifests = [m for m in manifests if m.partition not in total.failed]
            if not total.loaded:
                total.unchanged = copied.unchanged
            total.held |= copied.held
            total.failed |= copied.failed
            if not manifests:
                break
            for batch in batches(manifests, self.at_once):
                self._publish(batch, run_id, held, total)
                failpoint("copy.batch")
                advance(self.asset, len(batch))
        return total

    def _publish(self, batch: Sequence[Manifest], run_id: str, held: Mapping[str, CheckResult], total: Copied) -> None:
        verdicts, failures = publish_manifests(
            self.feed, batch, lake=self.lake, warehouse=self.target, run_id=run_id, held=held
        )
        for verdict in verdicts:
            if verdict.partition in held:
                continue
            if verdict.published:
                total.loaded = [*(key for key in total.loaded if key != verdict.partition), verdict.partition]
                total.rows += verdict.rows
            else:
                total.failed[verdict.partition] = f"{verdict.check}: {verdict.message}"
        total.failed |= {key: failure.message for key, failure in failures.items()}

    def _in_lake(self) -> Iterator[tuple[str, tuple[Manifest | None, Rejection | None] | str]]:
        """Each partition with its committed version and the rejection after it, or why they cannot be read."""
        name = self.feed.name
        for folder in self.lake.partition_names(name):
            key = folder
            try:
                key = self.lake.partition_of(name, folder)
                yield key, (self.lake.manifest(name, key), self.lake.rejection(name, key))
            except RecordUnreadable as error:
                yield key, str(error)

    def _unpublished(self, manifests: Sequence[Manifest]) -> list[str]:
        return unpublished(
            self.target,
            asset=self.asset,
            table=self.feed.raw_table,
            columns=raw_columns(self.feed.contract),
            candidates=[candidate_of(manifest, self.lake) for manifest in manifests],
            rules=self.feed.contract.batch_rules,
            run_id="copy",
        )


def batches(manifests: Sequence[Manifest], at_once: int | None) -> Iterator[list[Manifest]]:
    """The versions in batches that are published in one transaction each: bounded in partitions and in rows."""
    most = min(at_once or PARTITIONS_AT_ONCE, PARTITIONS_AT_ONCE)
    batch: list[Manifest] = []
    for manifest in manifests:
        batch.append(manifest)
        if len(batch) == most or sum(each.rows_out for each in batch) >= ROWS_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def new_run_id() -> str:
    """The run that lines of the ledger name; it is no run of Dagster."""
    return f"copy-{uuid.uuid4().hex[:12]}"


def _published_as(there: Standing, key: str, manifest: Manifest | None) -> bool:
    entry = there.published.get(key)
    return manifest is not None and entry is not None and entry.version == manifest.content_hash


def _holding(before: LedgerEntry) -> CheckResult:
    failed = before.failed_check
    message = f"{before.message} (run {before.run_id}, in the warehouse that this one was copied from)"
    if failed is not None:
        return replace(failed, severity=Severity.ERROR, passed=False, message=message)
    return CheckResult("held", Severity.ERROR, passed=False, message=message, kind=Kind.REJECTED)
