"""The text that rules had in the first version. Digests are made of it, and so it never changes.

It is not what is run: that is compiled in ``row_rules`` and ``batch_rules``, and may change with sqlglot or with us.
"""

from __future__ import annotations

from platform_assets.contracts.conditions import (
    Breaches,
    Copies,
    Count,
    CountedValues,
    InvalidValues,
    Matches,
    MissingValues,
    MultipleOf,
    NullValues,
    RowCondition,
)
from platform_assets.contracts.model import BatchRule, LogicalType

_CASTS = {
    LogicalType.BOOLEAN: "BOOLEAN",
    LogicalType.DATE: "DATE",
    LogicalType.TIMESTAMP: "TIMESTAMP",
    LogicalType.TIMESTAMP_TZ: "TIMESTAMP WITH TIME ZONE",
}


def row_text(condition: str | RowCondition) -> str:
    """The text of a row rule."""
    if isinstance(condition, str):
        return condition
    if isinstance(condition, Matches):
        return f"regexp_matches({_name(condition.column)}, {_plain(condition.pattern)})"
    if isinstance(condition, MultipleOf):
        return f"{_name(condition.column)} % {condition.step} = 0"
    return f"NOT ({_counted(condition)})"


def query_text(rule: BatchRule) -> str | None:
    """The text of the query of a batch rule."""
    query = rule.query
    if isinstance(query, str):
        return query.replace("{column}", _name(rule.columns[0])) if rule.columns else query
    return None if query is None else _count(query)


def _count(query: Count) -> str:
    if isinstance(query, Copies):
        keys = ", ".join(map(_name, query.columns))
        return f"SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM {{table}} GROUP BY {keys}) AS copies"
    if isinstance(query, Breaches):
        return f"SELECT coalesce(sum(CASE WHEN NOT ({query.expression}\n) THEN 1 ELSE 0 END), 0) FROM {{table}}"
    share, total = ("100.0 * ", " / nullif(count(*), 0)") if query.percent else ("", "")
    bad = _counted(query.values)
    return f"SELECT coalesce({share}sum(CASE WHEN {bad} THEN 1 ELSE 0 END){total}, 0) FROM {{table}}"


def _counted(values: CountedValues) -> str:
    column = _name(values.column)
    if isinstance(values, NullValues):
        return f"{column} IS NULL"
    if isinstance(values, MissingValues):
        texts = ", ".join(map(_text, values.words))
        missing = f"CAST({column} AS VARCHAR) IN ({texts})" if texts else "false"
        return f"({column} IS NULL OR {missing})" if values.nulls else f"({column} IS NOT NULL AND {missing})"
    parts = []
    if values.valid:
        compared = f"CAST({column} AS VARCHAR)" if values.kind is LogicalType.STRING else column
        parts.append(f"{compared} NOT IN ({', '.join(_value(values, value) for value in values.valid)})")
    if values.pattern is not None:
        parts.append(f"NOT regexp_matches(CAST({column} AS VARCHAR), {_text(values.pattern)})")
    return f"({column} IS NOT NULL AND ({' OR '.join(parts)}))"


def _value(values: InvalidValues, value: str) -> str:
    if values.kind is LogicalType.STRING:
        return _text(value)
    return value if values.kind not in _CASTS else f"CAST({_text(value)} AS {_CASTS[values.kind]})"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _plain(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _text(text: str) -> str:
    """A literal in which nothing was taken for the name that stands for the partition's rows."""
    return _plain(text).replace("{table}", "{' || 'table}")
