"""The ledger's verdicts in Dagster's words: a partition's outcome, and the check that reports the rejected ones."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from platform_assets.components.reporting.outcomes import Outcome
from platform_assets.components.reporting.verdict_check import verdict_check
from platform_assets.failures import Failure
from platform_assets.publishing.readers import unreadable
from platform_assets.publishing.verdicts import Verdict


def ledger_verdict(
    key: dg.AssetKey, partitions: dg.PartitionsDefinition | None, *, keeps_last_good: bool
) -> dg.AssetChecksDefinition:
    """The verdict check of a table: what the ledger says of the run's partitions.

    ``keeps_last_good`` is for tables that are swapped, in which a version of an earlier run may stand although a
    newer candidate was rejected; of a table that is overwritten in place only the newest verdict counts. Where the
    ``partitions`` are of time, the check `on_time` goes with it.
    """

    def problems(context: dg.AssetCheckExecutionContext, keys: Sequence[str]) -> Mapping[str, Failure]:
        refused = unreadable(
            context.resources.platform.warehouse.open(),
            asset=key.to_user_string(),
            partitions=keys,
            run_id=context.op_execution_context.run.run_id,
            allow_previous=keeps_last_good,
        )
        return {partition: refusal.failure for partition, refusal in refused.items()}

    on_time = isinstance(partitions, dg.TimeWindowPartitionsDefinition)
    return verdict_check(key=key, problems=problems, on_time=on_time)


def verdict_outcome(verdict: Verdict, seconds: float) -> Outcome:
    """The outcome of one partition, from the ledger's verdict on it. ``seconds`` is its share of the step."""
    if not verdict.published:
        return Outcome(verdict.partition, failure=verdict.failure)
    metadata: dict[str, Any] = {
        "dagster/row_count": verdict.rows,
        "seconds": round(seconds, 4),
        "published_by_run": verdict.run_id,
    }
    warnings = [check.message for check in verdict.checks if not check.passed]
    if warnings:
        metadata["warnings"] = warnings
    return Outcome(verdict.partition, verdict.hash, metadata=metadata, unchanged=verdict.unchanged)
