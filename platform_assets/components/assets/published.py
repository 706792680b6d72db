"""The asset `published/<table>`: partitions of a mart in, the table that people read out, swapped in after its checks.

What is copied, and what is refused, is `platform_assets.publishing`'s business.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from platform_assets.components.assets.apart import published_apart
from platform_assets.components.assets.attempts import begin
from platform_assets.components.assets.upstream import UpstreamAsset, Verdicts, refusals, table_of
from platform_assets.components.reporting.ledger_verdict import verdict_outcome
from platform_assets.components.reporting.logs import stage_line, step_logs
from platform_assets.components.reporting.outcomes import AssetOutcomes, Outcome, output_name, report, run_partitions
from platform_assets.execution import current_execution
from platform_assets.logs import logger
from platform_assets.platform_resource import PlatformResource
from platform_assets.publishing.from_tables import publish_from_table
from platform_assets.publishing.migrations import ledger_session
from platform_assets.publishing.verdicts import Verdict
from platform_assets.warehouse.protocol import PARTITION, TableName

log = logger(__name__)


def published_asset(spec: dg.AssetSpec, *, source: dg.AssetKey) -> dg.AssetsDefinition:
    """The asset that copies the run's partitions of ``source``, of those that may be read."""
    partitioned = spec.partitions_def is not None

    @dg.multi_asset(
        name=spec.key.to_python_identifier(),
        specs=[spec],
        backfill_policy=dg.BackfillPolicy.single_run(),
        required_resource_keys={"platform"},
        pool=current_execution().pool,
    )
    def publish(context: dg.AssetExecutionContext) -> Iterator[Any]:
        platform: PlatformResource = context.resources.platform
        warehouse = platform.warehouse.open()
        keys = run_partitions(context)
        attempt = begin(context, [spec.key], keys)
        upstream = UpstreamAsset(source, keeps_last_good=False)
        purpose = f"asking for verdicts of {source.to_user_string()}"
        with ledger_session(warehouse, read_only=True, purpose=purpose) as session:
            asked = Verdicts(session, context.run.run_id)
            refused = refusals(context, asked, reader=spec.key, upstream=upstream, partitions=keys)
        open_keys = [key for key in keys if key not in refused]
        started = time.monotonic()
        asset = spec.key.to_user_string()

        def publish_partitions(partitions: Sequence[str]) -> list[Verdict]:
            return publish_from_table(
                warehouse,
                asset=asset,
                table=TableName(*spec.key.path),
                source=table_of(context, source),
                source_asset=source.to_user_string(),
                partition_column=PARTITION if partitioned else None,
                partitions=partitions,
                run_id=context.run.run_id,
            )

        with step_logs(context, asset):
            published, failed = published_apart(
                publish_partitions,
                open_keys,
                key=str,
                what=asset,
                at_once=platform.partitions_per_load,
                tries=attempt.tries(spec.key),
            )
        verdicts = {verdict.partition: verdict for verdict in published}
        failures = {**refused, **failed}
        seconds = (time.monotonic() - started) / max(1, len(open_keys))
        outcomes = [
            Outcome(key, failure=failures[key], of_upstream=key in refused)
            if key in failures
            else verdict_outcome(verdicts[key], seconds)
            for key in keys
        ]
        with step_logs(context, asset):
            log.info(stage_line(spec.key, outcomes, time.monotonic() - started))
        yield from report(context, [AssetOutcomes(spec.key, output_name(spec.key), outcomes)])

    return publish
