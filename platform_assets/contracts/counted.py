"""The standard's library metrics: which values ``nullValues``, ``missingValues`` and ``invalidValues`` count."""

from __future__ import annotations

from typing import Any

from platform_assets.contracts.conditions import CountedValues, InvalidValues, MissingValues, NullValues
from platform_assets.contracts.model import Column, LogicalType
from platform_assets.contracts.plain_values import value_of


def counted_values(metric: str, of: Column, arguments: dict[str, Any]) -> CountedValues | None:
    """The values that the metric counts.

    ``None`` when its arguments do not say which, or hold something that is no value of the column's type.
    """
    if metric == "nullValues":
        return NullValues(of.name)
    if metric == "missingValues":
        return _missing(of, arguments.get("missingValues", [None, ""]))
    valid, pattern = arguments.get("validValues"), arguments.get("pattern")
    known: tuple[str, ...] = ()
    if valid is not None:
        # a null is never invalid, so a null among the valid values says nothing
        given = [value for value in valid if value is not None] if isinstance(valid, list) else []
        values = [value_of(of, value) for value in given]
        known = tuple(value for value in values if value is not None)
        if not known or len(known) < len(values):
            return None
    if not (known or pattern is not None) or not isinstance(pattern, str | None):
        return None
    # a column of whole numbers that becomes one of decimals keeps its rule
    kind = LogicalType.NUMBER if of.type is LogicalType.INTEGER else of.type
    return InvalidValues(of.name, kind, known, pattern)


def _missing(of: Column, words: Any) -> MissingValues | None:
    if not isinstance(words, list) or any(isinstance(word, (dict, list)) for word in words):
        return None
    return MissingValues(of.name, tuple(str(word) for word in words if word is not None), None in words)
