"""A test's thresholds, judged partition by partition by the warehouse itself, with the SQL that dbt makes of them.

dbt compares `fail_calc` over all rows of a test with `warn_if` and `error_if`. Here the same expressions are evaluated
for the rows of each partition, and once for a partition of which the test returns no row. A `limit` is no part of the
compiled SQL of a test: the rows of one partition hide those of no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from platform_assets.warehouse.protocol import PARTITION_NAME
from platform_assets.wording import counted

TRUE = ("y", "yes", "t", "true", "on", "1")
"""The texts that dbt takes for true where a warehouse gives a text."""


@dataclass(frozen=True)
class Thresholds:
    """How the number of failures is made of a test's rows, and what it is compared with: SQL, as configured in dbt."""

    fail_calc: str = "count(*)"
    warn_if: str = "!= 0"
    error_if: str = "!= 0"

    @property
    def are_default(self) -> bool:
        """Whether any row fails the test, and no row passes it."""
        return self == DEFAULT


DEFAULT = Thresholds()


@dataclass(frozen=True)
class Judged:
    """What the warehouse says of the rows of one partition. ``failures`` is None without a whole number."""

    rows: int
    failures: int | None
    should_warn: bool
    should_error: bool

    def why(self, limit: str, thresholds: Thresholds) -> str:
        """In words, where ``limit``, a threshold of these, is passed."""
        counts = counted(self.rows, "row fails", "rows fail")
        if self.failures is None:
            return f"{counts}, and fail_calc {thresholds.fail_calc} gives no whole number: use coalesce(..., 0)"
        if thresholds.are_default:
            return counts
        if thresholds.fail_calc != DEFAULT.fail_calc:
            counts = f"{counts}, {thresholds.fail_calc} is {self.failures}"
        return f"{counts}, configured to {'fail' if limit == 'error_if' else 'warn'} if {getattr(thresholds, limit)}"


def judging(test_sql: str, thresholds: Thresholds) -> str:
    """The query that judges the rows of a test by partition: one statement, one row a partition, and one for no rows.

    Columns: the partition (text), 1 for rows and 0 for none, how many, the failures, whether to warn, whether to fail.
    """
    calc = thresholds.fail_calc
    judged = (
        f"{calc}, {calc} {thresholds.warn_if}, {calc} {thresholds.error_if} FROM ({test_sql}\n) AS dbt_internal_test"
    )
    key = f"CAST({PARTITION_NAME} AS VARCHAR)"
    return f"SELECT {key}, 1, count(*), {judged} GROUP BY 1 UNION ALL SELECT NULL, 0, count(*), {judged} WHERE 1 = 0"


def read(rows: Sequence[Sequence[Any]]) -> tuple[dict[str | None, Judged], Judged]:
    """The rows of :func:`judging`: what is said of each partition that has rows, and of one without any."""
    judged = {key: _judged(row) for key, has_rows, *row in rows if has_rows}
    return judged, next(_judged(row) for _, has_rows, *row in rows if not has_rows)


def _judged(row: Sequence[Any]) -> Judged:
    rows, failures, should_warn, should_error = row
    try:
        number = None if failures is None or int(failures) != failures else int(failures)
    except (TypeError, ValueError):
        number = None
    return Judged(int(rows), number, _true(should_warn), _true(should_error))


def _true(value: Any) -> bool:
    return value.strip().lower() in TRUE if isinstance(value, str) else bool(value)
