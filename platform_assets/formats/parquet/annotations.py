"""Which annotation of a Parquet schema element counts, whether two of them agree, and the forms of lists and maps.

The format has two spellings of most annotations, an old one and a new one. See
https://github.com/apache/parquet-format/blob/master/LogicalTypes.md
"""

from __future__ import annotations

from typing import Any

from platform_assets.formats.parquet.footer import CONVERTED, LOGICAL, PRECISION, SCALE, Change, Element
from platform_assets.formats.parquet.thrift import Struct

OLD = ("UTF8", "MAP", "MAP_KEY_VALUE", "LIST", "ENUM", "DECIMAL", "DATE", "TIME_MILLIS", "TIME_MICROS",
       "TIMESTAMP_MILLIS", "TIMESTAMP_MICROS", "UINT_8", "UINT_16", "UINT_32", "UINT_64", "INT_8", "INT_16", "INT_32",
       "INT_64", "JSON", "BSON", "INTERVAL")  # fmt: skip
NEW = {1: "STRING", 2: "MAP", 3: "LIST", 4: "ENUM", 5: "DECIMAL", 6: "DATE", 7: "TIME", 8: "TIMESTAMP", 10: "INTEGER",
       11: "UNKNOWN", 12: "JSON", 13: "BSON", 14: "UUID", 15: "FLOAT16", 16: "VARIANT", 17: "GEOMETRY",
       18: "GEOGRAPHY"}  # fmt: skip
UNITS = {1: "MILLIS", 2: "MICROS", 3: "NANOS"}


def group_change(group: Element) -> Change:
    """The old annotation that DuckDB knows a list or a map by, where the file has another spelling."""
    what, _ = annotation(group)
    if what in ("MAP", "MAP_KEY_VALUE") and len(group.children) == 1 and group.number(CONVERTED) != 1:
        return {CONVERTED: 1}
    return {CONVERTED: 3} if what == "LIST" and group.number(CONVERTED) != 3 else {}


def group_fault(group: Element, parent: Element | None) -> str:
    """Why the values of a group cannot be told from what DuckDB makes of it; empty when they can."""
    what, _ = annotation(group)
    if what not in ("", "none", "MAP", "MAP_KEY_VALUE", "LIST"):
        return f"a group that is annotated as {what}"
    names = [child.name.lower() for child in group.children]
    if not names or "" in names or len(set(names)) < len(names):
        return "a group without fields, or with fields whose names differ by case only"
    above = annotation(parent)[0] if parent is not None else ""
    if what in ("MAP", "MAP_KEY_VALUE"):
        entries = group.children[0]
        if len(group.children) != 1 or len(entries.children) != 2 or not entries.repeated:
            return "a map without keys or values"
    elif what == "LIST" and (len(group.children) != 1 or not group.children[0].repeated):
        return "a list without repeated elements"
    elif group.repeated and above != "MAP" and above != "MAP_KEY_VALUE" and len(group.children) == 1:
        legacy = above == "LIST" and parent is not None and group.name in ("array", f"{parent.name}_tuple")
        if above != "LIST" or legacy:
            return "a list of structs of one field in an old form, which DuckDB reads as a list of that field"
    return ""


def annotation(element: Element) -> tuple[str, Any]:
    """Name and details of the annotation that counts, which is the new one where both are there."""
    logical = element.raw.get(LOGICAL)
    if isinstance(logical, Struct) and logical.fields:
        number = next(iter(logical.fields))
        return NEW.get(number, f"a logical type {number} that is not known"), logical.get(number)
    old = element.number(CONVERTED)
    if old is None:
        return "none", None
    if old == 24:
        return "UNKNOWN", None
    name = OLD[old] if 0 <= old < len(OLD) else f"a converted type {old} that is not known"
    if name.startswith(("INT_", "UINT_")):
        sign, width = name.split("_")
        return "INTEGER", (int(width), sign == "INT")
    return {"UTF8": "STRING"}.get(name, name), None


def old_name(number: int) -> str:
    return OLD[number] if 0 <= number < len(OLD) else str(number)


def new_name(what: str, details: Any) -> str:
    if what in ("TIME", "TIMESTAMP"):
        return f"{what} in {unit_of(details)}"
    return what


def unit_of(details: Struct) -> str:
    unit = details.get(2)
    return next((UNITS.get(number, "?") for number in unit.fields), "?") if isinstance(unit, Struct) else "?"


def agree(old: int, leaf: Element, what: str, details: Any) -> bool:
    if what == "DECIMAL":
        same = (details.get(2), details.get(1)) == (leaf.number(PRECISION), leaf.number(SCALE) or 0)
        return old == OLD.index("DECIMAL") and same
    if what == "INTEGER":
        width, signed = integer(details)
        return old_name(old) == f"{'' if signed else 'U'}INT_{width}"
    if what in ("TIME", "TIMESTAMP"):
        return old_name(old) == f"{what}_{unit_of(details)}"
    return old_name(old) == {"STRING": "UTF8"}.get(what, what) or (what == "UNKNOWN" and old == 24)


def integer(details: Any) -> tuple[int, bool]:
    return details if isinstance(details, tuple) else (details.get(1, 0), bool(details.get(2)))
