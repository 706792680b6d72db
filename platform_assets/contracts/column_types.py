"""The type of a column, from its logical type and what its physical type adds: length, precision and time zone."""

from __future__ import annotations

import re
from typing import Any

from platform_assets.contracts.model import LogicalType
from platform_assets.contracts.problems import Findings, Path_, suggestion

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
    "vector": LogicalType.JSON,
    "time": LogicalType.STRING,
}


def column_type(item: dict[str, Any], path: Path_, findings: Findings) -> LogicalType | None:
    logical = item.get("logicalType")
    physical = str(item.get("physicalType") or "").strip().lower()
    if logical is None:
        kind = _physical_kind(physical)
        if kind is None:
            findings.note(
                path, f"column {item.get('name')!r} has no logicalType, one of {', '.join(LOGICAL)}: it is read as text"
            )
        return kind or LogicalType.STRING
    if logical == "time":
        findings.note((*path, "logicalType"), "a time of day is text here; its form is checked, its limits are not")
    kind = LOGICAL.get(logical)
    if kind is None:
        findings.problem(
            (*path, "logicalType"), f"{logical!r} is not a type of the standard{suggestion(str(logical), LOGICAL)}"
        )
        return None
    of_physical = _physical_kind(physical)
    if kind is LogicalType.TIMESTAMP and of_physical is LogicalType.TIMESTAMP_TZ:
        return LogicalType.TIMESTAMP_TZ
    if (
        of_physical is not None
        and of_physical != kind
        and {of_physical, kind} != {LogicalType.INTEGER, LogicalType.NUMBER}
    ):
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


def physical_length(item: dict[str, Any], kind: LogicalType) -> int | None:
    match = re.fullmatch(
        r"\s*(?:n?varchar2?|n?char|character varying|character)\s*\(\s*(\d+)\s*\)\s*",
        str(item.get("physicalType") or "").lower(),
    )
    return int(match[1]) if match and kind is LogicalType.STRING else None


def read_precision(
    item: dict[str, Any], kind: LogicalType, properties: dict[str, Any], path: Path_, findings: Findings
) -> tuple[int | None, int | None]:
    if kind is not LogicalType.NUMBER:
        return None, None
    match = re.fullmatch(
        r"\s*(?:decimal|numeric|number|dec)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*",
        str(item.get("physicalType") or "").lower(),
    )
    precision, scale = (int(match[1]), int(match[2] or 0)) if match and match[1] else (None, None)
    if match and not match[1]:
        findings.note(
            (*path, "physicalType"), "names no precision, so the column is read as a double; write DECIMAL(p,s)"
        )
    if "precision" in properties:
        precision = properties["precision"][0]
        scale = properties["scale"][0] if "scale" in properties else 0
    elif "scale" in properties:
        findings.problem(properties["scale"][1], "scale needs precision beside it")
    whole = isinstance(precision, int) and isinstance(scale, int)
    if precision is not None and not (whole and 1 <= precision <= 38 and 0 <= (scale or 0) <= precision):
        findings.problem(
            path, f"precision {precision} and scale {scale} must be whole numbers, 1 to 38 and 0 to the precision"
        )
        return None, None
    return precision, scale
