"""Which partitions made a test fail: its own SQL, judged by the partition column.

A range has the verdicts of its partitions one by one: the status that dbt has for all rows together counts only where
a test cannot be told by partition. That is so for a test whose rows have no such column, an error in its SQL, a unit
test, and every test of a model without partitions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from platform_assets.dbt.graph import TestNode
from platform_assets.dbt.invocation import NodeResult
from platform_assets.dbt.thresholds import Judged, judging, read
from platform_assets.failures import Failure, Kind
from platform_assets.warehouse.errors import StatementFailed
from platform_assets.warehouse.protocol import Session
from platform_assets.wording import counted

KeysOf = Callable[[TestNode], Collection[str] | None]
"""The partitions that a test is judged by; None for one of models without partitions."""


@dataclass(frozen=True)
class Finding:
    """What a test says against one partition: how many of its rows fail, and whether that holds the partition."""

    rows: int
    blocks: bool
    why: str
    kind: Kind = Kind.REJECTED


@dataclass(frozen=True)
class TestVerdict:
    """A failed or warning test: what it says against partitions, or ``everywhere`` against all of them."""

    test: TestNode
    found: Mapping[str, Finding] = field(default_factory=dict)
    everywhere: Finding | None = None

    def finding(self, partition: str) -> Finding | None:
        """What the test says against the partition."""
        return self.everywhere or self.found.get(partition)

    def holds(self, partition: str) -> bool:
        """Whether the test holds the partition."""
        finding = self.finding(partition)
        return finding is not None and finding.blocks

    @property
    def blocks(self) -> bool:
        """Whether any partition is held by it."""
        findings = [self.everywhere] if self.everywhere else [*self.found.values()]
        return any(finding.blocks for finding in findings)

    def failure(self, partition: str) -> Failure | None:
        """What the test says against the partition, whether that blocks it or not; None for nothing."""
        finding = self.finding(partition)
        if finding is None:
            return None
        return Failure(finding.kind, self.test.name, f"{self.test.name}: {finding.why}")


def needs_judging(result: NodeResult) -> bool:
    """Whether there is more to say of a test than that it passed."""
    return result.status != "pass" or not result.thresholds.are_default


def attribute(
    session: Session, tests: Sequence[TestNode], results: Sequence[NodeResult], keys_of: KeysOf
) -> list[TestVerdict]:
    """A verdict for each test that says something against a partition. ``session`` reads what was tested."""
    by_id = {test.unique_id: test for test in tests}
    verdicts = []
    for result in results:
        test = by_id.get(result.unique_id)
        if test is not None and needs_judging(result):
            verdicts.append(_verdict(session, test, result, keys_of(test)))
    return [verdict for verdict in verdicts if verdict.everywhere or verdict.found]


def _verdict(session: Session, test: TestNode, result: NodeResult, keys: Collection[str] | None) -> TestVerdict:
    was_evaluated = result.status in ("pass", "fail", "warn") or result.has_no_number
    if test.is_unit_test or not was_evaluated or not result.compiled_sql:
        return _as_dbt_says(test, result, result.message.strip() or result.status)
    said = counted(result.failures, "row fails", "rows fail")
    if not result.thresholds.are_default:
        said = " ".join(result.message.split()) or said
    if keys is None:
        return _as_dbt_says(test, result, said)
    try:
        judged, of_none = read(session.execute(judging(result.compiled_sql, result.thresholds)))
    except StatementFailed:
        of_default = "its rows do not name their partition"
        why = of_default if result.thresholds.are_default else f"{of_default}, or its fail_calc is none of a group"
        return _as_dbt_says(test, result, f"{said}, and {why}")
    if None in judged:
        return _as_dbt_says(test, result, f"{said}, some of which belong to no partition")
    # a test that looks at the whole table also finds what other runs left: that is reported by their verdicts
    found = {key: _finding(test, result, judged.get(key, of_none)) for key in keys}
    return TestVerdict(test, {key: finding for key, finding in found.items() if finding is not None})


def _as_dbt_says(test: TestNode, result: NodeResult, why: str) -> TestVerdict:
    """The status that dbt has for all rows, for all partitions."""
    if result.status == "pass":
        return TestVerdict(test)
    blocks = test.blocks and result.status != "warn"
    kind = Kind.MISCONFIGURED if test.is_unit_test or result.is_error else Kind.REJECTED
    return TestVerdict(test, everywhere=Finding(result.failures, blocks, why, kind))


def _finding(test: TestNode, result: NodeResult, judged: Judged) -> Finding | None:
    """What dbt would say of the rows of one partition."""
    thresholds = result.thresholds
    if judged.failures is None:
        # dbt takes it for an error of the test
        return Finding(judged.rows, test.blocks, judged.why("error_if", thresholds), Kind.MISCONFIGURED)
    if test.blocks and judged.should_error:
        return Finding(judged.rows, test.blocks, judged.why("error_if", thresholds))
    if judged.should_warn:
        return Finding(judged.rows, test.blocks and result.warnings_fail, judged.why("warn_if", thresholds))
    return None
