"""Durations as people write them: 90s, 15m, 2h, 1d, or a number of seconds."""

from __future__ import annotations

import re

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
MOST = 30 * UNITS["d"]
_TEXT = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([smhd]?)")


def seconds_of(value: object) -> float:
    """The seconds of a duration such as 90, "90s", "1.5h". Raises ValueError that says what is allowed."""
    found = _TEXT.fullmatch(str(value).strip()) if not isinstance(value, bool) else None
    seconds = float(found[1]) * UNITS[found[2] or "s"] if found else 0.0
    if not 0 < seconds <= MOST:
        raise ValueError(f"{value!r} must be a duration above 0, at most 30 days, such as 90s, 15m, 2h or 1d")
    return seconds


def shown(seconds: float) -> str:
    """A duration in the largest unit that it is a whole number of."""
    for unit in ("d", "h", "m"):
        if seconds >= UNITS[unit] and seconds % UNITS[unit] == 0:
            return f"{seconds / UNITS[unit]:g} {unit}"
    return f"{seconds:g} s"
