"""Rules for single values, as sqlglot's conditions on an operand: lengths, patterns, listed values and limits."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext

from sqlglot import exp

from platform_assets.contracts.conditions import (
    CountedValues,
    InvalidValues,
    Matches,
    MissingValues,
    MultipleOf,
    NullValues,
    RowCondition,
)
from platform_assets.contracts.model import Column, LogicalType
from platform_assets.sql.dialects import Dialect, text_of
from platform_assets.sql.literals import expression
from platform_assets.sql.types import data_type

Rule = tuple[str, exp.Expr]
"""The code of a rule, such as ``minimum``, and the condition that a good value fulfils."""


def named(name: str, table: str | None = None) -> exp.Column:
    """The column ``name``, quoted."""
    return exp.column(exp.to_identifier(name, quoted=True), table=table)


def value_rules(column: Column, operand: exp.Expr) -> list[Rule]:
    """Each rule of the column for one value; null keeps them all."""
    rules: list[Rule] = []
    if column.type is LogicalType.STRING:
        length = exp.Length(this=operand)
        if column.min_length is not None:
            rules.append(("min_length", exp.GTE(this=length, expression=expression(column.min_length))))
        if column.max_length is not None:
            rules.append(("max_length", exp.LTE(this=length, expression=expression(column.max_length))))
        if column.pattern is not None:
            rules.append(("pattern", found(operand, column.pattern)))
    if column.allowed_values:
        rules.append(("allowed", among(operand, [typed(column.type, value) for value in column.allowed_values])))
    if column.minimum is not None:
        rules.append(("minimum", _limited(column, operand, column.minimum, above=True)))
    if column.maximum is not None:
        rules.append(("maximum", _limited(column, operand, column.maximum, above=False)))
    return rules


@functools.lru_cache(maxsize=4096)
def value_rule_texts(column: Column, name: str, table: str = "") -> tuple[tuple[str, str], ...]:
    """The code and DuckDB's text of each rule for one value of the column, whose name there is ``name``; in ``table``,
    where it is given."""
    return tuple((code, text_of(condition)) for code, condition in value_rules(column, named(name, table or None)))


def fulfilled(condition: RowCondition, dialect: Dialect = Dialect.DUCKDB) -> exp.Expr:
    """True, or null, for a row in which the condition holds; in which no value is invalid."""
    operand = named(condition.column)
    if isinstance(condition, Matches):
        return found(operand, condition.pattern, dialect)
    if isinstance(condition, MultipleOf):
        step = exp.Literal.number(condition.step)
        return exp.EQ(this=exp.Mod(this=operand, expression=step), expression=exp.Literal.number(0))
    return exp.not_(counted(condition, dialect))


def counted(values: CountedValues, dialect: Dialect) -> exp.Expr:
    """True or false for every row: whether its value is one of those that are counted."""
    operand = named(values.column)
    null = exp.Is(this=operand, expression=exp.null())
    if isinstance(values, NullValues):
        return null
    if isinstance(values, MissingValues):
        words = [expression(word) for word in values.words]
        missing = among(_as_text(operand), words) if words else exp.false()
        return exp.or_(null, missing) if values.nulls else exp.and_(given(operand), missing)
    return exp.and_(given(operand), exp.or_(*_invalid(values, operand, dialect)))


def _invalid(values: InvalidValues, operand: exp.Expr, dialect: Dialect) -> list[exp.Expr]:
    parts: list[exp.Expr] = []
    if values.valid:
        # compared as values of the column's type: 1 is 1.00 in a decimal
        compared = _as_text(operand) if values.kind is LogicalType.STRING else operand
        parts.append(exp.not_(among(compared, [typed(values.kind, value) for value in values.valid])))
    if values.pattern is not None:
        parts.append(exp.not_(found(_as_text(operand), values.pattern, dialect)))
    return parts


def found(operand: exp.Expr, pattern: str, dialect: Dialect = Dialect.DUCKDB) -> exp.Expr:
    """True where the regular expression is found somewhere in the text."""
    if dialect is Dialect.SNOWFLAKE:
        # its REGEXP_LIKE asks for the whole text
        place = exp.RegexpInstr(this=operand, expression=expression(pattern))
        return exp.GT(this=place, expression=exp.Literal.number(0))
    return exp.RegexpLike(this=operand, expression=expression(pattern))


def given(operand: exp.Expr) -> exp.Expr:
    return exp.Is(this=operand, expression=exp.Not(this=exp.null()))


def among(operand: exp.Expr, values: Sequence[exp.Expr]) -> exp.Expr:
    return exp.In(this=operand, expressions=list(values))


def typed(kind: LogicalType, value: str) -> exp.Expr:
    """A value of the contract, in its plain form, beside a column of the type ``kind``."""
    if kind is LogicalType.STRING:
        return expression(value)
    if kind in (LogicalType.INTEGER, LogicalType.NUMBER):
        return exp.Literal.number(value)
    return exp.cast(expression(value), data_type(kind))


def _as_text(operand: exp.Expr) -> exp.Expr:
    return exp.cast(operand, exp.DataType.Type.VARCHAR)


def _limited(column: Column, operand: exp.Expr, value: str, *, above: bool) -> exp.Expr:
    """The comparison with a limit; ``above`` for a minimum.

    Beside an exact number the limit is the nearest value that the column can have on its inner side. With all of its
    decimals DuckDB would widen the column's values to a type that some of them do not fit.
    """
    exclusive = column.exclusive_minimum if above else column.exclusive_maximum
    inclusive_sign, exclusive_sign = (exp.GTE, exp.GT) if above else (exp.LTE, exp.LT)
    sign = exclusive_sign if exclusive else inclusive_sign
    if column.type is LogicalType.NUMBER and column.precision is None:
        return sign(this=operand, expression=exp.cast(exp.Literal.number(value), exp.DataType.Type.DOUBLE))
    if column.type not in (LogicalType.INTEGER, LogicalType.NUMBER):
        return sign(this=operand, expression=exp.cast(expression(value), data_type(column.type)))
    with localcontext(prec=1000):
        limit, unit = Decimal(value), Decimal(1).scaleb(-(column.scale or 0))
        largest = Decimal(2**63 - 1) if column.precision is None else 10**column.precision * unit - unit
        near = limit.quantize(unit, ROUND_CEILING if above else ROUND_FLOOR)
        if (near < -largest) if above else (near > largest):
            sign = inclusive_sign  # every value is on the inner side
        elif (near > largest) if above else (near < -largest):
            sign = exclusive_sign  # none is
        elif near != limit:
            sign = inclusive_sign
        return sign(this=operand, expression=exp.Literal.number(format(max(-largest, min(largest, near)), "f")))
