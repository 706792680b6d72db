"""The alerts file: channels, business hours and routes. YAML with file and line; all mistakes are reported together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from platform_assets.alerts.channels.settings import PagerDutySettings, Settings
from platform_assets.alerts.routing.channel_settings import read_channels
from platform_assets.alerts.routing.conditions import Resolve, read_condition
from platform_assets.alerts.routing.hours import read_clock, read_hours
from platform_assets.alerts.routing.literal_secrets import WITHHELD, without_secrets
from platform_assets.alerts.routing.model import CONSOLE, ESCALATE_AFTER_MINUTES, Alerts, Condition, Digest, Route
from platform_assets.contracts.document import mapping_of
from platform_assets.contracts.problems import Findings, InvalidFile, Path_, suggestion
from platform_assets.contracts.shapes import mapping, texts, unknown_keys
from platform_assets.contracts.yaml_files import text_of

FILE = "alerts.yaml"
TOP = ("timezone", "business_hours", "channels", "routes", "default", "digest", "escalate_after_minutes")
OF_DIGEST = ("to", "at")
MOST_MINUTES = 366 * 24 * 60
OF_ROUTE = ("when", "to", "stop")


class AlertsError(InvalidFile):
    """An alerts file that cannot be used; the text has every mistake, each with file, line and key, and no secret."""

    code = "alerts"


def read_alerts(path: Path, *, resolve: Resolve) -> Alerts:
    """The alerts file at ``path``. Where there is none, everything goes to the console.

    ``resolve`` gives the names of the assets of a selection. Environment variables are not looked at. Raises
    ``AlertsError``.
    """
    text = text_of_alerts(path)
    return Alerts() if text is None else alerts_of(text, path, resolve=resolve)


def text_of_alerts(path: Path) -> str | None:
    """The text of the file; None where there is none. Raises ``AlertsError`` for one that is no text."""
    findings = Findings(path, {})
    try:
        text = text_of(path, findings)
    except FileNotFoundError:
        return None
    if text is None:
        raise AlertsError(findings.problems)
    return text


def alerts_of(text: str, path: Path, *, resolve: Resolve) -> Alerts:
    """What a text says that is, or was, that of the file at ``path``. Raises ``AlertsError``."""
    findings = Findings(path, {})
    data = without_secrets(mapping_of(text, findings), findings)
    unknown_keys(data, TOP, (), findings)
    timezone = _timezone(data.get("timezone", "UTC"), findings)
    has_hours = "business_hours" in data
    business = read_hours(data["business_hours"], findings) if has_hours else ()
    channels = read_channels(data.get("channels", {}), findings)
    # a channel that is wrong is known by its name
    names = {*mapping(data.get("channels", {}), ("channels",), Findings(path, {})), *channels}
    alerts = Alerts(
        path,
        timezone,
        business,
        channels,
        _routes(data.get("routes", []), names, findings, resolve, has_hours=has_hours),
        _to(data.get("default", [CONSOLE]), ("default",), names, findings),
        _digest(data["digest"], channels, names, findings) if "digest" in data else None,
        _escalate_after(data.get("escalate_after_minutes", ESCALATE_AFTER_MINUTES), findings),
    )
    if findings.problems:
        raise AlertsError(findings.problems)
    return alerts


def _digest(value: Any, channels: Mapping[str, Settings], names: Collection[str], findings: Findings) -> Digest | None:
    path: Path_ = ("digest",)
    data = mapping(value, path, findings)
    unknown_keys(data, OF_DIGEST, path, findings)
    to = _to(data.get("to", []), (*path, "to"), names, findings)
    for name in to:
        if isinstance(channels.get(name), PagerDutySettings):
            findings.problem((*path, "to"), f"{name} would page somebody for a summary; name a channel to be read")
    at = read_clock(data.get("at"), (*path, "at"), findings)
    return Digest(to, at) if at is not None else None


def _escalate_after(value: Any, findings: Findings) -> dt.timedelta | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MOST_MINUTES:
        findings.problem(
            ("escalate_after_minutes",), f"must be a number of minutes up to a year, or null for never; it is {value!r}"
        )
        return None
    return dt.timedelta(minutes=value)


def _timezone(value: Any, findings: Findings) -> dt.tzinfo:
    try:
        return ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        hint = suggestion(value, available_timezones()) if isinstance(value, str) else ""
        findings.problem(("timezone",), f"{value!r} is no timezone such as Europe/Berlin{hint}")
        return dt.UTC


def _routes(
    value: Any, names: Collection[str], findings: Findings, resolve: Resolve, *, has_hours: bool
) -> tuple[Route, ...]:
    if not isinstance(value, list):
        findings.problem(("routes",), "must be a list of routes, each with to and, if it is not for everything, when")
        return ()
    found = []
    for index, given in enumerate(value):
        path: Path_ = ("routes", index)
        data = mapping(given, path, findings)
        unknown_keys(data, OF_ROUTE, path, findings)
        stop = data.get("stop", False)
        if not isinstance(stop, bool):
            findings.problem((*path, "stop"), "must be true or false")
        when = Condition()
        if "when" in data:
            when = read_condition(data["when"], (*path, "when"), findings, resolve=resolve, has_hours=has_hours)
        to = _to(data.get("to", []), (*path, "to"), names, findings) if isinstance(given, dict) else ()
        found.append(Route(to, when, stop is True))
    return tuple(found)


def _to(value: Any, path: Path_, names: Collection[str], findings: Findings) -> tuple[str, ...]:
    given = texts([value] if isinstance(value, str) else value, path, findings, "[console]")
    if value == []:
        findings.problem(path, "at least one channel has to be named, so that somebody is told")
    for name in given:
        if name not in names and name != WITHHELD:
            findings.problem(path, f"{name!r} is no channel of this file{suggestion(name, names)}")
    return tuple(given)
