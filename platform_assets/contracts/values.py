"""What a contract says of a value, in a column and inside JSON alike: its type, limits and pattern."""

from __future__ import annotations

from typing import Any

from platform_assets.contracts.column_options import (
    check_options,
    multiple_of,
    read_enum,
    read_length,
    read_limits,
    read_pattern,
)
from platform_assets.contracts.column_types import physical_length, read_precision
from platform_assets.contracts.model import LogicalType, RowExpression
from platform_assets.contracts.problems import Findings, Path_
from platform_assets.contracts.time_formats import strptime_format
from platform_assets.contracts.zones import check_zone


def read_value(
    name: str, item: dict[str, Any], kind: LogicalType, properties: dict[str, Any], path: Path_,
    rules: list[RowExpression], findings: Findings,
) -> dict[str, Any]:  # fmt: skip
    """The fields of a ``Column`` that say what its values are; ``kind`` is its type as far as it is known.

    ``rules`` are given those of its options that are rules of their own; ``name`` is what they call it.
    """
    options = options_of(item)
    is_time = item.get("logicalType") == "time"
    check_options(options, kind, path, findings, is_time=is_time)
    precision, scale = read_precision(item, kind, properties, path, findings)
    form = options.get("format") if kind in (LogicalType.DATE, LogicalType.TIMESTAMP) else None
    if form is not None:
        form = _time_format(str(form), (*path, "logicalTypeOptions", "format"), findings)
    zone = options.get("defaultTimezone")
    if zone is not None and kind is LogicalType.TIMESTAMP:
        kind = LogicalType.TIMESTAMP_TZ
        check_zone(str(zone), (*path, "logicalTypeOptions", "defaultTimezone"), findings)
    if options.get("timezone") is True:
        kind = LogicalType.TIMESTAMP_TZ
    low, low_open, high, high_open = read_limits({} if is_time else options, kind, path, findings)
    pattern = read_pattern(name, options, kind, path, rules, findings, is_time=is_time)
    exact = 0 if kind is LogicalType.INTEGER else scale if kind is LogicalType.NUMBER else None
    if (rule := multiple_of(name, options, exact, path, findings)) is not None:
        rules.append(rule)
    longest = read_length(options, "maxLength", path, findings)
    return {
        "type": kind,
        "precision": precision,
        "scale": scale,
        "format": form,
        "default_timezone": str(zone) if zone is not None else None,
        "pattern": pattern,
        "minimum": low,
        "maximum": high,
        "exclusive_minimum": low_open,
        "exclusive_maximum": high_open,
        "min_length": read_length(options, "minLength", path, findings),
        "max_length": longest if longest is not None else physical_length(item, kind),
        "allowed_values": read_enum(item, kind, path, findings),
    }


def options_of(item: dict[str, Any]) -> dict[str, Any]:
    """The options of an item's logical type; none where they are no mapping."""
    options = item.get("logicalTypeOptions")
    return options if isinstance(options, dict) else {}


def _time_format(form: str, path: Path_, findings: Findings) -> str | None:
    try:
        return strptime_format(form)
    except ValueError as error:
        findings.problem(path, str(error))
        return None
