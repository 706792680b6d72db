"""Batch rules say the same to every warehouse, and to DuckDB what they have always said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from sqlglot import parse_one

from platform_assets.contracts.conditions import (
    Breaches,
    Copies,
    Count,
    CountOf,
    InvalidValues,
    MissingValues,
    NullValues,
)
from platform_assets.contracts.model import BatchRule, Bounds, LogicalType, Metric, Reference
from platform_assets.sql.batch_rules import (
    aggregate,
    duplicates_query,
    expression_query,
    scalar_query,
    unreferenced_query,
)
from platform_assets.sql.contract_file import parse_contract
from platform_assets.sql.dialects import Dialect
from platform_assets.sql.first_text import query_text, row_text
from platform_assets.sql.row_rules import condition
from tests.sql.rules_contract import RULES

CONTRACT = parse_contract(RULES, Path("rules.yaml"))
ROWS = """
SELECT * FROM (VALUES
    ('ada@example.com', 0.50, 7, DATE '2013-01-01', TIMESTAMPTZ '2013-01-01 00:00:00+02:00', true, 'p'),
    ('it''s', 1.00, 14, DATE '2013-02-01', TIMESTAMPTZ '2013-01-01 00:00:00+00:00', false, 'p'),
    ('{table}', 2.50, 14, DATE '2013-02-01', NULL, true, 'p'),
    ('q"q', 2.75, 5, DATE '2013-02-02', NULL, NULL, 'q'),
    ('''quoted', NULL, 5, NULL, NULL, NULL, 'q'),
    ('n/a', NULL, NULL, NULL, NULL, NULL, 'q'),
    ('-', NULL, NULL, NULL, NULL, NULL, 'q'),
    ('', 1.00, 4, DATE '2013-02-02', NULL, true, 'q'),
    (NULL, NULL, NULL, NULL, NULL, NULL, 'q')
) AS t (mail, "a ""b"" {column}", n, day, "at", ok, _partition)
"""
ANY = Bounds()


@pytest.fixture(scope="module", name="engine")
def _engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as engine:
        engine.execute(f"CREATE TABLE rules AS {ROWS}")
        yield engine


def rule(metric: Metric, *columns: str, query: str | Count | None = None) -> BatchRule:
    return BatchRule("r", metric, ANY, columns, reference=Reference("raw/p", ("x", "y")), query=query)


SQL_RULES = [one for one in CONTRACT.batch_rules if one.metric is Metric.SQL]


@pytest.mark.parametrize("one", SQL_RULES, ids=lambda one: one.name)
@pytest.mark.parametrize("rows", ["rules", "(SELECT * FROM rules WHERE _partition = 'p')", "(FROM rules LIMIT 0)"])
def test_what_is_measured_is_what_the_first_version_measured(
    engine: duckdb.DuckDBPyConnection, one: BatchRule, rows: str
) -> None:
    first = (query_text(one) or "").strip().rstrip(";").replace("{table}", rows)
    assert engine.execute(scalar_query(one, rows)).fetchall() == engine.execute(first).fetchall()


def test_what_is_measured_on_real_rows(engine: duckdb.DuckDBPyConnection) -> None:
    measured = {one.name: engine.execute(scalar_query(one, "rules")).fetchall()[0][0] for one in SQL_RULES}
    assert measured == {
        'duplicate_values:n,day,a "b" {column}': 2,
        "sql": 14,
        "expression_1": 3,
        "missing_values:mail": pytest.approx(400 / 9),
        "missing_values:mail_2": 1,
        "missing_values:mail_3": 2,
        "missing_values:mail_4": 1,
        "null_values:mail": 1,
        "sql:mail": 1,
        'invalid_values:a "b" {column}': pytest.approx(200 / 9),
        'invalid_values:a "b" {column}_2': 2,
        "duplicate_values:day": 5,
        "invalid_values:ok": 1,
    }


@pytest.mark.parametrize("one", CONTRACT.row_expressions, ids=lambda one: one.name)
def test_a_row_rule_is_what_it_was_in_the_first_version(engine: duckdb.DuckDBPyConnection, one: object) -> None:
    now, first = condition(one), row_text(one.expression).replace("{' || 'table}", "{table}")  # type: ignore[attr-defined]
    rows = engine.execute(f"SELECT ({now}\n), ({first}\n) FROM rules").fetchall()
    assert all(row[0] is row[1] for row in rows)
    assert len({row[0] for row in rows}) > 1, "it tells rows apart"


def test_every_partition_is_measured_by_one_statement(engine: duckdb.DuckDBPyConnection) -> None:
    wanted = "(SELECT unnest(['p', 'q', 'none']) AS partition_key)"

    def by_partition(query: Count) -> dict[str, float]:
        sql = expression_query(rule(Metric.SQL, query=query), "rules", "_partition", wanted)
        return dict(engine.execute(sql).fetchall())

    assert by_partition(CountOf(NullValues("mail"))) == {"p": 0, "q": 1, "none": 0}
    assert by_partition(CountOf(NullValues("n"), percent=True)) == {"p": 0, "q": 50, "none": 0}
    assert by_partition(Copies(("n", "day"))) == {"p": 1, "q": 2, "none": 0}
    assert by_partition(Breaches("n > 5 -- why")) == {"p": 0, "q": 3, "none": 0}
    copies = duplicates_query(rule(Metric.DUPLICATE_FRACTION, "n", "day"), "rules", "_partition")
    assert dict(engine.execute(copies).fetchall()) == {"p": pytest.approx(1 / 3), "q": pytest.approx(1 / 3)}
    engine.execute("CREATE OR REPLACE TEMP TABLE p AS SELECT 14 AS x, DATE '2013-02-01' AS y")
    orphans = unreferenced_query(rule(Metric.UNREFERENCED_ROWS, "n", "day"), "rules", "_partition", '"p"')
    assert dict(engine.execute(orphans).fetchall()) == {"p": 1, "q": 2}


TEXTS: dict[str, tuple[BatchRule, tuple[str, str, str]]] = {
    "null_fraction": (
        rule(Metric.NULL_FRACTION, "a", 'b"'),
        (
            'CAST(SUM(CASE WHEN "a" IS NULL OR "b""" IS NULL THEN 1 ELSE 0 END) AS DOUBLE) / COUNT(*)',
            'CAST(SUM(CASE WHEN "a" IS NULL OR "b""" IS NULL THEN 1 ELSE 0 END) AS DOUBLE PRECISION) / COUNT(*)',
            'CAST(SUM(CASE WHEN "a" IS NULL OR "b""" IS NULL THEN 1 ELSE 0 END) AS DOUBLE) / COUNT(*)',
        ),
    ),
    "mean": (
        rule(Metric.MEAN, "a"),
        ('CAST(AVG("a") AS DOUBLE)', 'CAST(AVG("a") AS DOUBLE PRECISION)', 'CAST(AVG("a") AS DOUBLE)'),
    ),
    "row_count": (rule(Metric.ROW_COUNT), ("COUNT(*)", "COUNT(*)", "COUNT(*)")),
}


@pytest.mark.parametrize("name", TEXTS)
def test_an_aggregate_in_each_dialect(name: str) -> None:
    one, texts = TEXTS[name]
    assert tuple(aggregate(one, dialect) for dialect in Dialect) == texts


BAD = "SELECT COALESCE(SUM(CASE WHEN {} THEN 1 ELSE 0 END), 0) FROM (rows) AS r"
COUNTS: dict[str, tuple[Count, tuple[str, str, str]]] = {
    "missing": (
        CountOf(MissingValues("a", ("", "it's\\"), nulls=True)),
        (
            BAD.format("\"a\" IS NULL OR CAST(\"a\" AS TEXT) IN ('', 'it''s\\')"),
            BAD.format("\"a\" IS NULL OR CAST(\"a\" AS VARCHAR) IN ('', 'it''s\\')"),
            BAD.format("\"a\" IS NULL OR CAST(\"a\" AS VARCHAR) IN ('', 'it\\'s\\\\')"),
        ),
    ),
    "not matching": (
        CountOf(InvalidValues("a", LogicalType.STRING, pattern=r"^\d")),
        (
            BAD.format(r""""a" IS NOT NULL AND NOT REGEXP_MATCHES(CAST("a" AS TEXT), '^\d')"""),
            BAD.format(r""""a" IS NOT NULL AND NOT CAST("a" AS VARCHAR) ~ '^\d'"""),
            BAD.format(r""""a" IS NOT NULL AND NOT REGEXP_INSTR(CAST("a" AS VARCHAR), '^\\d') > 0"""),
        ),
    ),
    "not listed": (
        CountOf(InvalidValues("a", LogicalType.TIMESTAMP, ("2013-01-01 00:00:00",))),
        (
            BAD.format('"a" IS NOT NULL AND NOT "a" IN (CAST(\'2013-01-01 00:00:00\' AS TIMESTAMP))'),
            BAD.format('"a" IS NOT NULL AND NOT "a" IN (CAST(\'2013-01-01 00:00:00\' AS TIMESTAMP))'),
            BAD.format('"a" IS NOT NULL AND NOT "a" IN (CAST(\'2013-01-01 00:00:00\' AS TIMESTAMPNTZ))'),
        ),
    ),
    "copies": (
        Copies(("a",)),
        ('SELECT COALESCE(SUM(_copies - 1), 0) FROM (SELECT COUNT(*) AS _copies FROM (rows) AS r GROUP BY "a") AS g',)
        * 3,
    ),
}


@pytest.mark.parametrize("name", COUNTS)
def test_a_count_in_each_dialect(name: str) -> None:
    query, texts = COUNTS[name]
    assert tuple(scalar_query(rule(Metric.SQL, query=query), "(rows)", dialect) for dialect in Dialect) == texts


@pytest.mark.parametrize("dialect", Dialect)
def test_whole_statements_are_ones_of_their_dialect(dialect: Dialect) -> None:
    made = [
        duplicates_query(rule(Metric.DUPLICATE_FRACTION, "a"), "rel", "_partition", dialect),
        unreferenced_query(rule(Metric.UNREFERENCED_ROWS, "a", "b"), "rel", "_partition", '"raw"."p"', dialect),
        *(expression_query(one, "rel", "_partition", "wanted", dialect) for one in SQL_RULES),
    ]
    for statement in made:
        parse_one(statement, read=dialect.value)
    double = "DOUBLE PRECISION" if dialect is Dialect.POSTGRES else "DOUBLE"
    assert made[0] == (
        f'SELECT "_partition", CAST(SUM(_copies) - COUNT(*) AS {double}) / SUM(_copies) FROM (SELECT "_partition", '
        'COUNT(*) AS _copies FROM rel AS r GROUP BY "_partition", "a") AS g GROUP BY "_partition"'
    )
    assert made[1] == (
        'SELECT "_partition", COUNT(*) FROM rel AS r WHERE r."a" IS NOT NULL AND r."b" IS NOT NULL AND NOT EXISTS('
        'SELECT 1 FROM "raw"."p" AS p WHERE r."a" = p."x" AND r."b" = p."y") GROUP BY "_partition"'
    )
