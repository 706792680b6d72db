"""Batch rules of a contract, compiled for the warehouse that audits them: what is measured on each partition.

A relation is text that can stand behind FROM, in the dialect asked for, with the columns of the table and the column
``partition``. What is generated is made of sqlglot's expressions; what a contract's author wrote is translated.
"""

from __future__ import annotations

from sqlglot import exp

from platform_assets.contracts.conditions import Breaches, Copies, CountOf
from platform_assets.contracts.model import BatchRule, Metric
from platform_assets.sql.dialects import Dialect, text_of
from platform_assets.sql.identifiers import quoted
from platform_assets.sql.translation import translated
from platform_assets.sql.value_rules import counted, given, named

DOUBLE = exp.DataType.Type.DOUBLE
_COPIES = "_copies"
"""How many rows have a key; names that begin with `_` are no column's."""


def aggregate(rule: BatchRule, dialect: Dialect = Dialect.DUCKDB) -> str | None:
    """The metric as an aggregate expression, or None when one GROUP BY over the rows cannot give it."""
    found = _aggregate(rule)
    return None if found is None else text_of(found, dialect)


def duplicates_query(rule: BatchRule, relation: str, partition: str, dialect: Dialect = Dialect.DUCKDB) -> str:
    """By partition, rows that are a further copy of a key, as a fraction of all rows; nulls count as equal."""
    key = _grouping(partition)
    copies = exp.column(_COPIES)
    groups = (
        exp.select(key, exp.alias_(_count(), _COPIES))
        .from_(_relation(relation, "r"))
        .group_by(key, *map(named, rule.columns))
    )
    further = exp.cast(exp.Sub(this=exp.Sum(this=copies), expression=_count()), DOUBLE)
    share = exp.Div(this=further, expression=exp.Sum(this=copies))
    return text_of(exp.select(key, share).from_(groups.subquery("g")).group_by(key), dialect)


def unreferenced_query(
    rule: BatchRule, relation: str, partition: str, table: str, dialect: Dialect = Dialect.DUCKDB
) -> str:
    """By partition, rows whose key is not in ``table``, a quoted name.

    A key with a null in it refers to nothing, as in SQL's foreign keys.
    """
    if rule.reference is None:
        raise ValueError(f"rule {rule.name!r} refers to no table")
    pairs = zip(rule.columns, rule.reference.columns, strict=True)
    same = [exp.EQ(this=named(our, "r"), expression=named(their, "p")) for our, their in pairs]
    complete = [given(named(our, "r")) for our in rule.columns]
    there = exp.select("1").from_(_relation(table, "p")).where(*same)
    query = (
        exp.select(_grouping(partition), _count())
        .from_(_relation(relation, "r"))
        .where(*complete, exp.not_(exp.Exists(this=there)))
        .group_by(_grouping(partition))
    )
    return text_of(query, dialect)


def expression_query(
    rule: BatchRule, relation: str, partition: str, wanted: str, dialect: Dialect = Dialect.DUCKDB
) -> str:
    """The rule's scalar query for every ``partition_key`` in ``wanted``, as one correlated statement."""
    key = f"_wanted.{quoted('partition_key', dialect)}"
    rows = f"(SELECT * FROM {relation} AS _rows WHERE _rows.{quoted(partition, dialect)} = {key})"
    double = text_of(exp.DataType.build("DOUBLE"), dialect)
    # the line break ends a comment with which the query may end
    return f"SELECT {key}, CAST((\n{scalar_query(rule, rows, dialect)}\n) AS {double}) FROM {wanted} AS _wanted"


def scalar_query(rule: BatchRule, rows: str, dialect: Dialect = Dialect.DUCKDB) -> str:
    """The query of a rule with the metric SQL, over ``rows``: text for FROM that may be repeated.

    Raises:
        NotTranslated: if the contract's own SQL cannot be said in ``dialect``.
    """
    query = rule.query
    if query is None:
        return ""
    if isinstance(query, str):
        written = query.strip().rstrip(";")
        if rule.columns:
            written = written.replace("{column}", quoted(rule.columns[0]))
        return translated(written, rows, dialect)
    if isinstance(query, Breaches):
        return translated(
            f"SELECT coalesce(sum(CASE WHEN NOT ({query.expression}\n) THEN 1 ELSE 0 END), 0) FROM {{table}}",
            rows,
            dialect,
        )
    source = _relation(rows, "r")
    if isinstance(query, Copies):
        groups = exp.select(exp.alias_(_count(), _COPIES)).from_(source).group_by(*map(named, query.columns))
        further = exp.Sum(this=exp.Sub(this=exp.column(_COPIES), expression=exp.Literal.number(1)))
        return text_of(exp.select(_or_zero(further)).from_(groups.subquery("g")), dialect)
    return text_of(exp.select(_or_zero(_rows_with(query, dialect))).from_(source), dialect)


def _aggregate(rule: BatchRule) -> exp.Expr | None:
    columns = list(map(named, rule.columns))
    if rule.metric is Metric.ROW_COUNT:
        return _count()
    if rule.metric is Metric.NULL_FRACTION:
        anywhere = exp.or_(*(exp.Is(this=column, expression=exp.null()) for column in columns))
        return exp.Div(this=exp.cast(_sum_of(anywhere), DOUBLE), expression=_count())
    if rule.metric is Metric.MEAN:
        return exp.cast(exp.Avg(this=columns[0]), DOUBLE)
    if rule.metric is Metric.SUM:
        return exp.cast(exp.Sum(this=columns[0]), DOUBLE)
    return None


def _rows_with(count: CountOf, dialect: Dialect) -> exp.Expr:
    rows = _sum_of(counted(count.values, dialect))
    if not count.percent:
        return rows
    hundredfold = exp.Mul(this=exp.Literal.number("100.0"), expression=rows)
    return exp.Div(this=hundredfold, expression=exp.Nullif(this=_count(), expression=exp.Literal.number(0)))


def _sum_of(condition: exp.Expr) -> exp.Expr:
    one, none = exp.Literal.number(1), exp.Literal.number(0)
    return exp.Sum(this=exp.Case(ifs=[exp.If(this=condition, true=one)], default=none))


def _or_zero(value: exp.Expr) -> exp.Expr:
    return exp.Coalesce(this=value, expressions=[exp.Literal.number(0)])


def _count() -> exp.Expr:
    return exp.Count(this=exp.Star())


def _grouping(partition: str) -> exp.Expr:
    return exp.column(exp.to_identifier(partition, quoted=True))


def _relation(text: str, alias: str) -> exp.Expr:
    """``text`` behind FROM as it is."""
    return exp.alias_(exp.Table(this=exp.Var(this=text)), alias, table=True)
