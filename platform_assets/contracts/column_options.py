"""The options of a column's logical type: limits, lengths, patterns. They become the column's row rules."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, InvalidOperation
from typing import Any

from platform_assets.contracts.identifiers import quoted, sql_text
from platform_assets.contracts.model import LogicalType, RowExpression
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
    LogicalType.JSON: set(),
}  # fmt: skip
NOT_CARRIED_OUT = {"minProperties", "maxProperties", "required", "minItems", "maxItems", "uniqueItems", "dimension"}
STRING_FORMATS = {
    "email": r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
    "uuid": r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    "uri": r"^[A-Za-z][A-Za-z0-9+.-]*:\S+$",
    "ipv4": r"^((25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(25[0-5]|2[0-4]\d|1?\d?\d)$",
}


def check_options(options: dict[str, Any], kind: LogicalType, path: Path_, findings: Findings) -> None:
    known = OPTIONS[LogicalType.TIMESTAMP if kind is LogicalType.TIMESTAMP_TZ else kind]
    for key in options:
        place = (*path, "logicalTypeOptions", key)
        if key in known:
            if key == "format" and kind in (LogicalType.INTEGER, LogicalType.NUMBER):
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
        elif other is not None:
            value, open_side, key = other, True, exclusive
        text = None if value is None else yaml_text(value)
        if text is not None and not _fits(text, kind):
            findings.problem((*path, "logicalTypeOptions", key), f"{text!r} is not a value of type {kind}")
            text = None
        found.append((text, open_side))
    (low, low_open), (high, high_open) = found
    if (
        low is not None
        and high is not None
        and kind in (LogicalType.INTEGER, LogicalType.NUMBER)
        and Decimal(low) > Decimal(high)
    ):
        findings.problem((*path, "logicalTypeOptions"), f"minimum {low} is above maximum {high}")
    return low, low_open, high, high_open


def _fits(text: str, kind: LogicalType) -> bool:
    try:
        if kind in (LogicalType.INTEGER, LogicalType.NUMBER):
            return Decimal(text).is_finite()
        if kind is LogicalType.DATE:
            dt.date.fromisoformat(text)
        elif kind in (LogicalType.TIMESTAMP, LogicalType.TIMESTAMP_TZ):
            dt.datetime.fromisoformat(text)
    except (InvalidOperation, ValueError):
        return False
    return True


def read_pattern(
    name: str, options: dict[str, Any], kind: LogicalType, path: Path_, rules: list[RowExpression], findings: Findings
) -> str | None:
    if kind is not LogicalType.STRING:
        return None
    pattern = options.get("pattern")
    form = options.get("format")
    if form is not None and str(form) not in STRING_FORMATS:
        findings.note((*path, "logicalTypeOptions", "format"), f"{form!r} is not carried out by the platform")
    elif form is not None:
        regex = STRING_FORMATS[str(form)]
        if pattern is None:
            return regex
        quoted_name = quoted(name)
        rules.append(RowExpression(f"format:{name}", f"regexp_matches({quoted_name}, {sql_text(regex)})"))
    return None if pattern is None else str(pattern)


def read_length(options: dict[str, Any], key: str, path: Path_, findings: Findings) -> int | None:
    value = options.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        findings.problem((*path, "logicalTypeOptions", key), f"must be a whole number from 0, not {value!r}")
        return None
    return value


def multiple_of(
    name: str, options: dict[str, Any], exact: bool, path: Path_, findings: Findings
) -> RowExpression | None:
    """The rule ``multipleOf`` of an integer or an exact decimal."""
    if "multipleOf" not in options:
        return None
    step = _decimal(options["multipleOf"])
    if step is None or step <= 0 or not exact:
        message = "must be above 0, on an integer or an exact decimal"
        findings.problem((*path, "logicalTypeOptions", "multipleOf"), message)
        return None
    return RowExpression(f"multiple_of:{name}", f"{quoted(name)} % {step} = 0")


def _decimal(value: Any) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def yaml_text(value: Any) -> str:
    """A YAML value as it would stand in a file: dates in ISO form, booleans in lower case."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.date | dt.datetime):
        return value.isoformat()
    return str(value)
