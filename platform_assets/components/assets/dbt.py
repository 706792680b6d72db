"""The assets of dbt's models, built in one step, and what becomes of each partition as events of Dagster.

How a step runs is in ``dbt_run``; what is known of the models before, in ``dbt_step``.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from platform_assets.components.assets.attempts import Attempt, begin
from platform_assets.components.assets.dbt_alone import check_alone
from platform_assets.components.assets.dbt_run import DbtRun
from platform_assets.components.assets.dbt_step import DbtStep
from platform_assets.components.reporting.dbt_checks import check_results
from platform_assets.components.reporting.logs import step_logs
from platform_assets.components.reporting.outcomes import AssetOutcomes, Outcome, output_name, report, run_partitions
from platform_assets.dbt.graph import ModelGraph
from platform_assets.execution import current_execution
from platform_assets.failures import Kind, failure_of, for_log
from platform_assets.retries.in_run import retried


def dbt_asset(
    step: DbtStep, *, name: str, specs: Sequence[dg.AssetSpec], check_specs: Sequence[dg.AssetCheckSpec]
) -> dg.AssetsDefinition:
    """The models of ``step`` as one definition, any part of which can be materialized."""

    @dg.multi_asset(
        name=name,
        specs=specs,
        check_specs=check_specs,
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        required_resource_keys={"platform"},
        pool=current_execution().pool,
    )
    def build(context: dg.AssetExecutionContext) -> Iterator[Any]:
        yield from _execute(step, context, name)

    return build


def _run(
    step: DbtStep, context: dg.AssetExecutionContext, graph: ModelGraph, keys: list[str], begun: Attempt
) -> DbtRun:
    """The step, carried out; tried again where a retry can help, and once after an error that nobody thought of."""

    def attempt() -> DbtRun:
        run = DbtRun(step, context, graph, keys)
        run.build_and_test()
        return run

    name = f"dbt in run {context.run.run_id}"
    try:
        return retried(attempt, what=name, tries=begun.tries(step.asset_keys[graph.order[0]]))
    except Exception as error:
        failure = failure_of(error)
        if isinstance(error, dg.Failure) or failure.kind is not Kind.BUG:
            raise
        context.log.warning(f"{name}: {for_log(error)}; tried again")
        return attempt()


def _execute(step: DbtStep, context: dg.AssetExecutionContext, name: str) -> Iterator[Any]:
    """Build and test the selected models for the partitions of the run."""
    selected = {model for model, key in step.asset_keys.items() if key in context.selected_asset_keys}
    if not selected:
        with step_logs(context, name):
            yield from check_alone(step, context, context.selected_asset_check_keys)
        return
    keys = run_partitions(context)
    graph = step.graph.limited_to(selected)
    begun = begin(context, [step.asset_keys[model] for model in graph.order], keys)
    try:
        with step_logs(context, name):
            run = _run(step, context, graph, keys, begun)
    except dg.Failure:
        raise
    except Exception as error:
        failure = failure_of(error)
        context.log.error(f"{name}: {for_log(error)}")  # noqa: TRY400 - its text may quote a row
        failed = [Outcome(key, failure=failure) for key in keys]
        lost = [AssetOutcomes(step.asset_keys[m], output_name(step.asset_keys[m]), failed) for m in graph.order]
        yield from report(context, lost)
        return
    outcomes = {model: [run.outcome(model, partition) for partition in keys] for model in graph.order}
    with step_logs(context, name):
        run.describe(outcomes)
    assets = [
        AssetOutcomes(key, output_name(key), outcomes[model])
        for model in graph.order
        for key in [step.asset_keys[model]]
    ]
    checks = check_results(
        context.selected_asset_check_keys,
        step.check_keys,
        graph.tests,
        [*run.test_results.values()],
        run.failed_tests,
        run.samples,
        len(keys),
    )
    yield from report(context, assets, checks, goes_on=step.beside_others)
    run.report_lost()
    tested = {test.unique_id for test in graph.tests}
    others = {key for test, keys in step.check_keys.items() if test not in tested for key in keys}
    if others := others & context.selected_asset_check_keys:
        with step_logs(context, name):
            yield from check_alone(step, context, others)
