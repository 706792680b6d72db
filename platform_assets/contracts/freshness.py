"""How late the newest data may be, from a contract's SLA properties."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from platform_assets.contracts.model import Freshness
from platform_assets.contracts.orchestration import is_cron
from platform_assets.contracts.problems import Findings, Path_
from platform_assets.contracts.properties import mappings
from platform_assets.contracts.zones import check_zone

LONGEST = 100 * 31557600
"""Seconds of the longest latency: 100 years."""
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31557600}


TIME_OF_DAY = re.compile(r"([0-9][0-9]?):([0-9][0-9])(?::[0-9][0-9])?\s*(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?")


def read_freshness(data: dict[str, Any], table: dict[str, Any], findings: Findings) -> Freshness:
    """How late the newest data of a table may be. The standard's other SLA properties are reported as notes."""
    latency: dt.timedelta | None = None
    cron: str | None = None
    zone = "UTC"
    objective: float | None = None
    for _, item in mappings(data, "customProperties"):
        if item.get("property") == "timezone":
            zone = str(item.get("value"))
    available: list[tuple[int, str]] = []
    for index, item in mappings(data, "slaProperties"):
        path = ("slaProperties", index)
        name = str(item.get("property") or "").lower()
        if not _is_meant(item, data, table):
            continue
        if name in ("latency", "freshness", "ly"):
            found = _duration(item)
            if found is None:
                findings.problem(
                    (*path, "value"),
                    f"{item.get('value')!r} {item.get('unit') or ''} must be above 0, with the unit d, h, m or s",
                )
            latency = found if latency is None or found is None else min(latency, found)
            cron = _schedule(item, path, findings) or cron
        elif name in ("timeofavailability", "time_of_availability", "ta"):
            match = TIME_OF_DAY.fullmatch(str(item.get("value")).strip())
            if not match or int(match[1]) > 23 or int(match[2]) > 59:
                message = f"{item.get('value')!r} must be a time of day such as '08:30' or '08:30+01:00'"
                findings.problem((*path, "value"), message)
                continue
            minutes, named = int(match[1]) * 60 + int(match[2]), str(item.get("valueExt") or zone)
            available.append(_with_offset(minutes, match[3]) if match[3] else (minutes, named))
        elif name == "ontime":
            objective = _share(item)
            if objective is None:
                message = f"{item.get('value')!r} must be a percentage above 0 and below 100, such as 95 or '99.5%'"
                findings.problem((*path, "value"), message)
        else:
            findings.note(path, f"the SLA property {item.get('property')!r} is kept, and not carried out")
    if available:
        # what is promised to two readers is due when the first of them wants it
        minutes, zone = min(available)
        cron = f"{minutes % 60} {minutes // 60} * * *"
    check_zone(zone, ("slaProperties",), findings)
    return Freshness(latency, cron, zone, objective)


def _with_offset(minutes: int, offset: str) -> tuple[int, str]:
    """A time of day with an offset: in the zone of whole hours that has it, else in UTC."""
    digits = offset.lstrip("Z+-").replace(":", "").ljust(4, "0")
    shift = (-1 if offset.startswith("-") else 1) * (int(digits[:2]) * 60 + int(digits[2:]))
    if shift == 0:
        return minutes, "UTC"
    if shift % 60 == 0 and -12 <= shift // 60 <= 14:
        # the database writes these zones with the sign turned round
        return minutes, f"Etc/GMT{-shift // 60:+d}"
    return (minutes - shift) % 1440, "UTC"


def _schedule(item: dict[str, Any], path: Path_, findings: Findings) -> str | None:
    given = item.get("schedule")
    if not given or is_cron(str(given)):
        return str(given) if given else None
    message = f"{given!r} is no deadline: it needs five fields, minute, hour, day, month, weekday, as in '30 8 * * *'"
    findings.note((*path, "schedule"), message)
    return None


def _is_meant(item: dict[str, Any], data: dict[str, Any], table: dict[str, Any]) -> bool:
    """Whether a property is one of this table: the element that it names may be of another schema."""
    named = {part.strip().split(".")[0] for part in str(item.get("element") or item.get("column") or "").split(",")}
    others = {
        str(other.get(key))
        for _, other in mappings(data, "schema")
        for key in ("name", "physicalName")
        if other is not table and other.get(key)
    }
    own = {str(table.get("name")), str(table.get("physicalName"))}
    return not (named & others) or bool(named & own)


def _share(item: dict[str, Any]) -> float | None:
    match = re.fullmatch(r"\s*([0-9]{1,2}(?:\.[0-9]{1,6})?)\s*%?\s*", str(item.get("value")))
    share = float(match[1]) / 100 if match is not None else 0.0
    return share if 0 < share < 1 and str(item.get("unit") or "%").lower() in ("%", "percent") else None


def _duration(item: dict[str, Any]) -> dt.timedelta | None:
    match = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*", str(item.get("value")))
    unit = str(item.get("unit") or (match[2] if match else "") or "").lower()
    if not match or not unit or unit[0] not in SECONDS or unit.startswith("mo"):
        return None
    seconds = float(match[1]) * SECONDS[unit[0]]
    return dt.timedelta(seconds=seconds) if 0 < seconds < LONGEST else None
