"""Business hours: what the alerts file says of them, and whether a moment is within."""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Collection, Iterable
from typing import Any

from platform_assets.alerts.routing.model import Window
from platform_assets.contracts.problems import Findings, Path_, suggestion
from platform_assets.contracts.shapes import mapping, unknown_keys

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
KEYS = ("days", "from", "to", "holidays")
MIDNIGHT = "24:00"
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def is_business(windows: Iterable[Window], local: dt.datetime) -> bool:
    """Whether ``local``, a time on the clock of the file's timezone, is within one of the windows."""
    clock = local.time()
    return any(
        local.weekday() in window.days
        and window.start <= clock
        and (window.end is None or clock < window.end)
        and not (window.country and local.date() in _holidays(window.country, window.subdivision))
        for window in windows
    )


def read_hours(value: Any, findings: Findings) -> tuple[Window, ...]:
    """The windows under ``business_hours``: one mapping, or a list of them."""
    path: Path_ = ("business_hours",)
    if isinstance(value, list):
        return tuple(_window(item, (*path, index), findings) for index, item in enumerate(value))
    return (_window(value, path, findings),)


def _window(value: Any, path: Path_, findings: Findings) -> Window:
    data = mapping(value, path, findings)
    unknown_keys(data, KEYS, path, findings)
    start = read_clock(data.get("from"), (*path, "from"), findings) or dt.time()
    end = None if data.get("to") == MIDNIGHT else read_clock(data.get("to"), (*path, "to"), findings)
    if end is not None and end <= start:
        findings.problem((*path, "to"), "must be later than from; for a night name two windows, or use hours: outside")
    country, subdivision = _place(data.get("holidays", ""), (*path, "holidays"), findings)
    return Window(_days(data.get("days"), (*path, "days"), findings), start, end, country, subdivision)


def _days(value: Any, path: Path_, findings: Findings) -> frozenset[int]:
    if not isinstance(value, list) or not value:
        findings.problem(path, "must be a list of days of the week, such as [mon, tue, wed, thu, fri]")
        return frozenset()
    for day in value:
        if day not in DAYS:
            findings.problem(path, f"{day!r} is no day{suggestion(str(day), DAYS)}; they are {', '.join(DAYS)}")
    return frozenset(DAYS.index(day) for day in value if day in DAYS)


def read_clock(value: Any, path: Path_, findings: Findings) -> dt.time | None:
    """A time of day; None if it is none."""
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        # YAML reads 18:00 without quotes as the number 1080
        findings.problem(path, 'must be a time in quotes, such as "08:00"')
        return None
    return dt.time(int(found[1]), int(found[2]))


def _place(value: Any, path: Path_, findings: Findings) -> tuple[str, str]:
    """Country and subdivision of ``DE/BY``, both of which the package holidays has."""
    if value == "":
        return "", ""
    if not isinstance(value, str):
        # YAML reads NO, the code of Norway, as false
        findings.problem(path, 'must be a country such as "DE", or a subdivision such as "DE/BY", in quotes')
        return "", ""
    country, _, subdivision = value.partition("/")
    known = _countries()
    if country not in known:
        findings.problem(path, f"the package holidays has no country {country!r}{suggestion(country, known)}")
    elif subdivision and subdivision not in known[country]:
        names = ", ".join(known[country]) or "there is none"
        findings.problem(path, f"the package holidays has no subdivision {subdivision!r} of {country}: {names}")
    else:
        return country, subdivision
    return "", ""


def _countries() -> dict[str, Collection[str]]:
    # 0.35 s to import, so only for a file that names holidays
    import holidays

    return dict(holidays.list_supported_countries(include_aliases=False))


@functools.cache
def _holidays(country: str, subdivision: str) -> Any:
    """A mapping of dates that fills itself year by year. Half days are no holidays."""
    import holidays

    return holidays.country_holidays(country, subdiv=subdivision or None)
