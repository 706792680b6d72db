"""Which partitions made a test fail: its own SQL, grouped by the partition column.

A test whose rows have no such column, an error in its SQL, and a unit test cannot be attributed to one partition: they
block all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from platform_assets.dbt.graph import TestNode
from platform_assets.dbt.invocation import NodeResult
from platform_assets.failures import Failure, Kind
from platform_assets.warehouse.errors import StatementFailed
from platform_assets.warehouse.protocol import PARTITION, Session
from platform_assets.wording import counted


@dataclass(frozen=True)
class TestVerdict:
    """A failed or warning test: the rows that failed by partition, or ``everywhere`` with the reason."""

    test: TestNode
    blocks: bool
    failures: dict[str, int]
    everywhere: str = ""

    error: bool = False
    """Whether the test itself could not be carried out."""

    def failure(self, partition: str) -> Failure | None:
        """Why the partition is blocked by this test; None if it is not."""
        kind = Kind.MISCONFIGURED if self.error or self.test.is_unit_test else Kind.REJECTED
        if self.everywhere:
            return Failure(kind, self.test.name, f"{self.test.name}: {self.everywhere}")
        count = self.failures.get(partition)
        if count is None:
            return None
        return Failure(kind, self.test.name, f"{self.test.name}: {counted(count, 'row fails', 'rows fail')}")


def attribute(
    session: Session, tests: Sequence[TestNode], results: Sequence[NodeResult], keys: Sequence[str]
) -> list[TestVerdict]:
    """A verdict for each test that did not pass. ``session`` reads the warehouse that was tested."""
    by_id = {test.unique_id: test for test in tests}
    verdicts: list[TestVerdict] = []
    for result in results:
        test = by_id.get(result.unique_id)
        if test is None or result.status == "pass":
            continue
        blocks = test.blocks and result.status != "warn"
        if test.is_unit_test or result.status not in ("fail", "warn") or not result.compiled_sql:
            why = result.message.strip() or result.status
            verdicts.append(TestVerdict(test, blocks, {}, everywhere=why, error=result.is_error))
            continue
        verdicts.append(_grouped(session, test, blocks, result, set(keys)))
    return verdicts


def failing_rows_by_partition(test_sql: str) -> str:
    """The query that counts the rows a test returns, by partition."""
    return f"SELECT {PARTITION}, count(*) FROM ({test_sql}\n) AS failing GROUP BY 1"


def _grouped(session: Session, test: TestNode, blocks: bool, result: NodeResult, keys: set[str]) -> TestVerdict:
    assert result.compiled_sql is not None
    count = counted(result.failures, "row fails", "rows fail")
    try:
        rows = session.execute(failing_rows_by_partition(result.compiled_sql))
    except StatementFailed:
        return TestVerdict(test, blocks, {}, everywhere=f"{count}, and its rows do not name their partition")
    if any(partition is None for partition, _ in rows):
        return TestVerdict(test, blocks, {}, everywhere=f"{count}, some of which belong to no partition")
    # a test that looks at the whole table also finds what other runs left: that is reported by their verdicts
    failures = {str(partition): int(number) for partition, number in rows if partition in keys}
    return TestVerdict(test, blocks, failures)
