"""Properties of an object and items of an array, at any depth, read into rules for the values inside a JSON column.

Their protection is read in ``personal``.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from platform_assets.contracts.column_options import check_options, read_enum, read_length, read_truth
from platform_assets.contracts.column_types import LOGICAL, column_type
from platform_assets.contracts.conditions import InvalidValues
from platform_assets.contracts.counted import counted_values
from platform_assets.contracts.model import Column, LogicalType, NestedField, RowExpression
from platform_assets.contracts.problems import Findings, Path_
from platform_assets.contracts.properties import mappings
from platform_assets.contracts.values import options_of, read_value

SHAPES = ("object", "map", "array")


def read_inside(item: dict[str, Any], path: Path_, findings: Findings) -> tuple[NestedField, ...]:
    """The rules inside the JSON column ``item``; the first is the column's own, as an object or array."""
    name = str(item.get("name"))
    own = _items_rules(item, _Place((), name, path), Column(name, LogicalType.JSON, ""), findings)
    inside = _below(item, _Place((), name, path), findings)
    return (own, *inside) if inside or own != NestedField((), own.column, own.shape) else ()


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where a value is: its steps below the column, its name in reasons, and its place in the contract."""

    steps: tuple[str, ...]
    label: str
    path: Path_


def _below(item: dict[str, Any], place: _Place, findings: Findings) -> list[NestedField]:
    listed = options_of(item).get("required")
    needed = {str(name) for name in listed} if isinstance(listed, list) else set()
    found: list[NestedField] = []
    for index, child in mappings(item, "properties"):
        name = str(child.get("name"))
        step = str(child.get("physicalName") or name)
        below = _Place((*place.steps, step), f"{place.label}.{name}", (*place.path, "properties", index))
        found += _field(child, below, findings, required=name in needed)
    items = item.get("items")
    if isinstance(items, dict):
        found += _field(
            items, _Place((*place.steps, "*"), f"{place.label}[]", (*place.path, "items")), findings, required=False
        )
    return found


def _field(item: dict[str, Any], place: _Place, findings: Findings, *, required: bool) -> list[NestedField]:
    path = place.path
    required = read_truth(item, "required", path, findings) or required
    if read_truth(item, "unique", path, findings) or item.get("primaryKey"):
        findings.note((*path, "unique"), "is not carried out inside a JSON column; an array has uniqueItems")
    kind = column_type(item, path, findings) if item.get("logicalType") in LOGICAL else None
    if kind is None:
        if item.get("logicalType") is not None:
            findings.note((*path, "logicalType"), f"{item['logicalType']!r} inside a JSON column is not carried out")
        column = Column(place.label, LogicalType.JSON, "", required=required)
        return [NestedField(place.steps, column, typed=False), *_below(item, place, findings)]
    if kind is LogicalType.JSON:
        column = Column(place.label, kind, "", required=required)
        check_options(options_of(item), kind, path, findings)
        read_enum(item, kind, path, findings)
        return [_items_rules(item, place, column, findings), *_below(item, place, findings)]
    return [NestedField(place.steps, _quality(item, _plain(item, kind, place, required, findings), path, findings))]


def _items_rules(item: dict[str, Any], place: _Place, column: Column, findings: Findings) -> NestedField:
    options = options_of(item)
    shape = item.get("logicalType")
    field = NestedField(place.steps, column, shape=str(shape) if shape in SHAPES else "")
    if shape != "array":
        for key in ("minItems", "maxItems", "uniqueItems"):
            if key in options:
                findings.problem((*place.path, "logicalTypeOptions", key), "is for arrays only")
        return field
    return dataclasses.replace(
        field,
        min_items=read_length(options, "minItems", place.path, findings),
        max_items=read_length(options, "maxItems", place.path, findings),
        unique_items=read_truth(options, "uniqueItems", (*place.path, "logicalTypeOptions"), findings),
    )


def _plain(item: dict[str, Any], kind: LogicalType, place: _Place, required: bool, findings: Findings) -> Column:
    """A value that is neither object nor array, with the rules that a column has."""
    rules: list[RowExpression] = []
    value = read_value(place.label, item, kind, {}, place.path, rules, findings)
    for rule in rules:
        option = "multipleOf" if rule.name.startswith("multiple_of:") else "format"
        findings.note((*place.path, "logicalTypeOptions", option), "is not carried out inside a JSON column")
    return Column(**value, name=place.label, source_name="", required=required)


def _quality(item: dict[str, Any], column: Column, path: Path_, findings: Findings) -> Column:
    """The column with what its ``invalidValues`` say, if none of them may be there."""
    for index, rule in mappings(item, "quality"):
        found = None
        if (rule.get("metric") or rule.get("rule")) == "invalidValues" and rule.get("mustBe") == 0:
            found = counted_values("invalidValues", column, rule.get("arguments") or {})
        if (
            not isinstance(found, InvalidValues)
            or (found.valid and column.allowed_values)
            or (found.pattern and column.pattern)
            or (found.pattern and column.type is not LogicalType.STRING)
        ):
            findings.note((*path, "quality", index), "inside a JSON column: not carried out by the platform")
            continue
        column = dataclasses.replace(
            column,
            allowed_values=found.valid or column.allowed_values,
            pattern=found.pattern or column.pattern,
        )
    return column
