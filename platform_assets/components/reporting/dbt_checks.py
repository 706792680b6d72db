"""dbt's tests as Dagster check results: one result a test and run, with the partitions that failed it."""

from collections.abc import Mapping, Sequence

import dagster as dg

from platform_assets.components.reporting.outcomes import SHOWN
from platform_assets.dbt.attribution import TestVerdict
from platform_assets.dbt.graph import TestNode
from platform_assets.dbt.invocation import NodeResult


def check_results(
    context: dg.AssetExecutionContext,
    check_keys: Mapping[str, dg.AssetCheckKey],
    tests: Sequence[TestNode],
    ran: Sequence[NodeResult],
    failed: Sequence[TestVerdict],
    partitions: int,
) -> dict[dg.AssetKey, list[dg.AssetCheckResult]]:
    """Results by asset for every selected check whose test ran; ``failed`` are the tests that did not pass."""
    verdicts = {verdict.test.unique_id: verdict for verdict in failed}
    results: dict[dg.AssetKey, list[dg.AssetCheckResult]] = {}
    statuses = {result.unique_id: result for result in ran}
    for test in tests:
        key = check_keys.get(test.unique_id)
        if key is None or key not in context.selected_asset_check_keys or test.unique_id not in statuses:
            continue
        results.setdefault(key.asset_key, []).append(
            _result(key, test, statuses[test.unique_id], verdicts.get(test.unique_id), partitions)
        )
    return results


def _result(
    key: dg.AssetCheckKey, test: TestNode, result: NodeResult, verdict: TestVerdict | None, partitions: int
) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.ERROR if test.blocks else dg.AssetCheckSeverity.WARN
    metadata: dict[str, dg.MetadataValue] = {"seconds": dg.MetadataValue.float(round(result.seconds, 4))}
    if not test.is_unit_test:
        metadata["partitions"] = dg.MetadataValue.int(partitions)
    passed = verdict is None or not (verdict.failures or verdict.everywhere)
    if verdict is not None and verdict.failures:
        columns = [dg.TableColumn("partition", "string"), dg.TableColumn("failing_rows", "int")]
        records = [
            dg.TableRecord({"partition": partition, "failing_rows": count})
            for partition, count in sorted(verdict.failures.items())[:SHOWN]
        ]
        metadata["failing_partitions"] = dg.MetadataValue.int(len(verdict.failures))
        metadata["problems"] = dg.MetadataValue.table(records, schema=dg.TableSchema(columns))
    if verdict is not None and verdict.everywhere:
        metadata["message"] = dg.MetadataValue.text(verdict.everywhere)
    if result.compiled_sql and not test.is_unit_test:
        metadata["sql"] = dg.MetadataValue.md(f"```sql\n{result.compiled_sql.strip()}\n```")
    return dg.AssetCheckResult(
        asset_key=key.asset_key, check_name=key.name, passed=passed, severity=severity, metadata=metadata
    )
