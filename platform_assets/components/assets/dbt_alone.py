"""Checks of dbt models that are executed alone: their tests on what is published, and nothing else.

Nothing is built, no lease is taken and the ledger stays as it is, so readers and writers go on. A check knows no
partition: it looks at all that are published, and judges each as a run of it would.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import dagster as dg

from platform_assets.components.assets.dbt_calls import DbtCalls
from platform_assets.components.assets.dbt_samples import failing_rows
from platform_assets.components.assets.dbt_step import DbtStep, refuse_other_tables
from platform_assets.components.reporting.dbt_checks import check_results
from platform_assets.dbt.attribution import attribute, needs_judging
from platform_assets.dbt.graph import TestNode
from platform_assets.failures import failure_of, for_log
from platform_assets.publishing import ledger
from platform_assets.publishing.migrations import ledger_session
from platform_assets.wording import counted


def check_alone(
    step: DbtStep, context: dg.AssetExecutionContext, checks: Collection[dg.AssetCheckKey]
) -> Iterator[dg.AssetCheckResult]:
    """The results of ``checks``, which are checks of the step's models.

    Raises:
        dg.Failure: if dbt could not evaluate them; at the end, for those of models of which nothing is published.
    """
    warehouse = context.resources.platform.warehouse.open()
    calls = DbtCalls(step, warehouse, context.run.run_id)
    tests = [test for test in step.graph.tests if {*step.check_keys.get(test.unique_id, ())} & {*checks}]
    models = sorted({model for test in tests for model in test.models})
    refuse_other_tables(step, calls.parsed, models)
    with ledger_session(warehouse, read_only=True, purpose="asking what is published") as session:
        published = {
            model: {key for key, entry in ledger.newest_of(session, step.asset_keys[model].to_user_string()).items()
                    if entry.published}
            for model in models
        }  # fmt: skip
    # tests of the same partitions are one command of dbt
    together: dict[tuple[str, ...], list[TestNode]] = {}
    for test in tests:
        keys = set.intersection(*(published[model] for model in test.models))
        together.setdefault(tuple(sorted(keys)), []).append(test)
    without = together.pop((), [])
    for partitions, of_them in together.items():
        try:
            yield from _evaluated(calls, of_them, checks, partitions)
        except Exception as error:
            if isinstance(error, dg.Failure):
                raise
            text = f"{', '.join(test.name for test in of_them)}: not evaluated: {for_log(error)}"
            raise dg.Failure(text, allow_retries=failure_of(error).retryable) from None
    if without:
        names = ", ".join(sorted({step.asset_keys[model].to_user_string() for t in without for model in t.models}))
        raise dg.Failure(
            f"{', '.join(test.name for test in without)}: not evaluated, nothing of {names} is published. Materialize "
            "it first",
            allow_retries=False,
        )


def _evaluated(
    calls: DbtCalls, tests: Sequence[TestNode], checks: Collection[dg.AssetCheckKey], keys: Sequence[str]
) -> Iterator[dg.AssetCheckResult]:
    step = calls.step
    by_partition = step.partitions is not None
    partitions = {"default": list(keys), "by_node": {}} if by_partition else None
    results = calls.call("test", [test.unique_id for test in tests], partitions, keys)
    verdicts = []
    if any(map(needs_judging, results)):
        with calls.warehouse.session(read_only=True, purpose="finding the partitions that failed a test") as session:
            verdicts = attribute(session, tests, results, lambda _: keys if by_partition else None)
    samples = failing_rows(calls, {result.unique_id: result for result in results}, verdicts, {}, partitions)
    scope = f"all that is published: {counted(len(keys), 'partition')}" if by_partition else "all that is published"
    more = {"scope": dg.MetadataValue.text(scope)}
    for found in check_results(checks, step.check_keys, tests, results, verdicts, samples, len(keys)).values():
        for each in found:
            yield each._replace(metadata={**(each.metadata or {}), **more})
