"""What is inside a JSON column: the texts of its plain values, and the rules that a look at the document decides.

Rules for a plain value are checked in SQL, by ``sql.nested_rules``, to be exactly those of a column.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from platform_assets.contracts.model import Column, LogicalType, NestedField
from platform_assets.formats.json.writing import is_number, parse_whole
from platform_assets.lake.names import is_text
from platform_assets.sql.nested_rules import fields_with_text

NUMERIC = (LogicalType.INTEGER, LogicalType.NUMBER)
Found = list[list[str | None]]


def finder_name(column: Column) -> str:
    """The name under which DuckDB knows the function that looks into a column."""
    return f"inside_{hashlib.sha256(repr(column.inside).encode()).hexdigest()[:16]}"


@dataclass
class _Node:
    """The rules of one place, and the places below; ``slot`` is where its texts are gathered."""

    rules: NestedField
    slot: int | None = None
    children: dict[str, _Node] = field(default_factory=dict)
    items: _Node | None = None


def finder(column: Column) -> Callable[[str], Found]:
    """A function of a column's text: the codes of broken rules, then the texts of each field; all are empty if the text
    is no JSON document, which is a mistake of the column."""
    slots = {each.path: at for at, each in enumerate(fields_with_text(column), 1)}
    root = _Node(NestedField((), column, typed=False))
    for each in column.inside:
        node = _Node(each, slots.get(each.path))
        if not each.path:
            root.rules = each
            continue
        above = root
        for step in each.path[:-1]:
            above = above.items if step == "*" and above.items is not None else above.children[step]
        if each.path[-1] == "*":
            above.items = node
        else:
            above.children[each.path[-1]] = node

    def find(text: str) -> Found:
        found: Found = [[] for _ in range(len(slots) + 1)]
        try:
            document = parse_whole(text)
        except (ValueError, RecursionError):
            return found
        if document is not None:
            _look(root, document, found)
        return found

    return find


def _look(node: _Node, value: Any, found: Found) -> None:
    rules, broken = node.rules, found[0]
    name = rules.column.name
    if value is None:
        if rules.column.required:
            broken.append(f"required:{name}")
        return
    if rules.typed and not _of_shape(rules, value):
        broken.append(f"type:{name}")
        return
    if node.slot is not None:
        found[node.slot].append(value if isinstance(value, str) else _written(value))
    if isinstance(value, dict):
        for key, child in node.children.items():
            _look(child, value.get(key), found)
    elif isinstance(value, list):
        if rules.min_items is not None and len(value) < rules.min_items:
            broken.append(f"min_items:{name}")
        if rules.max_items is not None and len(value) > rules.max_items:
            broken.append(f"max_items:{name}")
        if rules.unique_items and len(set(map(_identity, value))) < len(value):
            broken.append(f"unique_items:{name}")
        if node.items is not None:
            for item in value:
                _look(node.items, item, found)


def _of_shape(rules: NestedField, value: Any) -> bool:
    """Whether a value is of the JSON type that its type is read from, as for a column."""
    kind = rules.column.type
    if rules.shape:
        return isinstance(value, list if rules.shape == "array" else dict)
    if kind is LogicalType.JSON:
        return isinstance(value, dict | list)
    if isinstance(value, bool):
        return kind is LogicalType.BOOLEAN
    if is_number(value):
        return kind in NUMERIC
    return isinstance(value, str) and "\0" not in value and is_text(value)


def _written(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _identity(value: Any) -> Any:
    """Something hashable that is equal for equal values; 1 and 1.0 are equal, and the order of keys does not count."""
    if isinstance(value, dict):
        return ("object", frozenset((key, _identity(item)) for key, item in value.items()))
    if isinstance(value, list):
        return ("array", *map(_identity, value))
    return ("number", *_digits(str(value))) if is_number(value) else (type(value).__name__, value)


def _digits(number: str) -> tuple[bool, str, int]:
    """Whether it is negative, its digits without zeros around them, and the power of ten of the last one."""
    mantissa, _, exponent = number.lower().partition("e")
    whole, _, places = mantissa.removeprefix("-").partition(".")
    digits = (whole + places).lstrip("0")
    stripped = digits.rstrip("0")
    if not stripped:
        return False, "", 0
    power = int(exponent[:4000] or 0) - len(places) + len(digits) - len(stripped)
    return number.startswith("-"), stripped, power
