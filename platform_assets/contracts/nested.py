"""Properties of an object and items of an array, at any depth, read into rules for the values inside a JSON column.

Their protection is read in ``personal``.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from platform_assets.contracts.column_options import (
    check_options,
    multiple_of,
    read_enum,
    read_length,
    read_limits,
    read_pattern,
    read_truth,
)
from platform_assets.contracts.column_types import LOGICAL, column_type, physical_length, read_precision
from platform_assets.contracts.conditions import InvalidValues
from platform_assets.contracts.counted import counted_values
from platform_assets.contracts.model import Column, LogicalType, NestedField, RowExpression
from platform_assets.contracts.problems import Findings, Path_
from platform_assets.contracts.properties import mappings
from platform_assets.contracts.time_formats import strptime_format
from platform_assets.contracts.zones import check_zone

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
    options = item.get("logicalTypeOptions")
    listed = options.get("required") if isinstance(options, dict) else None
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
        check_options(_options(item), kind, path, findings)
        read_enum(item, kind, path, findings)
        return [_items_rules(item, place, column, findings), *_below(item, place, findings)]
    return [NestedField(place.steps, _quality(item, _plain(item, kind, place, required, findings), path, findings))]


def _options(item: dict[str, Any]) -> dict[str, Any]:
    options = item.get("logicalTypeOptions")
    return options if isinstance(options, dict) else {}


def _items_rules(item: dict[str, Any], place: _Place, column: Column, findings: Findings) -> NestedField:
    options = _options(item)
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
    path, options, rules = place.path, _options(item), list[RowExpression]()
    check_options(options, kind, path, findings)
    precision, scale = read_precision(item, kind, {}, path, findings)
    form, zone = None, options.get("defaultTimezone")
    if kind in (LogicalType.DATE, LogicalType.TIMESTAMP) and options.get("format") is not None:
        try:
            form = strptime_format(str(options["format"]))
        except ValueError as error:
            findings.problem((*path, "logicalTypeOptions", "format"), str(error))
    if kind is LogicalType.TIMESTAMP and (zone is not None or options.get("timezone") is True):
        kind = LogicalType.TIMESTAMP_TZ
        if zone is not None:
            check_zone(str(zone), (*path, "logicalTypeOptions", "defaultTimezone"), findings)
    low, low_open, high, high_open = read_limits(options, kind, path, findings)
    pattern = read_pattern(place.label, options, kind, path, rules, findings)
    exact = 0 if kind is LogicalType.INTEGER else scale if kind is LogicalType.NUMBER else None
    multiple = multiple_of(place.label, options, exact, path, findings)
    for rule, key in ((multiple, "multipleOf"), (rules[0] if rules else None, "format")):
        if rule is not None:
            findings.note((*path, "logicalTypeOptions", key), "is not carried out inside a JSON column")
    longest = read_length(options, "maxLength", path, findings)
    return Column(
        name=place.label, type=kind, source_name="", precision=precision, scale=scale, format=form,
        default_timezone=str(zone) if zone is not None else None, required=required, pattern=pattern, minimum=low,
        maximum=high, exclusive_minimum=low_open, exclusive_maximum=high_open,
        min_length=read_length(options, "minLength", path, findings),
        max_length=longest if longest is not None else physical_length(item, kind),
        allowed_values=read_enum(item, kind, path, findings),
    )  # fmt: skip


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
