"""The batch rules of a contract as Dagster asset checks: one spec a rule, one result a run.

A rule is audited on each partition by `platform_assets.publishing`. A run over many partitions reports one result a
rule, with the partitions that broke it; which of them were published is reported by the verdict check. No check blocks
here: a rejected partition is not published, and the others of the run go on.
"""

import math
import re
from collections.abc import Iterator, Sequence

import dagster as dg

from platform_assets.automation.alerting.expected import ON_TIME
from platform_assets.components.reporting.outcomes import SHOWN, VERDICT
from platform_assets.contracts.model import BatchRule
from platform_assets.contracts.severity import Severity
from platform_assets.publishing.verdicts import Verdict


def check_names(rules: Sequence[BatchRule]) -> dict[str, str]:
    """The name of each rule's check, by the rule's name: Dagster allows letters, digits and _ alone."""
    names: dict[str, str] = {}
    for rule in rules:
        name = base = re.sub(r"[^A-Za-z0-9_]+", "_", rule.name).strip("_") or "rule"
        number = 2
        while name in (VERDICT, ON_TIME) or name in names.values():
            name, number = f"{base}_{number}", number + 1
        names[rule.name] = name
    return names


def gate_specs(key: dg.AssetKey, rules: Sequence[BatchRule]) -> list[dg.AssetCheckSpec]:
    """A check spec for each batch rule."""
    names = check_names(rules)
    return [
        dg.AssetCheckSpec(
            name=names[rule.name],
            asset=key,
            description=rule.description or f"{rule.metric.value} of {', '.join(rule.columns) or 'the partition'}",
            metadata={"metric": rule.metric.value, "bounds": str(rule.bounds), "severity": rule.severity.value},
        )
        for rule in rules
    ]


def check_results(
    context: dg.AssetExecutionContext, key: dg.AssetKey, rules: Sequence[BatchRule], verdicts: Sequence[Verdict]
) -> Iterator[dg.AssetCheckResult]:
    """One result a rule over all partitions of the run that were audited."""
    names = check_names(rules)
    for rule in rules:
        if dg.AssetCheckKey(key, names[rule.name]) not in context.selected_asset_check_keys:
            continue
        audited = [(v.partition, c) for v in verdicts for c in v.checks if c.name == rule.name]
        failed = [(partition, check) for partition, check in audited if not check.passed]
        columns = [dg.TableColumn("partition", "string"), dg.TableColumn("message", "string")]
        records = [dg.TableRecord({"partition": partition, "message": check.message}) for partition, check in failed]
        metadata: dict[str, dg.MetadataValue] = {
            "partitions": dg.MetadataValue.int(len(audited)),
            "failed": dg.MetadataValue.int(len(failed)),
        }
        values = [c.value for _, c in audited if c.value is not None and math.isfinite(c.value)]
        if values:
            metadata["latest_value"] = dg.MetadataValue.float(float(values[-1]))
        if failed:
            metadata["problems"] = dg.MetadataValue.table(records[:SHOWN], schema=dg.TableSchema(columns))
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=names[rule.name],
            passed=not failed,
            severity=dg.AssetCheckSeverity.WARN if rule.severity is Severity.WARNING else dg.AssetCheckSeverity.ERROR,
            metadata=metadata,
        )
