"""The type of a column, from the values of a sample: the narrowest that they have in their exact form."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

DATE = re.compile(r"\d{4}-\d\d-\d\d")
TIMESTAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?) ?(Z|[+-](?:0\d|1[0-5])(?::?[0-5]\d)?)?"
)
NUMBER = re.compile(r"-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")

LONG = {"logicalType": "number", "physicalType": "DECIMAL(38,0)"}
"""The type of whole numbers that no integer holds."""


class JsonNumber(str):
    """A JSON number as it was written."""

    __slots__ = ()


def json_type(values: Sequence[Any]) -> tuple[dict[str, Any], set[int]]:
    """The type of most values of a column of JSON lines, and the rows whose value is of another type."""
    classes: dict[str, dict[int, Any]] = {}
    for row, value in enumerate(values):
        if value is not None:
            classes.setdefault(_class_of(value), {})[row] = value
    name, most = max(classes.items(), key=lambda item: len(item[1]), default=("text", {}))
    odd = {row for rows in classes.values() for row in rows} - most.keys()
    if name == "number":
        kind, wrong = _json_number(most)
        return kind, odd | wrong
    unclean = {row for row, value in most.items() if not _is_clean(value)}
    return type_of([value for row, value in most.items() if row not in unclean]), odd | unclean


def _class_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, JsonNumber):
        return "number"
    return "text" if isinstance(value, str) else "json"


def _json_number(values: Mapping[int, str]) -> tuple[dict[str, Any], set[int]]:
    found = _type_of_texts(list(values.values()))
    if found["logicalType"] in ("integer", "number"):
        return found, set()
    if _are_long(values.values()):
        return dict(LONG), set()
    # no type takes all of them: the one that takes most
    ways = [
        ({"logicalType": "integer"}, lambda text: _type_of_texts([text])["logicalType"] == "integer"),
        ({"logicalType": "number"}, lambda text: math.isfinite(float(text)) and _survives(text)),
    ]
    kinds = [(kind, {row for row, text in values.items() if not takes(text)}) for kind, takes in ways]
    return min(kinds, key=lambda way: len(way[1]))


def _are_long(values: Iterable[str]) -> bool:
    """Whether they are whole numbers that only a decimal of all digits holds."""
    return all(re.fullmatch(r"-?\d{1,38}", value) for value in values)


def _is_clean(value: Any) -> bool:
    """Whether texts in the value can be written as UTF-8 without NUL."""
    try:
        return "\0" not in json.dumps(value, ensure_ascii=False, default=str).encode().decode().replace("\\u0000", "\0")
    except UnicodeEncodeError:
        return False


def type_of(values: Sequence[Any]) -> dict[str, Any]:
    """The narrowest type that every value has in its exact form; text where there is none."""
    if not values:
        return {"logicalType": "string"}
    if all(isinstance(value, bool) for value in values):
        return {"logicalType": "boolean"}
    if all(isinstance(value, list | dict) for value in values):
        # a table has one type for both
        return _inside(values) or {"logicalType": "array"}
    if not all(isinstance(value, str) for value in values):
        return {"logicalType": "string"}
    if any(isinstance(value, JsonNumber) for value in values) and not all(isinstance(v, JsonNumber) for v in values):
        return {"logicalType": "string"}
    return _type_of_texts(values)


def _inside(values: Sequence[Any]) -> dict[str, Any] | None:
    """The type of values inside JSON, where a type is a rule; None if they have none in common."""
    kinds = {type(value) if isinstance(value, dict | list) else _class_of(value) for value in values}
    if len(kinds) != 1:
        return None
    (kind,) = kinds
    if kind is dict:
        keys = list(dict.fromkeys(key for value in values for key in value))
        types = {key: _inside([v[key] for v in values if v.get(key) is not None]) for key in keys}
        inner = [{"name": key, **found} for key, found in types.items() if found is not None]
        return {"logicalType": "object", "properties": inner} if inner else {"logicalType": "object"}
    if kind is list:
        items = _inside([item for value in values for item in value if item is not None])
        return {"logicalType": "array", "items": items} if items is not None else {"logicalType": "array"}
    found = type_of(values)
    numeric = found["logicalType"] in ("integer", "number")
    if kind == "number":
        if numeric and "physicalType" in found and all(_survives(value) for value in values):
            # inside JSON a type is a rule and no room: more places than the sample has are no mistake
            return {"logicalType": "number"}
        return found if numeric else dict(LONG) if _are_long(values) else None
    # a number or a truth that is written as a text stays a text
    return {"logicalType": "string"} if kind == "text" and (numeric or found["logicalType"] == "boolean") else found


def _type_of_texts(values: Sequence[str]) -> dict[str, Any]:
    if all(value.lower() in ("true", "false") for value in values):
        return {"logicalType": "boolean"}
    if all(re.fullmatch(r"-?(0|[1-9]\d*)", value) for value in values):
        if all(-(2**63) <= int(value) < 2**63 for value in values):
            return {"logicalType": "integer"}
        return {"logicalType": "string"}
    if all(NUMBER.fullmatch(value) and not re.match(r"-?0\d", value) for value in values):
        return _number(values)
    if all(DATE.fullmatch(value) and _is_time(value) for value in values):
        return {"logicalType": "date"}
    matches = [TIMESTAMP.fullmatch(value) for value in values]
    if all(match is not None and _is_time(match[1] + " " + match[2]) for match in matches):
        zones = {bool(match and match[3]) for match in matches}
        if zones == {True}:
            return {"logicalType": "timestamp", "logicalTypeOptions": {"timezone": True}}
        if zones == {False}:
            return {"logicalType": "timestamp"}
    return {"logicalType": "string"}


def _number(values: Sequence[str]) -> dict[str, Any]:
    """A decimal when all values have few places, which is how amounts are written; else a double."""
    # what has decimals at all has room for cents
    places = max(2, *(len(value.partition(".")[2]) for value in values))
    whole = max(len(value.partition(".")[0].lstrip("-")) for value in values)
    if places <= 4 and not any("e" in value.lower() for value in values) and whole <= 30:
        return {"logicalType": "number", "physicalType": f"DECIMAL({min(max(whole + 3, 12) + places, 38)},{places})"}
    if all(_survives(value) for value in values):
        return {"logicalType": "number"}
    if not any("e" in value.lower() for value in values) and whole + places <= 38:
        return {"logicalType": "number", "physicalType": f"DECIMAL(38,{places})"}
    return {"logicalType": "string"}


def _survives(value: str) -> bool:
    """Whether a double keeps every digit of the number."""
    number = float(value)
    if not math.isfinite(number):
        return False
    return Decimal(repr(number)) == Decimal(value) or Decimal(f"{number:.16e}") == Decimal(value)


def _is_time(text: str) -> bool:
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
