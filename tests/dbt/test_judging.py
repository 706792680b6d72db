"""Thresholds in SQL: each partition is judged as dbt's own statement judges its rows alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_assets.dbt.thresholds import Judged, Thresholds, judging, read
from platform_assets.warehouse.protocol import Session
from tests.support.engines import ENGINES, warehouse_of

ROWS = {"a": [1, 2, 3], "b": [5], "c": [], "d'x": [0, 0]}
"""Amounts of the rows that fail, by partition."""
THRESHOLDS = [
    Thresholds(),
    Thresholds(error_if="> 1"),
    Thresholds(warn_if=">= 1", error_if="between 2 and 2"),
    Thresholds(warn_if="= 0", error_if="< 1"),
    Thresholds("sum(amount)", "> 0", "> 5"),
    Thresholds("coalesce(max(amount), 0)", "!= 0", "= 5 or 1 = 2"),
    Thresholds("case when count(*) > 2 then count(*) else 0 end", "> 0", "> 2"),
]


def failing(partitions: dict[str, list[int]]) -> str:
    rows = [f"('{key.replace(chr(39), 2 * chr(39))}', {n})" for key, numbers in partitions.items() for n in numbers]
    values = ", ".join(rows or ["('none', 1)"])
    where = "" if rows else " WHERE 1 = 0"
    return f'SELECT v."k" AS "_partition", v."n" AS amount FROM (VALUES {values}) AS v("k", "n"){where} -- a comment'


def as_dbt_does(session: Session, sql: str, thresholds: Thresholds) -> tuple[object, ...]:
    """What `get_test_sql` gives for all rows of a test."""
    calc = thresholds.fail_calc
    ((failures, warn, error),) = session.execute(
        f"select {calc} as failures, {calc} {thresholds.warn_if} as should_warn, "
        f"{calc} {thresholds.error_if} as should_error from (\n{sql}\n) dbt_internal_test"
    )
    return failures, bool(warn), bool(error)


@pytest.mark.parametrize("engine", [ENGINES[0], *(pytest.param(e, marks=pytest.mark.slow) for e in ENGINES[1:])])
def test_each_partition_is_judged_as_dbt_judges_it_alone(
    tmp_path: Path, request: pytest.FixtureRequest, engine: str
) -> None:
    with warehouse_of(engine, tmp_path, request).session() as session:
        for thresholds in THRESHOLDS:
            judged, of_none = read(session.execute(judging(failing(ROWS), thresholds)))
            assert judged.keys() == {key for key, rows in ROWS.items() if rows}
            for key, rows in ROWS.items():
                found = judged.get(key, of_none)
                assert found.rows == len(rows)
                alone = as_dbt_does(session, failing({key: rows}), thresholds)
                assert (found.failures, found.should_warn, found.should_error) == alone, (thresholds, key)


@pytest.mark.parametrize(
    ("row", "judged"),
    [
        (("a", 1, 2, 2, "true", "False"), Judged(2, 2, should_warn=True, should_error=False)),
        (("a", 1, 2, 2.5, 1, 0), Judged(2, None, should_warn=True, should_error=False)),
        (("a", 1, 2, "2x", None, None), Judged(2, None, should_warn=False, should_error=False)),
    ],
)
def test_what_a_warehouse_gives_is_read_as_dbt_reads_it(row: tuple[object, ...], judged: Judged) -> None:
    nothing = (None, 0, 0, 0, False, False)
    assert read([row, nothing]) == ({"a": judged}, Judged(0, 0, should_warn=False, should_error=False))
