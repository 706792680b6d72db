"""SQL of the standard's library metrics: which values ``nullValues``, ``missingValues`` and ``invalidValues`` count."""

from __future__ import annotations

from typing import Any

from platform_assets.contracts.identifiers import quoted, sql_text
from platform_assets.contracts.literals import value_of
from platform_assets.contracts.model import Column, LogicalType
from platform_assets.contracts.row_rules import literal


def counted_value(metric: str, of: Column, arguments: dict[str, Any]) -> str | None:
    """SQL that is true for a value that the metric counts.

    ``None`` when its arguments do not say which, or hold something that is no value of the column's type.
    """
    column = quoted(of.name)
    if metric == "nullValues":
        return f"{column} IS NULL"
    if metric == "missingValues":
        words = arguments.get("missingValues", [None, ""])
        if not isinstance(words, list) or any(isinstance(word, (dict, list)) for word in words):
            return None
        texts = ", ".join(_text(str(word)) for word in words if word is not None)
        missing = f"CAST({column} AS VARCHAR) IN ({texts})" if texts else "false"
        return f"({column} IS NULL OR {missing})" if None in words else f"({column} IS NOT NULL AND {missing})"
    valid = arguments.get("validValues")
    pattern = arguments.get("pattern")
    parts = []
    if valid is not None:
        values = [value_of(of, value) for value in valid] if isinstance(valid, list) else []
        known = [value for value in values if value is not None]
        if not known or len(known) < len(values):
            return None
        # compared as values of the column's type: 1 is 1.00 in a decimal. The text of a cast that changes nothing is
        # that of the first version: the digests of contracts are made of it
        compared = f"CAST({column} AS VARCHAR)" if of.type is LogicalType.STRING else column
        parts.append(f"{compared} NOT IN ({', '.join(_kept(literal(of, value)) for value in known)})")
    if pattern is not None:
        if not isinstance(pattern, str):
            return None
        parts.append(f"NOT regexp_matches(CAST({column} AS VARCHAR), {_text(pattern)})")
    if not parts:
        return None
    return f"({column} IS NOT NULL AND ({' OR '.join(parts)}))"


def _text(text: str) -> str:
    return _kept(sql_text(text))


def _kept(sql: str) -> str:
    """A literal in which nothing is taken for the name that stands for the partition's rows."""
    return sql.replace("{table}", "{' || 'table}")
