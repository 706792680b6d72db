"""The verdict check: a step of its own, with nothing behind it, that fails a run in which a partition was left out.

It blocks nothing within the run, so the good partitions go all the way; the run and the grid tell the truth. The same
step evaluates `on_time`, where partitions of the asset are due at some time.
"""

import datetime as dt
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from platform_assets.automation.alerting.expected import ON_TIME, expectation_of
from platform_assets.components.reporting.outcomes import (
    LEFT_OUT,
    VERDICT,
    Outcome,
    output_name,
    problems_table,
    rejected,
)
from platform_assets.failures import Failure
from platform_assets.lake.deliveries import SNAPSHOT

_NO_PARTITION = "No partition of the run was rejected, blocked or missing."
_EVERY_PARTITION = "Every partition whose deadline is over is published."


def verdict_check(
    *,
    key: dg.AssetKey,
    problems: Callable[[dg.AssetCheckExecutionContext, Sequence[str]], Mapping[str, Failure]],
    on_time: bool = False,
) -> dg.AssetChecksDefinition:
    """The check that reports which partitions of the run were left out, and fails the run if there are any.

    What the step left out stands in its output's event, so that it is known in another process too. In a run in
    which the step did not run (a re-execution of the failed steps), ``problems`` is asked for the durable verdicts:
    it returns the failure of each bad partition. The check blocks nothing within the run. With ``on_time`` the asset
    has that check too.
    """
    specs = [dg.AssetCheckSpec(VERDICT, asset=key, description=_NO_PARTITION)]
    if on_time:
        specs.append(dg.AssetCheckSpec(ON_TIME, asset=key, description=_EVERY_PARTITION))

    @dg.multi_asset_check(
        name=f"{key.to_python_identifier()}_{VERDICT}",
        specs=specs,
        can_subset=on_time,
        required_resource_keys={"platform"},
    )
    def verdict(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        selected = {check.name for check in context.op_execution_context.selected_asset_check_keys}
        if ON_TIME in selected:
            yield _on_time(context, key)
        if VERDICT not in selected:
            return
        keys = _partitions_of(context, key)
        found = left_out(context.instance, context.op_execution_context.run.run_id, key)
        if found is None:
            found = problems(context, keys)
        bad = [Outcome(k, failure=found[k]) for k in keys if k in found]
        yield dg.AssetCheckResult(
            check_name=VERDICT,
            passed=not bad,
            metadata={
                "partitions": len(keys),
                "rejected": len(bad),
                **({"problems": problems_table(bad)} if bad else {}),
            },
        )
        if bad:
            raise rejected(context, key, bad, len(keys))

    return verdict


def _on_time(context: dg.AssetCheckExecutionContext, key: dg.AssetKey) -> dg.AssetCheckResult:
    # what it needs of the alerts is loaded by the step that asks, and not with the definitions
    from platform_assets.automation.alerting.on_time import on_time_now

    expectation = expectation_of(context.op_execution_context.job_def.asset_layer.asset_graph, key)
    if expectation is None:
        return dg.AssetCheckResult(check_name=ON_TIME, passed=True, description="No partition is due at any time.")
    found = on_time_now(context.instance, key.to_user_string(), expectation, utc_now())
    return dg.AssetCheckResult(check_name=ON_TIME, **found)


def utc_now() -> dt.datetime:
    """The time by which it is judged what is late."""
    return dt.datetime.now(dt.UTC)


def left_out(instance: dg.DagsterInstance, run_id: str, key: dg.AssetKey) -> Mapping[str, Failure] | None:
    """What the step of an asset left out in a run; None if it has not run."""
    known, name = _outputs_of(run_id), output_name(key)
    if name not in known:
        for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_OUTPUT):
            output = entry.get_dagster_event().step_output_data
            value: Any = output.metadata.get(LEFT_OUT)
            known.setdefault(output.output_name, {} if value is None else value.value)
    found = known.get(name)
    return None if found is None else {partition: Failure.from_dict(f) for partition, f in found.items()}


@functools.lru_cache(maxsize=4)
def _outputs_of(_run_id: str) -> dict[str, Mapping[str, Any]]:
    """What is known of the outputs of a run: the log is read once for all checks of one process."""
    return {}


def _partitions_of(context: dg.AssetCheckExecutionContext, key: dg.AssetKey) -> list[str]:
    """The partition keys that a check of ``key`` speaks of, in their order; the one snapshot key if it has none.

    A check that is executed by itself is part of no partition's run: it speaks of all that are materialized.
    """
    op_context = context.op_execution_context
    graph = op_context.job_def.asset_layer.asset_graph
    partitions = graph.get(key).partitions_def if graph.has(key) else None
    if partitions is None:
        return [SNAPSHOT]
    with dg.partition_loading_context(dynamic_partitions_store=context.instance):
        if op_context.has_partitions:
            return list(partitions.get_partition_keys_in_range(op_context.partition_key_range))
        done = context.instance.get_materialized_partitions(key)
        return [partition for partition in partitions.get_partition_keys() if partition in done]
