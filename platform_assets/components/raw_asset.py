"""The asset `raw/<feed>`: manifests in, a published table out, by write-audit-publish.

The gates, the ledger and the lease are `platform_assets.publishing`'s business; here its verdicts become
materializations and check results.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from platform_assets.components.gates import check_results, gate_specs
from platform_assets.components.outcomes import Outcome, report, run_partitions, verdict_check
from platform_assets.feeds.feed import Feed
from platform_assets.lake.columns import raw_columns
from platform_assets.lake.manifests import Manifest, read_manifest
from platform_assets.lake.rejections import read_rejection
from platform_assets.publishing.publisher import Candidate, publish
from platform_assets.publishing.readers import unreadable
from platform_assets.publishing.verdicts import Verdict
from resources.warehouse.protocol import ColumnDef, TableName

POOL = "warehouse"
"""The Dagster pool of every step that opens the warehouse; its size is in dagster.yaml."""


def raw_asset(feed: Feed, spec: dg.AssetSpec) -> dg.AssetsDefinition:
    """The asset that loads what was ingested, and the contract's batch rules as its checks."""
    rules = feed.contract.batch_rules

    @dg.multi_asset(
        name=spec.key.to_python_identifier(),
        specs=[spec],
        check_specs=gate_specs(spec.key, rules),
        backfill_policy=dg.BackfillPolicy.single_run() if feed.partitions else None,
        required_resource_keys={"platform"},
        pool=POOL,
    )
    def load(context: dg.AssetExecutionContext) -> Iterator[Any]:
        platform = context.resources.platform
        keys = run_partitions(context)
        verdicts, outcomes = load_partitions(feed, keys, platform=platform, run_id=context.run.run_id)
        yield from check_results(context, spec.key, rules, verdicts)
        output = next(name for name in context.op_def.output_dict if "verdict" not in name)
        yield from report(context, key=spec.key, outcomes=outcomes, output_name=output)

    return load


def raw_verdict(key: dg.AssetKey) -> dg.AssetChecksDefinition:
    """The verdict check of a published table: what the ledger says of the run's partitions."""

    def problems(context: dg.AssetCheckExecutionContext, keys: Sequence[str]) -> Mapping[str, str]:
        refusals = unreadable(
            context.resources.platform.warehouse.open(),
            asset=key.to_user_string(),
            partitions=keys,
            run_id=context.op_execution_context.run.run_id,
            allow_previous=True,
        )
        return {partition: str(refusal) for partition, refusal in refusals.items()}

    return verdict_check(key=key, problems=problems, required_resource_keys={"platform"})


def load_partitions(
    feed: Feed, keys: Sequence[str], *, platform: Any, run_id: str
) -> tuple[list[Verdict], list[Outcome]]:
    """Publish the partitions ``keys`` from the lake in one go; one outcome each, in their order."""
    lake = Path(platform.lake)
    problems: dict[str, str] = {}
    manifests: dict[str, Manifest] = {}
    for key in keys:
        rejection = read_rejection(lake, feed.name, key)
        manifest = read_manifest(lake, feed.name, key)
        if rejection is not None:
            problems[key] = f"its latest delivery was rejected: {rejection.message}"
        elif manifest is None:
            problems[key] = f"{feed.lake_key.to_user_string()} has no such partition: nothing was ingested"
        else:
            manifests[key] = manifest
    started = time.monotonic()
    columns = [ColumnDef(*column) for column in raw_columns(feed.contract)]
    verdicts = publish(
        platform.warehouse.open(),
        asset=feed.raw_key.to_user_string(),
        table=TableName("raw", feed.name),
        columns=columns,
        candidates=[_candidate(manifest, lake) for manifest in manifests.values()],
        rules=feed.contract.batch_rules,
        run_id=run_id,
    )
    seconds = (time.monotonic() - started) / max(1, len(manifests))
    by_partition = {verdict.partition: verdict for verdict in verdicts}
    outcomes = [
        Outcome(key, problem=problems[key]) if key in problems else verdict_outcome(by_partition[key], seconds)
        for key in keys
    ]
    return verdicts, outcomes


def verdict_outcome(verdict: Verdict, seconds: float, extra: Mapping[str, Any] | None = None) -> Outcome:
    """The outcome of one partition, from the ledger's verdict on it. ``seconds`` is its share of the step."""
    if not verdict.published:
        return Outcome(verdict.partition, problem=verdict.message)
    metadata = {"dagster/row_count": verdict.rows, "seconds": round(seconds, 4), "run_of_version": verdict.run_id}
    warnings = [check.message for check in verdict.checks if not check.passed]
    if warnings:
        metadata["warnings"] = warnings
    return Outcome(verdict.partition, verdict.content_hash, metadata={**metadata, **(extra or {})})


def _candidate(manifest: Manifest, lake: Path) -> Candidate:
    return Candidate(
        partition=manifest.partition,
        version=manifest.content_hash,
        files=tuple(str(path) for path in manifest.data_paths(lake)),
        rows=manifest.rows_out,
        state=manifest.state,
        reason=manifest.reason,
    )
