"""The properties of a contract's schema object, read into columns.

Their types are read in ``column_types``, their values in ``values``, protection in ``personal``.

Rules over all rows of a partition, and rules that look at several columns, are in ``quality``.
"""

from __future__ import annotations

from typing import Any

from platform_assets.contracts.column_options import read_truth
from platform_assets.contracts.column_types import column_type
from platform_assets.contracts.model import Column, LogicalType, RowExpression
from platform_assets.contracts.nested import read_inside
from platform_assets.contracts.number_form import PROPERTIES, read_number_form
from platform_assets.contracts.paths import read_column_path
from platform_assets.contracts.personal import classified_inside, declared_paths, read_nested, read_protection
from platform_assets.contracts.plain_values import yaml_text
from platform_assets.contracts.problems import Findings, Path_
from platform_assets.contracts.properties import custom, mappings, texts
from platform_assets.contracts.values import read_value

COMMON = frozenset({"protection", "path"})
CUSTOM = {
    LogicalType.INTEGER: PROPERTIES,
    LogicalType.NUMBER: frozenset({"precision", "scale", "rounding"}) | PROPERTIES,
    LogicalType.BOOLEAN: frozenset({"trueValues", "falseValues"}),
}
TAKEN = frozenset({"filename", "file_row_number"})
"""Columns that DuckDB adds to the rows of a file."""


def read_columns(
    table: dict[str, Any], data: dict[str, Any], path: Path_, findings: Findings
) -> tuple[tuple[Column, ...], tuple[str, ...], tuple[RowExpression, ...]]:
    """The columns, the primary key in its order, and the row rules that a column's own fields cannot hold."""
    columns: list[Column] = []
    rules: list[RowExpression] = []
    keys: list[tuple[int, int, str]] = []
    seen: dict[str, str] = {}
    for index, item in mappings(table, "properties"):
        place = (*path, "properties", index)
        _rename(item, place, findings)
        column = _column(item, data, place, rules, findings)
        if column is None:
            continue
        for label, name in (("name", column.name), ("name in the file", column.source_name)):
            # DuckDB does not distinguish upper from lower case in the names of columns
            key = f"{label}:{name.lower() if label == 'name' else name}"
            if key in seen:
                findings.problem((*place, "name"), f"{label} {name!r} is already that of column {seen[key]!r}")
            seen.setdefault(key, column.name)
        if item.get("primaryKey") is True:
            position = item.get("primaryKeyPosition")
            keys.append((position if isinstance(position, int) and position > 0 else 10_000, index, column.name))
        columns.append(column)
    if not mappings(table, "properties"):
        findings.problem((*path, "properties"), "a feed needs at least one column")
    return tuple(columns), tuple(name for _, _, name in sorted(keys)), tuple(rules)


def _rename(item: dict[str, Any], path: Path_, findings: Findings) -> None:
    """Give a column whose name is the platform's own another one in the table; in the file it keeps it."""
    name = item.get("name")
    if isinstance(name, str) and (name.startswith("_") or name.lower() in TAKEN):
        item["physicalName"] = item.get("physicalName") or name
        item["name"] = f"{name.strip('_')}_"
        what = f"names that begin with '_', and {' and '.join(sorted(TAKEN))}, are the platform's own"
        findings.note((*path, "name"), f"{name!r} becomes {item['name']!r} in the table: {what}")


def _column(
    item: dict[str, Any], data: dict[str, Any], path: Path_, rules: list[RowExpression], findings: Findings
) -> Column | None:
    name = item.get("name")
    if not isinstance(name, str) or not name:
        findings.problem((*path, "name"), "a column needs a name")
        return None
    if "{table}" in name or any(not sign.isprintable() for sign in name):
        findings.problem((*path, "name"), f"{name!r} cannot be the name of a column")
    kind = column_type(item, path, findings)
    if kind is None:
        return None
    properties = custom(item, path, COMMON | CUSTOM.get(kind, frozenset()), findings)
    decimal_sign, thousands_sign = (
        read_number_form(data, properties, findings) if kind in (LogicalType.INTEGER, LogicalType.NUMBER) else (".", "")
    )
    value = read_value(name, item, kind, properties, path, rules, findings)
    steps = read_column_path(properties.get("path"), findings)
    return Column(
        **value,
        name=name,
        source_name=".".join(steps) or str(item.get("physicalName") or name),
        description=str(item.get("description") or item.get("businessName") or ""),
        rounding=_flag(properties, "rounding", findings),
        decimal_separator=decimal_sign,
        thousands_separator=thousands_sign,
        true_values=_words(properties, "trueValues", ("true",), findings),
        false_values=_words(properties, "falseValues", ("false",), findings),
        required=read_truth(item, "required", path, findings) or read_truth(item, "primaryKey", path, findings),
        unique=read_truth(item, "unique", path, findings),
        protection=read_protection(item, properties, path, findings),
        nested=tuple(read_nested(item, (), path, findings)) if kind is LogicalType.JSON else (),
        declared=tuple(declared_paths(item, ())) if kind is LogicalType.JSON else (),
        inside=read_inside(item, path, findings) if kind is LogicalType.JSON else (),
        path=steps,
        classification=item.get("classification"),
        tags=texts(item, "tags"),
        classified_inside=tuple(classified_inside(item, path, findings)) if kind is LogicalType.JSON else (),
    )


def _flag(properties: dict[str, Any], name: str, findings: Findings) -> bool:
    value, path = properties.get(name, (False, ()))
    if not isinstance(value, bool):
        findings.problem(path, f"{name} must be true or false, not {value!r}")
    return value is True


def _words(properties: dict[str, Any], name: str, default: tuple[str, ...], findings: Findings) -> tuple[str, ...]:
    value, path = properties.get(name, (None, ()))
    if value is None:
        return default
    words = value if isinstance(value, list) else [value]
    if not words or not all(isinstance(word, (str, int, float)) for word in words):
        findings.problem(path, f"{name} must be a list of words, at least one, not {value!r}")
        return default
    for word in words:
        if isinstance(word, bool):
            meant = "yes, on or true" if word else "no, off or false"
            findings.problem(path, f"{name}: put words in quotes; YAML reads {meant} without them as a boolean")
    return tuple(yaml_text(word).lower() for word in words)
