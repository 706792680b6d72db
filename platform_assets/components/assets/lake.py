"""The asset `lake/<feed>`: deliveries in, Parquet and manifests out, for one partition or a range of them.

How a file is read, and which rows are quarantined, is `platform_assets.ingestion`'s business; here its outcomes become
materializations. The warehouse is not touched.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from threading import local
from typing import Any

import dagster as dg

from platform_assets._compat import materialized_data_versions
from platform_assets.cancellation import repeatedly
from platform_assets.components.assets.attempts import begin
from platform_assets.components.reporting.logs import stage_line, step_logs
from platform_assets.components.reporting.outcomes import (
    AssetOutcomes,
    Outcome,
    output_name,
    report,
    run_partitions,
)
from platform_assets.components.reporting.verdict_check import verdict_check
from platform_assets.execution import twice
from platform_assets.failures import Failure, Kind, PlatformError, failure_of
from platform_assets.feeds import run_tags
from platform_assets.feeds.feed import Feed
from platform_assets.feeds.landing_events import delivered, names_of_files, recognized
from platform_assets.ingestion.rewriting import LakeRewriter
from platform_assets.ingestion.unchanged import Ingested
from platform_assets.lake.deliveries import Delivery, dagster_partition
from platform_assets.lake.errors import IngestionError, RecordUnreadable
from platform_assets.lake.manifest import Manifest, Rejection
from platform_assets.lake.names import encodable, shown
from platform_assets.landing.found import Arrivals
from platform_assets.landing.landing import Landing
from platform_assets.landing.stability import whole_up_to
from platform_assets.logs import in_this_context, logger
from platform_assets.platform_resource import PlatformResource
from platform_assets.retries.in_run import Tries, pause
from platform_assets.sql.digest import contract_digest

log = logger(__name__)

PROGRESS_SECONDS = 30
"""How often a long ingestion says how far it is."""

RELOAD = "`platform-assets reload` writes it anew from the lake"

NOT_INGESTED = Failure(Kind.NOT_DELIVERED, "not_ingested", "nothing was ingested")
"""The failure of whoever needs a partition of the lake that is not there."""


def lake_asset(feed: Feed, spec: dg.AssetSpec) -> dg.AssetsDefinition:
    """The asset that ingests the deliveries of the run's partitions."""

    @dg.multi_asset(
        name=spec.key.to_python_identifier(),
        specs=[spec],
        backfill_policy=dg.BackfillPolicy.single_run(),
        required_resource_keys={"platform"},
    )
    def ingest(context: dg.AssetExecutionContext) -> Iterator[Any]:
        platform, keys = context.resources.platform, run_partitions(context)
        attempt = begin(context, [spec.key], keys)
        known = materialized_data_versions(context.instance, feed.landing_key, keys)
        folder = feed.landing(platform.landing, whole_up_to(int(context.run.tags.get(run_tags.WHOLE, "0"))))
        force, again = (context.run.tags.get(tag, "false") != "false" for tag in (run_tags.FORCE, run_tags.RELOAD))
        memory = twice(platform.ingestion_memory) if attempt.more else platform.ingestion_memory
        work = _Work(feed, platform, folder, attempt.tries(spec.key), memory, force, again)
        with step_logs(context, feed.name):
            started = time.monotonic()
            arrivals = _stable_arrivals(work, keys)
            outcomes = _ingest_in_rounds(work, keys, arrivals)
            log.info(stage_line(spec.key, outcomes, time.monotonic() - started))
        for key, delivery in arrivals.deliveries.items():
            if known.get(dagster_partition(key)) != delivery.version:
                yield delivered(feed, delivery)
        if not arrivals.partial:
            yield recognized(feed, arrivals)
        yield from report(context, [AssetOutcomes(spec.key, output_name(spec.key), outcomes)])

    return ingest


def lake_verdict(feed: Feed, key: dg.AssetKey) -> dg.AssetChecksDefinition:
    """The verdict check of `lake/<feed>`: manifests that are not there, and rejections newer than them."""

    def problems(context: dg.AssetCheckExecutionContext, keys: Sequence[str]) -> Mapping[str, Failure]:
        lake = context.resources.platform.open_lake()
        found: dict[str, Failure] = {}
        for partition in keys:
            try:
                latest = lake.latest(feed.name, partition)
            except RecordUnreadable as error:
                found[partition] = error.failure
                continue
            if latest is None:
                found[partition] = NOT_INGESTED
            elif isinstance(latest, Rejection):
                found[partition] = latest.failure
        return found

    return verdict_check(key=key, problems=problems)


@dataclass(frozen=True)
class _Work:
    """What one step ingests, and how: ``memory`` is that of each partition.

    ``force`` reads again what was ingested or rejected before. ``reload`` writes anew from the lake what was ingested
    under another contract and has no complete delivery any more.
    """

    feed: Feed
    platform: PlatformResource
    folder: Landing
    tries: Tries
    memory: str
    force: bool = False
    reload: bool = False


def _ingest_in_rounds(work: _Work, keys: Sequence[str], arrivals: Arrivals) -> list[Outcome]:
    """Ingest the partitions, those again whose failure another try can mend; one outcome each, in their order.

    They are tried again together, so that a full disk costs a run a few seconds and not each of its partitions: the
    wait is the longest that one of them has. ``arrivals`` is brought up to date for those that are tried again.
    """
    attempt = 1
    found = {outcome.partition: outcome for outcome in _ingest_all(work, keys, arrivals, attempt)}
    while waits := {key: wait for key in keys if (wait := found[key].wait) is not None}:
        first, wait = next(iter(waits)), max(waits.values())
        log.warning("%s; %d partitions are tried again in %.0f s", found[first].problem, len(waits), wait)
        pause(wait)
        attempt += 1
        fresh = work.folder.deliveries(set(waits), now_ns=time.time_ns())
        arrivals.deliveries.update(fresh.deliveries)
        found |= {outcome.partition: outcome for outcome in _ingest_all(work, list(waits), fresh, attempt)}
    return [found[key] for key in keys]


def _ingest_all(work: _Work, keys: Sequence[str], arrivals: Arrivals, attempt: int) -> list[Outcome]:
    """Ingest the partitions ``keys`` side by side; one outcome each, in their order."""
    feed, platform = work.feed, work.platform
    lake = platform.open_lake()
    try:
        secret = feed.pseudonym_key(platform)
    except PlatformError as error:
        return [Outcome(key, failure=error.failure, wait=work.tries.wait(error, attempt)) for key in keys]
    workers = min(platform.ingestion_workers, len(keys))
    threads = max(1, platform.ingestion_threads // workers)
    own = local()
    stack = ExitStack()
    ingestors: list[LakeRewriter] = []

    def ingest(partition: str) -> Outcome:
        if not hasattr(own, "ingestor"):
            own.ingestor = stack.enter_context(
                LakeRewriter(lake=lake, pseudonym_key=secret, memory_limit=work.memory, threads=threads)
            )
            ingestors.append(own.ingestor)
        return _ingest(work, partition, arrivals, own.ingestor, attempt)

    def cancel() -> None:
        for ingestor in ingestors:
            ingestor.cancel()

    reported = time.monotonic()
    outcomes: list[Outcome] = []
    with stack, ThreadPoolExecutor(workers) as pool:
        try:
            for outcome in pool.map(in_this_context(ingest), keys):
                outcomes.append(outcome)
                if time.monotonic() - reported > PROGRESS_SECONDS:
                    reported = time.monotonic()
                    log.info("%d of %d partitions ingested so far", len(outcomes), len(keys))
        except BaseException:
            # the run is terminated: this thread alone knows of it
            with repeatedly(cancel):
                pool.shutdown(cancel_futures=True)
            raise
    return outcomes


def _stable_arrivals(work: _Work, keys: Sequence[str]) -> Arrivals:
    arrivals = work.folder.deliveries(set(keys), now_ns=time.time_ns())
    if arrivals.unstable:
        seconds = work.feed.completeness.settle_seconds
        log.info("waiting %g s for files of %d partitions to settle", seconds, len(arrivals.unstable))
        time.sleep(seconds)
        arrivals = work.folder.deliveries(set(keys), now_ns=time.time_ns())
    return arrivals


def _ingest(work: _Work, partition: str, arrivals: Arrivals, ingestor: LakeRewriter, attempt: int) -> Outcome:
    started = time.monotonic()
    try:
        found = _ingested(work, partition, arrivals, ingestor)
    except Exception as error:
        # the trouble of one partition, a full memory or an error that nobody thought of included, is its own
        return Outcome(partition, failure=failure_of(error), wait=work.tries.wait(error, attempt))
    metadata = _metadata(found.manifest, time.monotonic() - started)
    return Outcome(partition, found.manifest.content_hash, metadata=metadata, unchanged=found.unchanged)


def _ingested(work: _Work, partition: str, arrivals: Arrivals, ingestor: LakeRewriter) -> Ingested:
    feed = work.feed
    delivery = arrivals.deliveries.get(partition)
    if work.reload:
        kept = ingestor.lake.manifest(feed.name, partition)
        if (
            kept is not None
            and kept.state == "data"
            and not (delivery and delivery.holds_names_of(kept.delivery_files))
        ):
            return ingestor.rewrite(contract=feed.contract, partition=feed.keys.of(partition))
    if delivery is not None:
        return ingestor.take(contract=feed.contract, delivery=delivery, force=work.force)
    where = f"(files: {feed.pattern.pattern}, below the landing folder)"
    if partition in arrivals.waiting:
        # something is on its way: neither is nothing due, nor is anything validated
        message = f"its delivery is not complete yet: {arrivals.waiting[partition]} {where}"
        if partition in arrivals.hindered:
            raise IngestionError(message, code="landing")
        raise _NotThere("incomplete", message)
    kept = ingestor.lake.manifest(feed.name, partition)
    if kept is not None:
        # what was ingested stays, even when the landing folder has been cleared since
        if kept.state == "data" and kept.contract_digest != contract_digest(feed.contract):
            raise _NotThere(
                "gone", f"the contract has changed since it was ingested, and its files are gone {where}: {RELOAD}"
            )
        return Ingested(kept, unchanged=True)
    landing = feed.landing(work.platform.landing)
    absence = f"{_irregular(landing, arrivals, partition) or 'no file has arrived'} {where}"
    delivery = Delivery(feed.name, feed.keys.of(partition), (), absence)
    return ingestor.take(contract=feed.contract, delivery=delivery)


class _NotThere(PlatformError):
    """There is nothing that can be ingested now; the partition stays as it is."""

    kind = Kind.NOT_DELIVERED

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _irregular(landing: Landing, arrivals: Arrivals, partition: str) -> str:
    """What stands where the partition's files would; paths of other partitions explain nothing."""
    found = sorted(landing.irregular_of(arrivals, partition).items())
    return "; ".join(f"{shown(path)} is {kind}, not a file" for path, kind in found[:3])


def _metadata(manifest: Manifest, seconds: float) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "dagster/row_count": manifest.rows_out,
        "rows_in": manifest.rows_in,
        "rows_quarantined": manifest.rows_quarantined,
        "seconds": round(seconds, 4),
        "files": names_of_files(manifest.delivery_files),
        "contract_version": manifest.contract_version,
    }
    if manifest.state != "data":
        metadata["state"] = f"{manifest.state}: {manifest.reason}"
    if manifest.reasons:
        metadata["quarantine_reasons"] = dict(manifest.reasons)
    if manifest.rules:
        metadata["quarantine_rules"] = dict(manifest.rules)
    if manifest.warnings:
        metadata["warnings"] = [encodable(warning) for warning in manifest.warnings]
    return metadata
