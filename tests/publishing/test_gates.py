"""What batch rules measure and how they judge, through publish, on real files."""

from __future__ import annotations

import math
import statistics

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_assets.contracts.model import BatchRule, Bounds, Metric, Reference
from platform_assets.contracts.severity import Severity
from platform_assets.failures import Kind
from platform_assets.publishing.gates import audit
from platform_assets.publishing.metrics import Measured
from platform_assets.publishing.verdicts import Candidate, CheckResult, Verdict
from platform_assets.warehouse.protocol import TableName, Warehouse
from tests.publishing.support import ASSET, Lake, content, load, states

ANY = Bounds(None, None)


def values(verdict: Verdict) -> dict[str, float | None]:
    return {check.name: check.value for check in verdict.checks}


def dirty(lake: Lake) -> Candidate:
    """Five rows with nulls and copies in them."""
    path = lake.folder / "dirty.parquet"
    duckdb.cursor().execute(
        f"""COPY (SELECT CAST(id AS BIGINT) AS id, CAST(v AS VARCHAR) AS v, CAST(x AS DOUBLE) AS x FROM (VALUES
        (1, 'a', 1.0), (1, 'a', 3.0), (2, NULL, NULL), (NULL, NULL, 5.0), (NULL, NULL, 7.0)) AS t(id, v, x))
        TO '{path}'"""
    )
    return Candidate("p", "v1", (str(path),), 5)


def test_every_metric_has_the_value_it_is_named_for(warehouse: Warehouse, lake: Lake) -> None:
    load(warehouse, lake.candidate("x", "v1", rows=2), asset="raw/parents", table=TableName("raw", "parents"))
    parents = Reference("raw/parents", ("id",))
    above_mean = "SELECT count(*) FROM {table} WHERE x > (SELECT avg(x) FROM {table});"
    rules = [
        BatchRule("rows", Metric.ROW_COUNT, ANY),
        BatchRule("null_v", Metric.NULL_FRACTION, ANY, columns=("v",)),
        BatchRule("null_any", Metric.NULL_FRACTION, ANY, columns=("id", "x")),
        BatchRule("dup", Metric.DUPLICATE_FRACTION, ANY, columns=("id",)),
        BatchRule("dup_two", Metric.DUPLICATE_FRACTION, ANY, columns=("id", "x")),
        BatchRule("mean", Metric.MEAN, ANY, columns=("x",)),
        BatchRule("sum", Metric.SUM, ANY, columns=("x",)),
        BatchRule("orphans", Metric.UNREFERENCED_ROWS, ANY, columns=("id",), reference=parents),
        BatchRule("sql", Metric.SQL, ANY, query="SELECT max(x) - min(x) FROM {table} t WHERE t.id IS NULL -- why"),
        BatchRule("sql_twice", Metric.SQL, ANY, query=above_mean),
    ]
    (verdict,) = load(warehouse, dirty(lake), rules=rules)
    assert values(verdict) == {
        "rows": 5,
        "null_v": 0.6,
        "null_any": 0.6,
        "dup": pytest.approx(0.4),  # one copy of 1, one of null
        "dup_two": 0,
        "mean": 4,
        "sum": 16,
        "orphans": 1,  # the 2; a null refers to nothing
        "sql": 2,
        "sql_twice": 2,
    }
    assert verdict.published


def test_a_rule_judges_each_partition_by_its_own_rows(warehouse: Warehouse, lake: Lake) -> None:
    candidates = [lake.candidate(f"d{i}", "v1", rows=i) for i in range(1, 7)]
    rules = [
        BatchRule("sql", Metric.SQL, Bounds(None, 4), query="SELECT count(*) FROM {table}"),
        BatchRule("mean", Metric.MEAN, Bounds(None, 2), columns=("x",)),
    ]
    verdicts = load(warehouse, *candidates, rules=rules)
    assert [values(v) for v in verdicts] == [{"sql": i, "mean": (i - 1) / 2} for i in range(1, 7)]
    assert states(verdicts) == ["published"] * 4 + ["rejected"] * 2


@pytest.mark.parametrize(
    ("metric", "columns", "expected"),
    [
        (Metric.ROW_COUNT, (), 0),
        (Metric.NULL_FRACTION, ("id",), 0),
        (Metric.DUPLICATE_FRACTION, ("id",), 0),
        (Metric.SUM, ("x",), 0),
        (Metric.MEAN, ("x",), None),
    ],
)
def test_a_partition_without_rows(
    warehouse: Warehouse, lake: Lake, metric: Metric, columns: tuple[str, ...], expected: float | None
) -> None:
    (verdict,) = load(
        warehouse, lake.candidate("a", "v1", rows=0), rules=[BatchRule("r", metric, ANY, columns=columns)]
    )
    assert values(verdict) == {"r": expected}
    # a mean of nothing does not exist, so no bounds can hold it
    assert verdict.published == (expected is not None)


@pytest.mark.parametrize("x", ["NULL", "'nan'::DOUBLE", "'inf'::DOUBLE"])
@pytest.mark.parametrize("metric", [Metric.MEAN, Metric.SUM])
def test_null_and_nan_fail_closed_under_any_bounds(warehouse: Warehouse, lake: Lake, x: str, metric: Metric) -> None:
    odd = lake.candidate("b", "v1", select=f"CAST(i AS BIGINT) AS id, 'v1' AS v, CAST({x} AS DOUBLE) AS x")
    for bounds in (ANY, Bounds(0, 1, negated=True)):
        verdicts = load(
            warehouse, lake.candidate("a", "v1"), odd, rules=[BatchRule("r", metric, bounds, columns=("x",))], run="r"
        )
        assert verdicts[1].state == "rejected"
        assert "which is no number" in verdicts[1].message


def test_an_error_in_a_rule_is_attributed_to_the_partition_it_comes_from(warehouse: Warehouse, lake: Lake) -> None:
    candidates = [lake.candidate(f"d{i}", "v1", rows=2) for i in range(9)]
    candidates[4] = lake.candidate("d4", "v1x", select="CAST(i AS BIGINT) AS id, 'not a number' AS v, 1.0::DOUBLE AS x")
    rules = [
        BatchRule("cast", Metric.SQL, ANY, query="SELECT sum(CAST(replace(v, 'v', '') AS INTEGER)) FROM {table}"),
        BatchRule("mean_of_text", Metric.MEAN, ANY, columns=("x",)),
    ]
    verdicts = load(warehouse, *candidates, rules=rules)
    assert [v.partition for v in verdicts if not v.published] == ["d4"]
    assert "could not be measured" in verdicts[4].message
    assert verdicts[4].failure is not None
    assert verdicts[4].failure.kind is Kind.REJECTED, "the rule can be measured on other rows"
    assert values(verdicts[4])["mean_of_text"] == 1
    assert values(verdicts[3]) == {"cast": 2, "mean_of_text": 1 / 2}


@pytest.mark.parametrize(
    "rule",
    [
        BatchRule("broken", Metric.SQL, ANY, query="SELEC 1"),
        BatchRule("broken", Metric.SQL, ANY, query="SELECT no_column FROM {table}"),
        BatchRule("broken", Metric.SQL, ANY, query="SELECT id FROM {table}"),
        BatchRule("broken", Metric.SQL, ANY, query="SELECT 'text'"),
        BatchRule("broken", Metric.SQL, ANY),
        BatchRule("broken", Metric.MEAN, ANY, columns=("v",)),
        BatchRule("broken", Metric.SUM, ANY, columns=("nowhere",)),
        BatchRule("broken", Metric.UNREFERENCED_ROWS, ANY, columns=("id",), reference=Reference("raw/never", ("id",))),
    ],
)
def test_a_rule_that_cannot_be_measured_rejects_and_spares_the_other_rules(
    warehouse: Warehouse, lake: Lake, rule: BatchRule
) -> None:
    fine = BatchRule("fine", Metric.MEAN, ANY, columns=("x",))
    verdicts = load(warehouse, *(lake.candidate(f"d{i}", "v1") for i in range(40)), rules=[rule, fine])
    several_rows = rule.query == "SELECT id FROM {table}"  # which it gives for some partitions, and not for others
    of_rule = Kind.REJECTED if several_rows else Kind.MISCONFIGURED
    for verdict in verdicts:
        assert verdict.failed_check is not None
        assert verdict.failed_check.name == "broken"
        assert verdict.failure is not None
        assert verdict.failure.kind is (Kind.NOT_DELIVERED if rule.reference is not None else of_rule)
        assert values(verdict)["fine"] == 1
    assert content(warehouse) == {}
    warned = BatchRule(
        rule.name, rule.metric, rule.bounds, rule.columns, None, rule.reference, rule.query, Severity.WARNING
    )
    assert states(load(warehouse, lake.candidate("w", "v1"), rules=[warned])) == ["published"]


def test_a_reference_is_looked_up_where_its_asset_is_published(warehouse: Warehouse, lake: Lake) -> None:
    rule = BatchRule(
        "known", Metric.UNREFERENCED_ROWS, Bounds(0, 0), columns=("id",), reference=Reference("ref", ("id",))
    )
    table = TableName("odd", "Some Table")
    load(warehouse, lake.candidate("s", "v1", rows=5), asset="ref", table=table)
    verdicts = load(warehouse, lake.candidate("a", "v1", rows=5), lake.candidate("b", "v1", rows=7), rules=[rule])
    assert states(verdicts) == ["published", "rejected"]
    assert values(verdicts[1]) == {"known": 2}


HALF_TO_DOUBLE = BatchRule("usual", Metric.ROW_COUNT, Bounds(0.5, 2), history=3)


def test_history_needs_three_earlier_partitions(warehouse: Warehouse, lake: Lake) -> None:
    sizes = [10, 1, 100, 10, 30, 10, 20]
    candidates = [lake.candidate(f"d{i}", "v1", rows=n) for i, n in enumerate(sizes)]
    verdicts = load(warehouse, *candidates, rules=[HALF_TO_DOUBLE])
    # d3: median of 10, 1, 100 is 10. d4: median of 1, 100, 10 is 10: three times. d5: d4 does not count, d6 neither
    assert states(verdicts) == ["published"] * 4 + ["rejected", "published", "published"]
    assert "1 earlier partitions, 3 are needed" in verdicts[1].checks[0].message
    assert "3 times the median 10 of 3 earlier partitions" in verdicts[4].message


def test_history_reads_what_was_published_before_and_not_what_comes_later(warehouse: Warehouse, lake: Lake) -> None:
    load(warehouse, *(lake.candidate(f"d{i}", "v1", rows=10) for i in (0, 1, 2)), rules=[])
    load(warehouse, *(lake.candidate(f"d{i}", "v1", rows=1000) for i in (7, 8, 9)), rules=[])
    verdicts = load(
        warehouse, lake.candidate("d5", "v1", rows=100), lake.candidate("d4", "v1", rows=9), rules=[HALF_TO_DOUBLE]
    )
    assert states(verdicts) == ["rejected", "published"]


def test_a_rejected_candidate_leaves_its_old_version_in_history(warehouse: Warehouse, lake: Lake) -> None:
    load(warehouse, *(lake.candidate(f"d{i}", "v1", rows=10) for i in range(5)), rules=[])
    changed = [lake.candidate(f"d{i}", "v2", rows=1000 if i in (3, 4) else 10) for i in range(5)]
    verdicts = load(warehouse, *changed, lake.candidate("d5", "v2", rows=12), rules=[HALF_TO_DOUBLE])
    assert states(verdicts) == ["published"] * 3 + ["rejected"] * 2 + ["published"]


def test_days_without_data_are_no_history(warehouse: Warehouse, lake: Lake) -> None:
    load(warehouse, *(lake.candidate(f"d{i}", "v1", rows=10) for i in (0, 2, 4)), rules=[])
    load(warehouse, *(Candidate(f"d{i}", "v1", state="not_due", reason="closed") for i in (1, 3, 5)), rules=[])
    (verdict,) = load(warehouse, lake.candidate("d6", "v1", rows=9), rules=[HALF_TO_DOUBLE])
    assert verdict.published
    assert verdict.checks[0].message == ""


def test_history_of_a_sum_is_that_of_its_column(warehouse: Warehouse, lake: Lake) -> None:
    rule = BatchRule("usual", Metric.SUM, Bounds(0.9, 1.1), columns=("x",), history=5)
    load(warehouse, *(lake.candidate(f"d{i}", "v1", rows=10) for i in range(4)), rules=[])
    select = "CAST(i AS BIGINT) AS id, 'v' AS v, 2.0 * i AS x"
    verdicts = load(
        warehouse, lake.candidate("d4", "v1", rows=10, select=select), lake.candidate("d5", "v1", rows=10), rules=[rule]
    )
    assert states(verdicts) == ["rejected", "published"]
    assert "90, 2 times the median 45 of 4" in verdicts[0].message
    assert verdicts[0].asset == ASSET


@settings(max_examples=150, deadline=None)
@given(
    published=st.dictionaries(st.integers(0, 12), st.one_of(st.none(), st.integers(0, 9)), max_size=12),
    batch=st.dictionaries(st.integers(0, 12), st.integers(0, 9), min_size=1, max_size=12),
    window=st.integers(1, 6),
    backwards=st.booleans(),
)
def test_judging_against_history_is_what_a_naive_reading_of_the_rule_gives(
    published: dict[int, int | None], batch: dict[int, int], window: int, backwards: bool
) -> None:
    rule = BatchRule("r", Metric.SUM, Bounds(0.5, 2), columns=("x",), history=window)
    old = {f"{k:02}": None if v is None else float(v) for k, v in published.items()}
    new = {f"{k:02}": float(v) for k, v in batch.items()}

    def measuring(source: dict[str, float | None] | dict[str, float]):  # type: ignore[no-untyped-def]
        return lambda rules, partitions: [Measured({p: source[p] for p in partitions}) for _ in rules]

    def place(key: str) -> float:
        return -float(key) if backwards else float(key)

    found = audit(
        [rule],
        list(new),
        refused={},
        published=list(old),
        measure_candidates=measuring(new),
        measure_published=measuring(old),
        order=place,
    )
    kept: dict[str, float | None] = {}
    for partition in sorted({*old, *new}, key=place):
        if partition not in new:
            kept[partition] = old[partition]
            continue
        earlier = [v for v in list(kept.values())[-window:] if v is not None]
        passed = True
        if len(earlier) >= 3:
            median, value = statistics.median(earlier), new[partition]
            ratio = value / median if median else (1.0 if value == 0 else math.inf)
            passed = 0.5 <= ratio <= 2
        check: CheckResult = found[partition][0]
        assert check.passed == passed, partition
        if passed:
            kept[partition] = new[partition]
        elif partition in old:
            kept[partition] = old[partition]
