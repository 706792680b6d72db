"""Digests of a contract and of its batch rules, which stay the same when the model gets a field.

What goes into a digest is written down here, type by type, and not taken from the dataclasses: the fields that the
first version had always, a later one only where it is not at its default. tests/sql/test_digests.py pins them.
A rule that is no SQL of the contract goes in as the SQL that it was in the first version (``first_text``).
A partition whose digest changes is ingested or published again, so a change here is one of the format.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Sequence
from enum import Enum
from typing import Any

from platform_assets.contracts.model import BatchRule, Contract, RowExpression
from platform_assets.sql.first_text import query_text, row_text

VERSION = "1"
"""Raised when the same contract and delivery begin to make other rows."""

_ABOUT_ROWS: dict[str, tuple[str, ...]] = {
    "Contract": (
        "name", "format", "columns", "primary_key", "row_expressions", "quarantine_limit", "empty_allowed",
        "extra_columns", "missing_columns",
    ),
    "Column": (
        "name", "type", "source_name", "precision", "scale", "rounding", "format", "default_timezone", "true_values",
        "false_values", "required", "unique", "pattern", "minimum", "maximum", "exclusive_minimum",
        "exclusive_maximum", "min_length", "max_length", "allowed_values", "protection", "nested", "declared",
    ),
    "NestedProtection": ("path", "protection"),
    "NestedField": ("path", "column", "shape"),
    "FileFormat": ("kind", "delimiter", "quote", "escape", "encoding", "header", "null_strings"),
    "RowExpression": ("name", "expression"),
}  # fmt: skip
_NOT_ABOUT_ROWS = {
    "Contract": {
        "version", "path", "description", "domain", "owners", "tags", "batch_rules", "not_due", "freshness", "notes",
        "about", "key", "undecided",
    },
    "Column": {"description", "classification", "tags", "classified_inside"},
}  # fmt: skip
_OF_RULES: dict[str, tuple[str, ...]] = {
    "BatchRule": (
        "name", "metric", "bounds", "columns", "history", "reference", "query", "severity", "description",
    ),
    "Bounds": ("low", "high", "low_open", "high_open", "negated"),
    "Reference": ("asset", "columns"),
    "AnnouncedCheck": ("name", "arguments"),
}  # fmt: skip


@functools.lru_cache(maxsize=2048)
def contract_digest(contract: Contract) -> str:
    """16 hex digits; descriptions, owners and the rules that ``publishing`` audits do not change them."""
    text = json.dumps([VERSION, _plain(contract)], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def rules_digest(rules: Sequence[BatchRule], columns: Sequence[tuple[str, str]], table: tuple[str, str]) -> str:
    """16 hex digits of what a candidate is audited by: rules, columns (name, type), and table (schema, name)."""
    described = f"({', '.join(_described(rule) for rule in rules)}{',' if len(rules) == 1 else ''})"
    schema, name = table
    text = f"({described}, {list(columns)!r}, TableName(schema={schema!r}, name={name!r}))"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _fields(value: Any, known: dict[str, tuple[str, ...]], left_out: set[str]) -> list[str]:
    first = known[type(value).__name__]
    later = [
        field.name
        for field in dataclasses.fields(value)
        if field.name not in first and field.name not in left_out and getattr(value, field.name) != _default(field)
    ]
    return [*first, *later]


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default


def _plain(value: Any) -> Any:
    """The value as JSON has it."""
    if isinstance(value, RowExpression):
        return _plain_fields(dataclasses.replace(value, expression=row_text(value.expression)))
    if dataclasses.is_dataclass(value):
        return _plain_fields(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _plain_fields(value: Any) -> dict[str, Any]:
    left_out = _NOT_ABOUT_ROWS.get(type(value).__name__, set())
    return {name: _plain(getattr(value, name)) for name in _fields(value, _ABOUT_ROWS, left_out)}


def _described(value: Any) -> str:
    """The value as Python described it when the first digest was made."""
    if isinstance(value, BatchRule):
        value = dataclasses.replace(value, query=query_text(value))
    if dataclasses.is_dataclass(value):
        parts = (f"{name}={_described(getattr(value, name))}" for name in _fields(value, _OF_RULES, set()))
        return f"{type(value).__name__}({', '.join(parts)})"
    if isinstance(value, Enum):
        return f"<{type(value).__name__}.{value.name}: {value.value!r}>"
    return repr(value)
