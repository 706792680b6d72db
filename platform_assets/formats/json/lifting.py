"""Values that lie deeper in a document than at its own keys, and arrays whose items are rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from platform_assets.contracts.model import Column, Contract, LogicalType
from platform_assets.contracts.paths import DOCUMENT, INDEX, ITEM, key_of

MISPLACED = object()
"""In the place of a value: something on the way to it is no object."""


def values_of(column: Column, documents: Sequence[dict[str, Any]]) -> list[Any]:
    """The column's value in each document; None where it is not there."""
    if not column.path:
        name = column.source_name
        return [document.get(name) for document in documents]
    steps = column.path[1:] if column.path[0] == DOCUMENT else column.path
    return [_at(document, steps) for document in documents]


def value_in(column: Column, item: Any, index: int, document: dict[str, Any]) -> Any:
    """The column's value for one item of an array in the document; ``index`` is its place, from 1 on."""
    if not column.path:
        return _at(item, (column.source_name,))
    first, rest = column.path[0], column.path[1:]
    if first == INDEX:
        return index
    return _at(document, rest) if first == DOCUMENT else _at(item, rest) if first == ITEM else _at(item, column.path)


def items_of(value: Any, steps: Sequence[str]) -> Iterator[Any]:
    """The items at the end of the steps, in their order; none where something is not there, ``MISPLACED`` where it is
    of another kind."""
    if value is None:
        return
    if not steps:
        yield value
    elif steps[0] == "*" and isinstance(value, list):
        for item in value:
            # a null in the array is an item; on the way to an inner array it is none
            if len(steps) == 1:
                yield item
            else:
                yield from items_of(item, steps[1:])
    elif steps[0] != "*" and isinstance(value, dict):
        yield from items_of(value.get(steps[0]), steps[1:])
    else:
        yield MISPLACED


def by_keys(contract: Contract) -> Contract:
    """The contract with a column for each key of a document: what the keys of a file are compared with."""
    if not any(column.path for column in contract.columns):
        return contract
    columns: dict[str, Column] = {}
    for column in contract.columns:
        key = column.path[1] if column.path[:1] == (DOCUMENT,) else key_of(column)
        found = columns.get(key, Column(key, LogicalType.JSON, key))
        columns[key] = dataclasses.replace(found, required=found.required or column.required)
    return dataclasses.replace(contract, columns=tuple(columns.values()))


def _at(value: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        if value is None:
            return None
        if not isinstance(value, dict):
            return MISPLACED
        value = value.get(step)
    return value
