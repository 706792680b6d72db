"""Columns of documents as fields of the working copy, many rows at a time.

A column whose values are all of one kind, as nearly all are, is written without a look at each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jiter import LosslessFloat

from platform_assets.contracts.model import Column, LogicalType
from platform_assets.formats.json.writing import NUMBERS, dump_json
from platform_assets.formats.text_copy import text_field, text_fields

NUMERIC = (LogicalType.INTEGER, LogicalType.NUMBER)
_TRUTH = {True: "true", False: "false", None: ""}
_NOTHING = type(None)
_NUMBERS = {int, LosslessFloat, _NOTHING}


def column_fields(column: Column, values: Sequence[Any], *, doubtful: bool) -> Sequence[str | None]:
    """Each value as a field; ``None`` where its JSON type is not the column's, or no table can hold it.

    Half a surrogate pair is looked for in ``doubtful`` texts only.
    """
    kinds = set(map(type, values))
    if kinds == {str} and column.type is not LogicalType.JSON and not doubtful:
        joined = "\0".join(values)
        if joined.count("\0") == len(values) - 1:
            return text_fields(joined)
    if kinds <= _NUMBERS and column.type in NUMERIC and column.decimal_separator == ".":
        return ["" if value is None else str(value) for value in values]
    if kinds <= {bool, _NOTHING} and column.type is LogicalType.BOOLEAN:
        return list(map(_TRUTH.__getitem__, values))
    return [field(column, value) for value in values]


def field(column: Column, value: Any) -> str | None:
    """One value as a field, or ``None``, as in :func:`column_fields`; of any text."""
    if value is None:
        return ""
    text = value_text(column, value)
    return None if text is None else text_field(text)


def value_text(column: Column, value: Any) -> str | None:
    """A value that is not null as text, numbers in the contract's form; ``None`` where its type is not the column's."""
    if column.type is LogicalType.JSON:
        return dump_json(value) if isinstance(value, dict | list) else None
    if isinstance(value, bool):
        return _TRUTH[value] if column.type is LogicalType.BOOLEAN else None
    if isinstance(value, NUMBERS):
        # JSON has one form of numbers; the contract's is that of texts
        return str(value).replace(".", column.decimal_separator) if column.type in NUMERIC else None
    return value if isinstance(value, str) else None
