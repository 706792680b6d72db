"""The asset `raw/<feed>`: manifests in, a published table out, by write-audit-publish.

The gates, the ledger and the lease are `platform_assets.publishing`'s business; here its verdicts become
materializations and check results.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg

from platform_assets.components.assets.apart import published_apart
from platform_assets.components.assets.attempts import begin
from platform_assets.components.assets.lake import NOT_INGESTED
from platform_assets.components.reporting.costs import with_costs
from platform_assets.components.reporting.gate_checks import check_results, gate_specs
from platform_assets.components.reporting.ledger_verdict import verdict_outcome
from platform_assets.components.reporting.logs import stage_line, step_logs
from platform_assets.components.reporting.outcomes import AssetOutcomes, Outcome, output_name, report, run_partitions
from platform_assets.components.reporting.verdict_check import left_out
from platform_assets.execution import current_execution
from platform_assets.failures import Failure
from platform_assets.feeds.feed import Feed
from platform_assets.lake.errors import RecordUnreadable
from platform_assets.lake.manifest import Manifest
from platform_assets.lake.store import Lake, named
from platform_assets.logs import logger
from platform_assets.publishing.from_files import NOT_HELD, publish
from platform_assets.publishing.verdicts import Candidate, CheckResult, Verdict
from platform_assets.retries.in_run import Tries
from platform_assets.sql.types import raw_columns
from platform_assets.stores.objects import is_url
from platform_assets.warehouse.protocol import LoadsObjects, Warehouse

log = logger(__name__)

EMPTY: Mapping[str, Failure] = {}


def raw_asset(feed: Feed, spec: dg.AssetSpec) -> dg.AssetsDefinition:
    """The asset that loads what was ingested, and the contract's batch rules as its checks."""
    rules = feed.contract.batch_rules

    @dg.multi_asset(
        name=spec.key.to_python_identifier(),
        specs=[spec],
        check_specs=gate_specs(spec.key, rules),
        backfill_policy=dg.BackfillPolicy.single_run(),
        required_resource_keys={"platform"},
        pool=current_execution().pool,
    )
    def load(context: dg.AssetExecutionContext) -> Iterator[Any]:
        platform = context.resources.platform
        keys = run_partitions(context)
        attempt = begin(context, [spec.key], keys)
        with step_logs(context, feed.name):
            started = time.monotonic()
            upstream = left_out(context.instance, context.run.run_id, feed.lake_key) or {}
            verdicts, outcomes = load_partitions(
                feed,
                keys,
                platform=platform,
                run_id=context.run.run_id,
                upstream=upstream,
                tries=attempt.tries(spec.key),
            )
            log.info(stage_line(spec.key, outcomes, time.monotonic() - started))
            outcomes = with_costs(outcomes, platform.warehouse.open(), spec.key.to_user_string(), context.run.run_id)
        checks = {spec.key: list(check_results(context, spec.key, rules, verdicts))}
        yield from report(context, [AssetOutcomes(spec.key, output_name(spec.key), outcomes)], checks)

    return load


def load_partitions(
    feed: Feed,
    keys: Sequence[str],
    *,
    platform: Any,
    run_id: str,
    upstream: Mapping[str, Failure] = EMPTY,
    retypes: bool = False,
    tries: Tries | None = None,
) -> tuple[list[Verdict], list[Outcome]]:
    """Publish the partitions ``keys`` from the lake in one go; one outcome each, in their order.

    ``upstream`` holds what the run could not ingest: where nothing is in the lake, that is the reason. With ``retypes``
    a table whose columns have other types is made anew, by one transaction.
    """
    lake = platform.open_lake()
    failures: dict[str, Failure] = {}
    of_upstream: set[str] = set()
    manifests: dict[str, Manifest] = {}
    for key in keys:
        try:
            latest = lake.latest(feed.name, key)
        except RecordUnreadable as error:
            failures[key] = error.failure
            continue
        if isinstance(latest, Manifest):
            manifests[key] = latest
            continue
        of_upstream.add(key)
        if latest is not None:
            message = f"its latest delivery was rejected: {latest.message}"
            failures[key] = replace(latest.failure, message=message)
        else:
            found = upstream.get(key, NOT_INGESTED)
            message = f"{feed.lake_key.to_user_string()} has no such partition: {found.message}"
            failures[key] = replace(found, message=message)
    started = time.monotonic()
    verdicts, failed = publish_manifests(
        feed,
        list(manifests.values()),
        lake=lake,
        warehouse=platform.warehouse.open(),
        run_id=run_id,
        at_once=None if retypes else platform.partitions_per_load,
        retypes=retypes,
        tries=tries,
    )
    failures |= failed
    seconds = (time.monotonic() - started) / max(1, len(manifests))
    by_partition = {verdict.partition: verdict for verdict in verdicts}
    outcomes = [
        Outcome(key, failure=failures[key], of_upstream=key in of_upstream)
        if key in failures
        else verdict_outcome(by_partition[key], seconds)
        for key in keys
    ]
    return verdicts, outcomes


def publish_manifests(
    feed: Feed,
    manifests: Sequence[Manifest],
    *,
    lake: Lake,
    warehouse: Warehouse,
    run_id: str,
    at_once: int | None = None,
    retypes: bool = False,
    held: Mapping[str, CheckResult] = NOT_HELD,
    tries: Tries | None = None,
) -> tuple[list[Verdict], dict[str, Failure]]:
    """The verdicts on ingested partitions, and the failure of each that got none.

    ``at_once`` bounds the partitions of one transaction. Those ``held`` are rejected by the check that is given.
    """
    asset = feed.raw_key.to_user_string()

    there = isinstance(warehouse, LoadsObjects) and warehouse.loads_objects()

    def publish_ingested(ingested: Sequence[Manifest]) -> list[Verdict]:
        with lake.on_disk(ingested, schemas_only=there) as files:
            return publish(
                warehouse,
                asset=asset,
                table=feed.raw_table,
                columns=raw_columns(feed.contract),
                candidates=[candidate_of(manifest, lake, files[manifest.partition]) for manifest in ingested],
                rules=feed.contract.batch_rules,
                run_id=run_id,
                order=feed.keys.order,
                retypes=retypes,
                held=held,
            )

    return published_apart(
        publish_ingested,
        manifests,
        key=lambda manifest: manifest.partition,
        what=asset,
        at_once=at_once,
        tries=tries,
    )


def candidate_of(manifest: Manifest, lake: Lake, files: Sequence[Path] = ()) -> Candidate:
    """An ingested partition as a candidate; ``files`` are its Parquet files on this machine."""
    return Candidate(
        partition=manifest.partition,
        version=manifest.content_hash,
        files=tuple(map(str, files)),
        rows=manifest.rows_out,
        state=manifest.state,
        reason=manifest.reason,
        origins=tuple(named(lake, file) for file in manifest.data_files),
        keys=tuple(manifest.data_files) if files and is_url(str(lake)) else (),
    )
