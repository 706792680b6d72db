"""Date and time patterns as the standard writes them (``yyyy-MM-dd``), in strptime's words (``%Y-%m-%d``)."""

from __future__ import annotations

import re

WORDS = {
    "yyyy": "%Y", "uuuu": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%-m", "dd": "%d", "d": "%-d",
    "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I", "mm": "%M", "ss": "%S", "SSSSSS": "%f", "SSS": "%g", "a": "%p",
    "XXX": "%z", "XX": "%z", "X": "%z", "Z": "%z", "DDD": "%j",
}  # fmt: skip


def strptime_format(pattern: str) -> str:
    """``dd.MM.yyyy`` or ``%d.%m.%Y`` as ``%d.%m.%Y``; ``ValueError`` names the part that is not understood."""
    if "%" in pattern:
        return pattern
    found: list[str] = []
    for part in re.finditer(r"'([^']*)'|(([A-Za-z])\3*)|([^A-Za-z'])", pattern):
        quoted, letters, other = part[1], part[2], part[4]
        if quoted is not None:
            found.append(quoted or "'")
        elif letters is not None:
            if letters == "T":
                found.append("T")
            elif letters in WORDS:
                found.append(WORDS[letters])
            else:
                raise ValueError(f"format {pattern!r}: {letters!r} is not understood; known are {', '.join(WORDS)}")
        else:
            found.append(other)
    return "".join(found)
