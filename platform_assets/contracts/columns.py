"""The properties of a contract's schema object, read into columns: type, row rules and protection.

Rules over all rows of a partition, and rules that look at several columns, are in ``quality``.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from platform_assets.contracts.identifiers import quoted, sql_text
from platform_assets.contracts.model import Column, LogicalType, NestedProtection, Protection, RowExpression
from platform_assets.contracts.problems import Findings, Path_, suggestion
from platform_assets.contracts.properties import custom, mappings, texts
from platform_assets.contracts.time_formats import strptime_format

PERSONAL = frozenset({"personal", "pii", "phi", "spi", "sensitive", "sensitive personal", "personal data", "special category"})
"""Classifications of a value that may not be written in clear outside the quarantine."""

LOGICAL = {
    "string": LogicalType.STRING,
    "integer": LogicalType.INTEGER,
    "number": LogicalType.NUMBER,
    "boolean": LogicalType.BOOLEAN,
    "date": LogicalType.DATE,
    "timestamp": LogicalType.TIMESTAMP,
    "object": LogicalType.JSON,
    "array": LogicalType.JSON,
    "map": LogicalType.JSON,
}

COMMON = frozenset({"protection"})
CUSTOM = {
    LogicalType.NUMBER: frozenset({"precision", "scale", "rounding"}),
    LogicalType.BOOLEAN: frozenset({"trueValues", "falseValues"}),
}
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
NOT_USED = ("transformLogic", "encryptedName", "partitioned", "semanticType")


def read_columns(table: dict[str, Any], path: Path_, findings: Findings) -> tuple[tuple[Column, ...], tuple[str, ...], tuple[RowExpression, ...]]:
    """The columns, the primary key in its order, and the row rules that a column's own fields cannot hold."""
    columns: list[Column] = []
    rules: list[RowExpression] = []
    keys: list[tuple[int, int, str]] = []
    seen: dict[str, str] = {}
    for index, item in mappings(table, "properties"):
        place = (*path, "properties", index)
        column = _column(item, place, rules, findings)
        if column is None:
            continue
        for label, name in (("name", column.name), ("name in the file", column.source_name)):
            # the engine tells no upper from lower case in the names of columns
            key = f"{label}:{name.lower() if label == 'name' else name}"
            if key in seen:
                findings.problem((*place, "name"), f"{label} {name!r} is already that of column {seen[key]!r}")
            seen.setdefault(key, column.name)
        if item.get("primaryKey") is True:
            position = item.get("primaryKeyPosition")
            keys.append((position if isinstance(position, int) and position > 0 else 10_000, index, column.name))
        columns.append(column)
    if not columns and not findings.problems:
        findings.problem((*path, "properties"), "a feed needs at least one column")
    return tuple(columns), tuple(name for _, _, name in sorted(keys)), tuple(rules)


def _column(item: dict[str, Any], path: Path_, rules: list[RowExpression], findings: Findings) -> Column | None:
    name = item.get("name")
    if not isinstance(name, str) or not name:
        findings.problem((*path, "name"), "a column needs a name")
        return None
    if name.startswith("_"):
        findings.problem((*path, "name"), f"{name!r}: names that begin with '_' are the platform's own")
    kind = _type(item, path, findings)
    if kind is None:
        return None
    properties = custom(item, path, COMMON | CUSTOM.get(kind, frozenset()), findings)
    options = item.get("logicalTypeOptions")
    options = options if isinstance(options, dict) else {}
    _check_options(options, kind, path, findings)
    for key in NOT_USED:
        if item.get(key) not in (None, False, "column"):
            findings.note((*path, key), "is not carried out by the platform")
    precision, scale = _precision(item, kind, properties, path, findings)
    fmt = options.get("format") if kind in (LogicalType.DATE, LogicalType.TIMESTAMP) else None
    if fmt is not None:
        fmt = _time_format(str(fmt), (*path, "logicalTypeOptions", "format"), findings)
    zone = options.get("defaultTimezone")
    if zone is not None and kind is LogicalType.TIMESTAMP:
        kind = LogicalType.TIMESTAMP_TZ
        _check_zone(str(zone), (*path, "logicalTypeOptions", "defaultTimezone"), findings)
    if options.get("timezone") is True:
        kind = LogicalType.TIMESTAMP_TZ
    low, low_open, high, high_open = _limits(options, kind, path, findings)
    pattern = _pattern(name, options, kind, path, rules, findings)
    if "multipleOf" in options and kind in (LogicalType.INTEGER, LogicalType.NUMBER):
        step = _decimal(options["multipleOf"])
        if step is None or step <= 0 or (kind is LogicalType.NUMBER and scale is None):
            findings.problem((*path, "logicalTypeOptions", "multipleOf"), "must be above 0, on an integer or an exact decimal")
        else:
            quoted_name = quoted(name)
            rules.append(RowExpression(f"multiple_of:{name}", f"{quoted_name} % {step} = 0"))
    return Column(
        name=name,
        type=kind,
        source_name=str(item.get("physicalName") or name),
        description=str(item.get("description") or item.get("businessName") or ""),
        precision=precision,
        scale=scale,
        rounding=_flag(properties, "rounding", findings),
        format=fmt,
        default_timezone=str(zone) if zone is not None else None,
        true_values=_words(properties, "trueValues", ("true",)),
        false_values=_words(properties, "falseValues", ("false",)),
        required=item.get("required") is True or item.get("primaryKey") is True,
        unique=item.get("unique") is True,
        pattern=pattern,
        minimum=low,
        maximum=high,
        exclusive_minimum=low_open,
        exclusive_maximum=high_open,
        min_length=_length(options, "minLength", path, findings),
        max_length=_length(options, "maxLength", path, findings) or _physical_length(item, kind),
        allowed_values=tuple(_text(entry.get("value")) for _, entry in mappings(item, "enum")),
        protection=_protection(item, properties, path, findings),
        nested=tuple(_nested(item, (), path, findings)) if kind is LogicalType.JSON else (),
        classification=item.get("classification"),
        tags=texts(item, "tags"),
    )


def _type(item: dict[str, Any], path: Path_, findings: Findings) -> LogicalType | None:
    logical = item.get("logicalType")
    physical = str(item.get("physicalType") or "").strip().lower()
    if logical is None:
        kind = _physical_kind(physical)
        if kind is None:
            findings.problem((*path, "logicalType"), f"column {item.get('name')!r} needs a logicalType, one of {', '.join(LOGICAL)}")
        return kind
    if logical in ("time", "vector"):
        findings.problem((*path, "logicalType"), f"{logical!r} is not supported; use 'string' with a pattern")
        return None
    kind = LOGICAL.get(logical)
    if kind is None:
        findings.problem((*path, "logicalType"), f"{logical!r} is not a type of the standard{suggestion(str(logical), LOGICAL)}")
        return None
    of_physical = _physical_kind(physical)
    if kind is LogicalType.TIMESTAMP and of_physical is LogicalType.TIMESTAMP_TZ:
        return LogicalType.TIMESTAMP_TZ
    if of_physical is not None and of_physical != kind and {of_physical, kind} != {LogicalType.INTEGER, LogicalType.NUMBER}:
        findings.note((*path, "physicalType"), f"{item['physicalType']!r} is not used: the column is read as {kind}")
    return kind


def _physical_kind(physical: str) -> LogicalType | None:
    families = (
        (r"(timestamptz|timestamp_tz|timestamp with time zone)\b.*", LogicalType.TIMESTAMP_TZ),
        (r"(timestamp|datetime)\b.*", LogicalType.TIMESTAMP),
        (r"date", LogicalType.DATE),
        (r"bool(ean)?", LogicalType.BOOLEAN),
        (r"(tiny|small|big|u?huge)?int(eger)?(\d+)?|long|short", LogicalType.INTEGER),
        (r"(decimal|numeric|number|dec)\b.*|double( precision)?|float\d*|real", LogicalType.NUMBER),
        (r"(n?varchar2?|n?char|text|string|character varying|character)\b.*", LogicalType.STRING),
        (r"json|struct.*|variant|object|array.*", LogicalType.JSON),
    )
    return next((kind for pattern, kind in families if re.fullmatch(pattern, physical)), None)


def _physical_length(item: dict[str, Any], kind: LogicalType) -> int | None:
    match = re.fullmatch(r"\s*(?:n?varchar2?|n?char|character varying|character)\s*\(\s*(\d+)\s*\)\s*", str(item.get("physicalType") or "").lower())
    return int(match[1]) if match and kind is LogicalType.STRING else None


def _precision(
    item: dict[str, Any], kind: LogicalType, properties: dict[str, Any], path: Path_, findings: Findings
) -> tuple[int | None, int | None]:
    if kind is not LogicalType.NUMBER:
        return None, None
    match = re.fullmatch(r"\s*(?:decimal|numeric|number|dec)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*", str(item.get("physicalType") or "").lower())
    precision, scale = (int(match[1]), int(match[2] or 0)) if match and match[1] else (None, None)
    if match and not match[1]:
        findings.note((*path, "physicalType"), "names no precision, so the column is read as a double; write DECIMAL(p,s)")
    if "precision" in properties:
        precision = properties["precision"][0]
        scale = properties["scale"][0] if "scale" in properties else 0
    elif "scale" in properties:
        findings.problem(properties["scale"][1], "scale needs precision beside it")
    whole = isinstance(precision, int) and isinstance(scale, int)
    if precision is not None and not (whole and 1 <= precision <= 38 and 0 <= (scale or 0) <= precision):
        findings.problem(path, f"precision {precision} and scale {scale} must be whole numbers, 1 to 38 and 0 to the precision")
        return None, None
    return precision, scale


def _check_options(options: dict[str, Any], kind: LogicalType, path: Path_, findings: Findings) -> None:
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


def _limits(options: dict[str, Any], kind: LogicalType, path: Path_, findings: Findings) -> tuple[str | None, bool, str | None, bool]:
    """Both limits as text and whether each is exclusive; the standard writes exclusive ones in two ways."""
    found: list[tuple[str | None, bool]] = []
    for inclusive, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        value, open_side, key = options.get(inclusive), False, inclusive
        other = options.get(exclusive)
        if isinstance(other, bool):
            open_side = other
        elif other is not None:
            value, open_side, key = other, True, exclusive
        text = None if value is None else _text(value)
        if text is not None and not _fits(text, kind):
            findings.problem((*path, "logicalTypeOptions", key), f"{text!r} is not a value of type {kind}")
            text = None
        found.append((text, open_side))
    (low, low_open), (high, high_open) = found
    if low is not None and high is not None and kind in (LogicalType.INTEGER, LogicalType.NUMBER) and Decimal(low) > Decimal(high):
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


def _pattern(
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


def _length(options: dict[str, Any], key: str, path: Path_, findings: Findings) -> int | None:
    value = options.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        findings.problem((*path, "logicalTypeOptions", key), f"must be a whole number from 0, not {value!r}")
        return None
    return value


def _protection(item: dict[str, Any], properties: dict[str, Any], path: Path_, findings: Findings) -> Protection:
    given = properties.get("protection")
    if given is not None:
        words = [str(word) for word in Protection]
        if given[0] not in words:
            findings.problem(given[1], f"protection must be one of {', '.join(words)}, not {given[0]!r}{suggestion(str(given[0]), words)}")
            return Protection.DROP
        return Protection(given[0])
    label = str(item.get("classification") or "").lower()
    nested_below = any(True for _ in _nested(item, (), path, Findings(findings.file, findings.lines)))
    if label in PERSONAL and not nested_below:
        findings.problem(
            (*path, "classification"),
            f"column {item.get('name')!r} is {label}: say how it is protected, with the custom property 'protection': hash, mask or drop",
        )
        return Protection.DROP
    if label in ("restricted", "confidential", "secret"):
        findings.note((*path, "classification"), f"{label!r} without a protection: the column is written in clear")
    return Protection.NONE


def _nested(item: dict[str, Any], inside: tuple[str, ...], path: Path_, findings: Findings) -> list[NestedProtection]:
    """Protections of values inside an object or array column, with their paths below the column."""
    children = [(f"{entry.get('physicalName') or entry.get('name')}", entry, (*path, "properties", index)) for index, entry in mappings(item, "properties")]
    items = item.get("items")
    if isinstance(items, dict):
        children.append(("*", items, (*path, "items")))
    found: list[NestedProtection] = []
    for step, child, place in children:
        below = (*inside, step)
        properties = custom(child, place, COMMON | {"precision", "scale", "rounding", "trueValues", "falseValues"}, findings)
        protection = _protection(child, properties, place, findings)
        if protection is not Protection.NONE:
            found.append(NestedProtection(below, protection))
            continue
        rules = [key for key in ("required", "unique", "enum", "quality") if child.get(key)]
        if child.get("logicalTypeOptions"):
            rules.append("logicalTypeOptions")
        if rules:
            findings.note(place, f"{', '.join(rules)} inside a JSON column: not carried out by the platform")
        found.extend(_nested(child, below, place, findings))
    return found


def _time_format(form: str, path: Path_, findings: Findings) -> str | None:
    try:
        return strptime_format(form)
    except ValueError as error:
        findings.problem(path, str(error))
        return None


def _check_zone(zone: str, path: Path_, findings: Findings) -> None:
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        findings.problem(path, f"{zone!r} is not a time zone of the IANA database, such as America/New_York")


def _decimal(value: Any) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def _flag(properties: dict[str, Any], name: str, findings: Findings) -> bool:
    value, path = properties.get(name, (False, ()))
    if not isinstance(value, bool):
        findings.problem(path, f"{name} must be true or false, not {value!r}")
    return value is True


def _words(properties: dict[str, Any], name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    value = properties.get(name, (None,))[0]
    if value is None:
        return default
    return tuple(_text(word).lower() for word in (value if isinstance(value, list) else [value]))


def _text(value: Any) -> str:
    """A YAML value as it would stand in a file: dates in ISO form, booleans in lower case."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.date | dt.datetime):
        return value.isoformat()
    return str(value)
