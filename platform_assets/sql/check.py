"""Tries out the SQL and the regular expressions of a contract, so that their mistakes are reported when it is read.

They are run on a table with the contract's columns and no rows, in an in-memory database that can reach neither
files nor the network.
"""

from __future__ import annotations

import contextlib
import functools
import math
import threading
from collections.abc import Iterator
from decimal import ROUND_FLOOR, Decimal, localcontext
from typing import TYPE_CHECKING, Any

from platform_assets.contracts.model import BatchRule, Column, Contract, LogicalType, Metric, RowExpression
from platform_assets.contracts.plain_values import fits_double
from platform_assets.contracts.problems import Findings, Path_
from platform_assets.sql.batch_rules import aggregate, scalar_query
from platform_assets.sql.clock import volatile_calls
from platform_assets.sql.dialects import text_of
from platform_assets.sql.identifiers import Unwritable, quoted
from platform_assets.sql.literals import literal
from platform_assets.sql.row_rules import condition, row_checks
from platform_assets.sql.types import raw_columns, sql_type
from platform_assets.sql.value_rules import typed, value_rule_texts

if TYPE_CHECKING:
    import duckdb

_lock = threading.Lock()


def check_sql(contract: Contract, path: Path_, findings: Findings) -> None:
    """Add a problem for each pattern, limit, row expression and batch rule that no delivery could be held to."""
    for place, sql in findings.written:
        for _, call in volatile_calls(sql):
            findings.note(place, f"{call} makes the verdict on a partition depend on when it is loaded")
    for index, column in enumerate(contract.columns):
        with _writable(findings, (*path, "properties", index), "column"):
            _check_column(column, (*path, "properties", index), findings)
    if findings.problems:
        return  # a table of columns that cannot be read shows nothing
    for row_rule in contract.row_expressions:
        with _writable(findings, path, f"rule {row_rule.name!r}"):
            condition(row_rule)
    if findings.problems:
        return
    columns = ", ".join(f"CAST(NULL AS {sql_type(column)}) AS {quoted(column.name)}" for column in contract.columns)
    for check, row_rule in zip(row_checks(contract), contract.row_expressions, strict=True):
        what = f"rule {row_rule.name!r}"
        # in the very form in which a file is read: aggregates and windows are not for rows
        if _try(f"SELECT 1 FROM (SELECT {columns} LIMIT 0) WHERE {check.sql}", findings, path, what) is not None:
            _check_meaning(row_rule, columns, path, findings)
    written = {name for name, _, _ in raw_columns(contract)}
    table = ", ".join(f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, kind, _ in raw_columns(contract))
    for rule in contract.batch_rules:
        gone = [name for name in rule.columns if name not in written]
        if gone:
            findings.problem(path, f"rule {rule.name!r} needs {gone[0]!r}, which is dropped before it is audited")
        else:
            with _writable(findings, path, f"rule {rule.name!r}"):
                _try(_batch_query(rule, table), findings, path, f"rule {rule.name!r}")


def _check_column(column: Column, path: Path_, findings: Findings) -> None:
    options = (*path, "logicalTypeOptions")
    if column.pattern is not None:
        pattern = f"SELECT regexp_matches('', {literal(column.pattern)})"
        if _try(pattern, findings, (*options, "pattern"), "pattern") is None:
            return
    if column.format is not None:
        form = literal(column.format)
        written = f"strftime(TIMESTAMP '2013-02-03 04:05:06', {form})"
        _try(f"SELECT try_strptime({written}, {form})", findings, (*options, "format"), "format")
    both = set(column.true_values) & set(column.false_values)
    if both and not findings.problems:
        findings.problem(path, f"{sorted(both)[0]!r} is a word for true and for false")
    _check_limits(column, options, findings)
    kind = sql_type(column)
    for index, value in enumerate(column.allowed_values):
        rows = _try(
            f"SELECT TRY_CAST({literal(value)} AS {kind}) = {text_of(typed(column.type, value))}",
            findings,
            path,
            "enum",
        )
        lost = column.type is LogicalType.NUMBER and column.precision is None and not fits_double(value)
        if rows is not None and (rows != [(True,)] or lost):
            findings.problem((*path, "enum", index), f"{value[:60]!r} is not a value of type {kind}")
    if column.allowed_values and not findings.problems:
        rules = " AND ".join(f"({sql})" for _, sql in value_rule_texts(column, "v"))
        values = ", ".join(f"(CAST({literal(value)} AS {kind}))" for value in column.allowed_values)
        rows = _try(f"SELECT count(*) FROM (VALUES {values}) AS t (v) WHERE {rules}", findings, path, "enum")
        if rows == [(0,)]:
            findings.problem((*path, "enum"), "none of its values keeps the other rules of the column")


def _check_limits(column: Column, path: Path_, findings: Findings) -> None:
    low, high = column.minimum, column.maximum
    if column.min_length is not None and column.max_length is not None and column.min_length > column.max_length:
        findings.problem(path, f"minLength {column.min_length} is above maxLength {column.max_length}")
    kind = sql_type(column)
    inside = [sql for code, sql in value_rule_texts(column, "v") if code in ("minimum", "maximum")]
    if not inside:
        return
    # the values nearest to each limit on its inner side, of the column's type
    near = []
    for limit, step in ((low, 1), (high, -1)):
        if limit is not None:
            near.extend(_neighbours(column, limit, step, kind))
    values = ", ".join(f"(TRY_CAST({value} AS {kind}))" for value in near)
    kept = f"SELECT count(*) FROM (VALUES {values}) AS t (v) WHERE {' AND '.join(inside)}"
    rows = _try(kept, findings, path, "limit")
    if rows == [(0,)]:
        limits = " and ".join(f"{word} {limit}" for word, limit in (("minimum", low), ("maximum", high)) if limit)
        findings.problem(path, f"{limits} leave no value of type {kind}")


def _neighbours(column: Column, limit: str, step: int, kind: str) -> list[str]:
    if column.type is LogicalType.NUMBER and column.precision is None:
        number = float(limit)
        near = (number, math.nextafter(number, step * math.inf))
        return [repr(value) for value in near if math.isfinite(value)] or ["0"]
    if column.type in (LogicalType.INTEGER, LogicalType.NUMBER):
        with localcontext(prec=200):
            unit = Decimal(1).scaleb(-(column.scale or 0))
            floor = (Decimal(limit) / unit).to_integral_value(ROUND_FLOOR) * unit
            return [format(floor + shift * unit, "f") for shift in (-1, 0, 1, 2)]
    moment = f"CAST({literal(limit)} AS {kind})"
    least = "INTERVAL 1 DAY" if column.type is LogicalType.DATE else "INTERVAL 1 MICROSECOND"
    return [moment, f"{moment} {'+' if step > 0 else '-'} {least}"]


def _check_meaning(rule: RowExpression, columns: str, path: Path_, findings: Findings) -> None:
    """A rule has to be a condition, and has to look at the row."""
    what = f"rule {rule.name!r}"
    described = _try(f"DESCRIBE SELECT ({condition(rule)}\n) FROM (SELECT {columns} LIMIT 0)", findings, path, what)
    if described and str(described[0][1]) in ("VARCHAR", "DATE", "TIMESTAMP", "JSON", '"NULL"'):
        findings.problem(path, f"{what} gives a {described[0][1]}, where it has to be true or false")
        return
    try:
        with _lock:
            constant = _engine().execute(f"SELECT CAST(({condition(rule)}\n) AS BOOLEAN)").fetchall()
    except duckdb_error():
        return  # it needs the columns, as it should
    findings.problem(path, f"{what} looks at no column: it is {str(constant[0][0]).lower()} for every row")


def _batch_query(rule: BatchRule, columns: str) -> str:
    """The rule over a partition without rows, in the form in which it is audited."""
    rows = f"(SELECT {columns}, 'p' AS _partition LIMIT 0)"
    if rule.query is not None:
        source = f"(SELECT * FROM {rows} AS _rows WHERE _rows._partition = _wanted.partition_key)"
        query = scalar_query(rule, source)
        return f"SELECT CAST((\n{query}\n) AS DOUBLE) FROM (SELECT 'p' AS partition_key) AS _wanted"
    if rule.metric in (Metric.MEAN, Metric.SUM):
        return f"SELECT {aggregate(rule)} FROM {rows}"
    return f"SELECT count(*), {', '.join(map(quoted, rule.columns)) or '1'} FROM {rows} GROUP BY ALL"


@contextlib.contextmanager
def _writable(findings: Findings, path: Path_, what: str) -> Iterator[None]:
    """A problem instead of :class:`Unwritable`."""
    try:
        yield
    except Unwritable as error:
        findings.problem(path, f"{what} cannot be carried out: {error}")


def _try(sql: str, findings: Findings, path: Path_, what: str) -> list[tuple[Any, ...]] | None:
    """The rows of a statement; None, and a problem, if DuckDB refuses it."""
    try:
        with _lock:
            return _engine().execute(sql).fetchall()
    except duckdb_error() as error:
        findings.problem(path, f"{what} cannot be carried out: {str(error).splitlines()[0]}")
        return None


def duckdb_error() -> type[Exception]:
    """The kind of every error of DuckDB, which is imported only once a contract is read."""
    import duckdb

    return duckdb.Error


@functools.cache
def _engine() -> duckdb.DuckDBPyConnection:
    import duckdb

    engine = duckdb.connect(config={"threads": 1})
    engine.execute("SET enable_external_access = false")
    return engine
