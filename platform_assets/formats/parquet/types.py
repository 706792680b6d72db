"""What a column of a Parquet file is, by the file's own schema, and how its exact values are had from DuckDB.

DuckDB reads decimals of more than 38 digits as a wrong double, cuts what is below a microsecond, wraps numbers that
do not fit the declared width, takes a local time for a moment where only the old annotation is there, and knows
several annotations in their old spelling only. Here it is decided for each stored column: it is read as it is, or
with another annotation (``change``) and then converted, or refused. ``guard`` is true for the values that can be
taken; the others cost their row. See https://github.com/apache/parquet-format/blob/master/LogicalTypes.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from platform_assets.formats.parquet.annotations import (
    NEW,
    OLD,
    agree,
    annotation,
    integer,
    new_name,
    old_name,
    unit_of,
)
from platform_assets.formats.parquet.footer import (
    CONVERTED,
    LENGTH,
    LOGICAL,
    PRECISION,
    SCALE,
    TYPE,
    Change,
    Element,
)

PLAIN = {"BOOLEAN", "INT32", "INT64", "FLOAT", "DOUBLE"}
MOMENT = "TIMESTAMP WITH TIME ZONE"
FIRST_NANOS = "CAST('1677-09-22' AS TIMESTAMP_NS)"
FIRST_MOMENT = "TIMESTAMP '290309-12-22 (BC) 00:00:00'"
INT96_DAYS = (0, 100_000_000)

Sql = Callable[[str], str]


@dataclass(frozen=True)
class Reading:
    """How one stored column is read: ``refused`` says why not at all; ``utc`` that its old annotation means moments.

    ``cast`` is a conversion that only a type needs, and no text of the value. ``text`` is its JSON, where DuckDB would
    write the bytes that lie beside the digits of a number that has too many. ``fragile`` are values of which DuckDB
    can make no text where the guard is false. ``breaks`` is said of an annotation that makes DuckDB fail, though
    nobody asks for the column.
    """

    refused: str = ""
    change: Change = field(default_factory=dict)
    guard: Sql | None = None
    convert: Sql | None = None
    cast: Sql | None = None
    kind: str = ""
    text: Sql | None = None
    utc: bool = False
    fragile: bool = False
    breaks: bool = False


STRIPPED: Change = {CONVERTED: None, LOGICAL: None}
"""What makes stored numbers and bytes of a column, whatever they were declared as."""


def reading(leaf: Element) -> Reading:
    """The reading of one column, by what its file declares."""
    what, details = annotation(leaf)
    old, logical = leaf.number(CONVERTED), leaf.raw.get(LOGICAL)
    physical = leaf.physical
    if old is not None and logical is not None and what in NEW.values() and not agree(old, leaf, what, details):
        return Reading(f"{new_name(what, details)} by one annotation and {old_name(old)} by the other", breaks=True)
    if what in ("", "none"):
        if physical == "INT96":
            return _int96()
        if physical in PLAIN:
            return Reading()
        return Reading(f"{physical} without an annotation, which is plain bytes and no text")
    rule = RULES.get(what)
    if rule is None:
        return Reading(f"{what}, for which contracts have no type", breaks=True)
    found: Reading = rule(leaf, details)
    return found


def reading_text(leaf: Element) -> Reading:
    """The reading of one column that the contract says is text: bytes that nothing is said of are its letters."""
    if leaf.physical == "BYTE_ARRAY" and annotation(leaf)[0] in ("", "none"):
        return Reading(change={CONVERTED: OLD.index("UTF8"), LOGICAL: None}, kind="VARCHAR")
    return reading(leaf)


def _wrong(leaf: Element, what: str) -> Reading:
    return Reading(f"{what} stored as {leaf.physical}, which Parquet does not have", breaks=True)


def _whole(leaf: Element, details: Any) -> Reading:
    width, signed = integer(details)
    label = f"{'' if signed else 'U'}INT_{width}"
    if width not in (8, 16, 32, 64) or leaf.physical != ("INT64" if width == 64 else "INT32"):
        return _wrong(leaf, label)
    if width in (8, 16):
        low, high = (-(1 << width - 1), (1 << width - 1) - 1) if signed else (0, (1 << width) - 1)
        change: Change = {CONVERTED: None, LOGICAL: None}
        return Reading(change=change, guard=lambda x: f"({x} BETWEEN {low} AND {high})", kind="INTEGER")
    return Reading(change={} if signed or leaf.number(CONVERTED) is not None else {CONVERTED: OLD.index(label)})


def _decimal(leaf: Element, details: Any) -> Reading:
    precision = details.get(2, 0) if details is not None else leaf.number(PRECISION) or 0
    scale = details.get(1, 0) if details is not None else leaf.number(SCALE) or 0
    label = f"DECIMAL({precision},{scale})"
    if leaf.physical not in ("INT32", "INT64", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"):
        return _wrong(leaf, label)
    if not 0 <= scale <= precision or precision < 1:
        return Reading(f"{label}, which is no decimal", breaks=True)
    if precision > 38:
        return Reading(f"{label}: decimals of more than 38 digits cannot be read exactly")
    # DuckDB wraps a stored number that needs more room than it takes for the declared digits
    stored = {"INT32": 9 if precision < 5 else precision, "INT64": 18 if precision < 10 else precision}
    digits = stored.get(str(leaf.physical), precision)
    change: Change = {}
    if digits != precision or leaf.number(CONVERTED) is None or leaf.number(SCALE) is None:
        change = {CONVERTED: OLD.index("DECIMAL"), PRECISION: digits, SCALE: scale, LOGICAL: None}
    kind = f"DECIMAL({precision},{scale})"
    limit = f"CAST('{'9' * (precision - scale) or '0'}.{'9' * scale}' AS DECIMAL({digits},{scale}))"
    cast = (lambda x: f"CAST({x} AS {kind})") if digits != precision else None
    top = f"CAST('{'9' * (digits - scale) or '0'}.{'9' * scale}' AS DECIMAL({digits},{scale}))"
    return Reading(
        change=change,
        guard=lambda x: f"({x} BETWEEN -{limit} AND {limit})",
        cast=cast,
        kind=kind,
        text=lambda x: (
            f"CASE WHEN {x} BETWEEN -{top} AND {top} THEN to_json({x}) ELSE to_json(CAST({x} AS DOUBLE)) END"
        ),
        fragile=precision == 38,
    )


def _date(leaf: Element, _: Any) -> Reading:
    if leaf.physical != "INT32":
        return _wrong(leaf, "DATE")
    change: Change = {} if leaf.number(CONVERTED) is not None else {CONVERTED: OLD.index("DATE")}
    return Reading(change=change, guard=lambda x: f"isfinite({x})")


def _moment(leaf: Element, details: Any) -> Reading:
    if leaf.physical != "INT64":
        return _wrong(leaf, "TIMESTAMP")
    if details is None:
        # the old annotation says by its definition that the time is in UTC; DuckDB takes it for a local one
        return Reading(guard=_in_range, convert=lambda x: f"timezone('UTC', {x})", kind=MOMENT, utc=True)
    unit, utc = unit_of(details), bool(details.get(1))
    if unit == "?":
        return Reading("a TIMESTAMP in a unit that is not known")
    if unit == "NANOS" and utc:
        return Reading(
            change={CONVERTED: None, LOGICAL: None},
            guard=lambda x: f"({x} % 1000 = 0)",
            convert=lambda x: f"timezone('UTC', make_timestamp({x} // 1000))",
            kind=MOMENT,
        )
    if unit == "NANOS":
        return Reading(guard=lambda x: f"(isfinite({x}) AND {x} >= {FIRST_NANOS})", fragile=True)
    if utc:
        return Reading(guard=lambda x: f"(isfinite({x}) AND {x} >= timezone('UTC', {FIRST_MOMENT}))", fragile=True)
    return Reading(guard=_in_range, fragile=True)


def _in_range(x: str) -> str:
    return f"(isfinite({x}) AND {x} >= {FIRST_MOMENT})"


def _int96() -> Reading:
    """Nanoseconds of a day and the number of the day, each with its last byte first.

    They are read as one decimal, which DuckDB takes with its first byte first, and taken apart by arithmetic.
    """

    def part(x: str, first: int, count: int) -> str:
        number = f"CAST({x} AS HUGEINT)"
        return "(" + " + ".join(
            f"((({number} >> {8 * (11 - first - at)}) & 255) << {8 * at})" for at in range(count)
        ) + ")"  # fmt: skip

    def nanos(x: str) -> str:
        return part(x, 0, 8)

    def day(x: str) -> str:
        return part(x, 8, 4)

    return Reading(
        change={TYPE: 7, LENGTH: 12, CONVERTED: OLD.index("DECIMAL"), PRECISION: 38, SCALE: 0},
        guard=lambda x: (
            f"({nanos(x)} < 86400000000000 AND {nanos(x)} % 1000 = 0 "
            f"AND {day(x)} BETWEEN {INT96_DAYS[0]} AND {INT96_DAYS[1]})"
        ),
        convert=lambda x: f"make_timestamp(CAST(({day(x)} - 2440588) * 86400000000 + {nanos(x)} // 1000 AS BIGINT))",
        kind="TIMESTAMP",
    )


def _text(leaf: Element, _: Any) -> Reading:
    if leaf.physical not in ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"):
        return _wrong(leaf, "text")
    # JSON is read as the text that it is: DuckDB writes its numbers again, and stops at the first that is none
    good = leaf.number(CONVERTED) in (OLD.index("UTF8"), OLD.index("ENUM"))
    return Reading(change={} if good else {CONVERTED: OLD.index("UTF8"), LOGICAL: None}, kind="VARCHAR")


def _fixed(what: str, length: int) -> Callable[[Element, Any], Reading]:
    def rule(leaf: Element, _: Any) -> Reading:
        good = leaf.physical == "FIXED_LEN_BYTE_ARRAY" and leaf.number(LENGTH) == length
        return Reading() if good else _wrong(leaf, what)

    return rule


def _nothing(*_: Any) -> Reading:
    return Reading(kind="NULL")


RULES: dict[str, Callable[[Element, Any], Reading]] = {
    "INTEGER": _whole,
    "DECIMAL": _decimal,
    "DATE": _date,
    "TIMESTAMP": _moment,
    "TIMESTAMP_MILLIS": _moment,
    "TIMESTAMP_MICROS": _moment,
    "STRING": _text,
    "ENUM": _text,
    "JSON": _text,
    "UUID": _fixed("UUID", 16),
    "FLOAT16": _fixed("FLOAT16", 2),
    "UNKNOWN": _nothing,
}
