"""dbt's tests as Dagster check results: one result a test and run, with the partitions and rows that failed it."""

from collections.abc import Collection, Mapping, Sequence

import dagster as dg

from platform_assets.components.reporting.outcomes import SHOWN
from platform_assets.dbt.attribution import TestVerdict
from platform_assets.dbt.graph import TestNode
from platform_assets.dbt.harmless import Sample
from platform_assets.dbt.invocation import NodeResult

Metadata = dict[str, dg.MetadataValue]


def check_results(
    selected: Collection[dg.AssetCheckKey],
    check_keys: Mapping[str, Sequence[dg.AssetCheckKey]],
    tests: Sequence[TestNode],
    ran: Sequence[NodeResult],
    failed: Sequence[TestVerdict],
    samples: Mapping[str, Sample],
    partitions: int,
) -> dict[dg.AssetKey, list[dg.AssetCheckResult]]:
    """Results by asset for every ``selected`` check whose test ran; ``failed`` are the tests that did not pass.

    ``samples`` are failing rows by test.
    """
    verdicts = {verdict.test.unique_id: verdict for verdict in failed}
    results: dict[dg.AssetKey, list[dg.AssetCheckResult]] = {}
    statuses = {result.unique_id: result for result in ran}
    for test in tests:
        if test.unique_id not in statuses:
            continue
        verdict = verdicts.get(test.unique_id)
        metadata = _metadata(test, statuses[test.unique_id], verdict, samples.get(test.unique_id), partitions)
        severity = dg.AssetCheckSeverity.ERROR if (verdict or test).blocks else dg.AssetCheckSeverity.WARN
        for key in check_keys.get(test.unique_id, ()):
            if key in selected:
                results.setdefault(key.asset_key, []).append(
                    dg.AssetCheckResult(
                        asset_key=key.asset_key,
                        check_name=key.name,
                        passed=verdict is None,
                        severity=severity,
                        metadata=metadata,
                    )
                )
    return results


def _metadata(
    test: TestNode, result: NodeResult, verdict: TestVerdict | None, sample: Sample | None, partitions: int
) -> Metadata:
    metadata: Metadata = {"seconds": dg.MetadataValue.float(round(result.seconds, 4))}
    if test.is_unit_test:
        if verdict is not None and verdict.everywhere is not None:
            metadata["message"] = dg.MetadataValue.text(verdict.everywhere.why)
        return metadata
    metadata["partitions"] = dg.MetadataValue.int(partitions)
    if not result.thresholds.are_default:
        of = result.thresholds
        warn_if = f"warn_if {of.warn_if}"
        words = [f"fail_calc {of.fail_calc}", warn_if, *([f"error_if {of.error_if}"] if test.blocks else [])]
        metadata["thresholds"] = dg.MetadataValue.text(", ".join(words))
    if verdict is not None:
        metadata |= _problems(verdict)
    if sample is not None:
        metadata |= _sample(sample)
    if result.compiled_sql:
        metadata["sql"] = dg.MetadataValue.md(f"```sql\n{result.compiled_sql.strip()}\n```")
    return metadata


def _problems(verdict: TestVerdict) -> Metadata:
    if verdict.everywhere is not None:
        return {"message": dg.MetadataValue.text(verdict.everywhere.why)}
    kinds = {"partition": "string", "failing_rows": "int", "message": "string"}
    records = [
        dg.TableRecord({"partition": partition, "failing_rows": finding.rows, "message": finding.why})
        for partition, finding in sorted(verdict.found.items())[:SHOWN]
    ]
    schema = dg.TableSchema([dg.TableColumn(name, kind) for name, kind in kinds.items()])
    return {
        "failing_partitions": dg.MetadataValue.int(len(verdict.found)),
        "problems": dg.MetadataValue.table(records, schema=schema),
    }


def _sample(sample: Sample) -> Metadata:
    """Failing rows as a table, and what they leave out."""
    metadata: Metadata = {}
    if sample.columns and sample.rows:
        records = [dg.TableRecord(dict(zip(sample.columns, row, strict=True))) for row in sample.rows]
        schema = dg.TableSchema([dg.TableColumn(name, "any") for name in sample.columns])
        metadata["sample"] = dg.MetadataValue.table(records, schema=schema)
    if sample.left_out:
        why = "personal, or not known to be harmless"
        metadata["sample_left_out"] = dg.MetadataValue.text(f"{', '.join(sample.left_out)}: {why}")
    return metadata
