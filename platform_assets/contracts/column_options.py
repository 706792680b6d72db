"""The options of a column's logical type: limits, lengths, patterns. They become the column's row rules."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal, localcontext
from typing import Any

from platform_assets.contracts.conditions import Matches, MultipleOf
from platform_assets.contracts.model import LogicalType, RowExpression
from platform_assets.contracts.plain_values import plain_number, plain_text, yaml_text
from platform_assets.contracts.problems import Findings, Path_, suggestion

OPTIONS = {
    LogicalType.STRING: {"pattern", "minLength", "maxLength", "format"},
    LogicalType.INTEGER: {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format"},
    LogicalType.NUMBER: {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format"},
    LogicalType.DATE: {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "format"},
    LogicalType.TIMESTAMP: {
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "format", "timezone", "defaultTimezone",
    },
    LogicalType.BOOLEAN: set(),
    LogicalType.JSON: {"required", "minItems", "maxItems", "uniqueItems"},
}  # fmt: skip
LONGEST = 2**31 - 1
NOT_CARRIED_OUT = {"minProperties", "maxProperties", "dimension"}
TIME = r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?$"
"""Texts of the logical type ``time``, where the contract says no format."""
TIME_OPTIONS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "format", "timezone", "defaultTimezone"}
WHOLE = {f"{sign}{bits}": (sign == "i", bits) for sign in "iu" for bits in (8, 16, 32, 64, 128)}
"""The formats of integers: whether there are negative ones, and how many bits they have."""
STRING_FORMATS = {
    "email": r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
    "uuid": r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    "uri": r"^[A-Za-z][A-Za-z0-9+.-]*:\S+$",
    "hostname": r"^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$",
    "ipv4": r"^((25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(25[0-5]|2[0-4]\d|1?\d?\d)$",
}


def check_options(
    options: dict[str, Any], kind: LogicalType, path: Path_, findings: Findings, *, is_time: bool = False
) -> None:
    if is_time:
        for key in options:
            place = (*path, "logicalTypeOptions", key)
            if key in TIME_OPTIONS:
                findings.note(place, "is not carried out by the platform")
            else:
                findings.problem(place, f"is not an option of type time{suggestion(key, TIME_OPTIONS)}")
        return
    known = OPTIONS[LogicalType.TIMESTAMP if kind is LogicalType.TIMESTAMP_TZ else kind]
    for key in options:
        place = (*path, "logicalTypeOptions", key)
        if key in known and options[key] is None:
            findings.problem(place, "has no value, so it would be no rule; leave the key out")
        elif key in known:
            if key == "format" and (
                kind is LogicalType.NUMBER or (kind is LogicalType.INTEGER and options[key] not in WHOLE)
            ):
                findings.note(place, "is not carried out by the platform")
        elif key in NOT_CARRIED_OUT:
            findings.note(place, "is not carried out by the platform")
        else:
            findings.problem(place, f"is not an option of type {kind}{suggestion(key, known)}")


def read_limits(
    options: dict[str, Any], kind: LogicalType, path: Path_, findings: Findings
) -> tuple[str | None, bool, str | None, bool]:
    """Both limits as text and whether each is exclusive; the standard writes exclusive ones in two ways."""
    found: list[tuple[str | None, bool]] = []
    for inclusive, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        value, open_side, key = options.get(inclusive), False, inclusive
        other = options.get(exclusive)
        if isinstance(other, bool):
            open_side = other
            if value is None:
                findings.problem((*path, "logicalTypeOptions", exclusive), f"says nothing without {inclusive}")
        elif other is not None:
            if value is not None:
                findings.problem((*path, "logicalTypeOptions", exclusive), f"stands beside {inclusive}; give one limit")
            value, open_side, key = other, True, exclusive
        text = _limit(value, kind, (*path, "logicalTypeOptions", key), findings)
        if value is not None and text is None:
            message = f"{yaml_text(value)[:60]!r} is not a value of type {kind}"
            findings.problem((*path, "logicalTypeOptions", key), message)
        found.append((text, open_side))
    (low, low_open), (high, high_open) = found
    if kind is LogicalType.INTEGER and options.get("format") in WHOLE:
        negative, bits = WHOLE[str(options["format"])]
        # a column holds no more than 64 bits
        least, most = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if negative else (0, 2**bits - 1)
        if bits < 64 or (not negative and bits >= 64):
            if low is None or Decimal(low) < least:
                low, low_open = str(least), False
            if bits < 64 and (high is None or Decimal(high) > most):
                high, high_open = str(most), False
    return low, low_open, high, high_open


def _limit(value: Any, kind: LogicalType, path: Path_, findings: Findings) -> str | None:
    """A limit as plain text. A time with an offset is a limit of times without a zone too: they are in UTC."""
    text = plain_text(value, kind)
    if text is None and kind is LogicalType.TIMESTAMP and (zoned := plain_text(value, LogicalType.TIMESTAMP_TZ)):
        text = dt.datetime.fromisoformat(zoned).astimezone(dt.UTC).replace(tzinfo=None).isoformat(" ")
        findings.note(path, f"is taken as {text}, in UTC: the column's times have no zone (`timezone: true`)")
    return text


def read_pattern(
    name: str, options: dict[str, Any], kind: LogicalType, path: Path_, rules: list[RowExpression], findings: Findings,
    *, is_time: bool = False,
) -> str | None:  # fmt: skip
    if kind is not LogicalType.STRING:
        return None
    if is_time:
        return None if options.get("format") else TIME
    pattern = options.get("pattern")
    form = options.get("format")
    if form is not None and str(form) not in STRING_FORMATS:
        findings.note((*path, "logicalTypeOptions", "format"), f"{form!r} is not carried out by the platform")
    elif form is not None:
        regex = STRING_FORMATS[str(form)]
        if pattern is None:
            return regex
        rules.append(RowExpression(f"format:{name}", Matches(name, regex)))
    return None if pattern is None else str(pattern)


def read_length(options: dict[str, Any], key: str, path: Path_, findings: Findings) -> int | None:
    value = options.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LONGEST:
        findings.problem((*path, "logicalTypeOptions", key), f"must be a whole number from 0, not {str(value)[:40]!r}")
        return None
    return value


def multiple_of(
    name: str, options: dict[str, Any], scale: int | None, path: Path_, findings: Findings
) -> RowExpression | None:
    """The rule ``multipleOf`` of an integer (``scale`` 0) or an exact decimal; None as ``scale`` is for other types."""
    if "multipleOf" not in options:
        return None
    text = plain_number(options["multipleOf"])
    step = None if text is None else Decimal(text)
    if text is None or step is None or step <= 0 or scale is None:
        message = "must be above 0, on an integer or an exact decimal"
        findings.problem((*path, "logicalTypeOptions", "multipleOf"), message)
        return None
    return RowExpression(f"multiple_of:{name}", MultipleOf(name, _of_scale(text, scale)))


def _of_scale(step: str, scale: int) -> str:
    """The smallest multiple of ``step`` that a column of ``scale`` decimals can hold.

    Beside more decimals than its own DuckDB would widen the column's values to a type that some of them do not fit.
    """
    with localcontext(prec=1000):
        number = Decimal(step)
        decimals = len(format(number, "f").partition(".")[2])
        if decimals <= scale:
            return step
        unit = 10 ** (decimals - scale)
        multiple = math.lcm(int(number.scaleb(decimals)), unit) // unit
        # a larger one than any value has 0 as its only multiple, like this one
        return format(Decimal(min(multiple, 10**38 - 1)).scaleb(-scale), "f")


def read_enum(item: dict[str, Any], kind: LogicalType, path: Path_, findings: Findings) -> tuple[str, ...]:
    """The values that a column may have, each as plain text of its type."""
    given = item.get("enum")
    if "enum" not in item:
        return ()
    if not isinstance(given, list) or not given:
        findings.problem((*path, "enum"), "must be a list of values, at least one; leave the key out for no rule")
        return ()
    if kind is LogicalType.JSON:
        findings.problem((*path, "enum"), f"is not for type {kind}")
        return ()
    values: list[str] = []
    for index, entry in enumerate(given):
        place = (*path, "enum", index)
        value = entry.get("value") if isinstance(entry, dict) else entry
        text = plain_text(value, kind)
        if text is None:
            hint = "; put it in quotes" if isinstance(value, (bool, float)) else ""
            findings.problem(place, f"{yaml_text(value)[:60]!r} is not a value of type {kind}{hint}")
        else:
            values.append(text)
    return tuple(values)


def read_truth(item: dict[str, Any], key: str, path: Path_, findings: Findings) -> bool:
    """A key that is true or false; a word in its place would be taken for false."""
    value = item.get(key)
    if value not in (None, True, False) or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        findings.problem((*path, key), f"must be true or false, not {value!r}")
    return value is True
