"""Times in the names of files and folders, as senders spell them, and the pattern that says the same of other files.

``orders_2026-01-05.csv`` becomes ``orders_%Y-%m-%d.csv``. What the partitions of such files are is in ``proposals``.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass

_YEAR, _MONTH, _DAY, _HOUR = r"(?:19|20)\d\d", r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])", r"(?:[01]\d|2[0-3])"
_PIECES = {"Y": _YEAR, "m": _MONTH, "d": _DAY, "H": _HOUR, "G": _YEAR, "V": r"(?:0[1-9]|[1-4]\d|5[0-3])"}
_START, _END = r"(?<!\d)", r"(?!\d)"
_CLOCK = r"(?:[0-5]\d)"

SPELLINGS = (
    # a moment to the second or minute: when the file was written, which tells the day of its rows
    *(
        (f"{day}{between}{clock}", f"{form}{shown}*")
        for day, form in (("YYYY-mm-dd", "%Y-%m-%d"), ("YYYYmmdd", "%Y%m%d"), ("YYYY_mm_dd", "%Y_%m_%d"))
        for between, shown in (("T", "T"), ("_", "_"), ("-", "-"), (" ", " "), ("", ""))
        for clock in ("HH-MM-SS", "HH_MM_SS", "HH:MM:SS", "HHMMSS", "HH-MM", "HHMM")
    ),
    ("YYYY-mm-ddTHH", "%Y-%m-%dT%H"), ("YYYY-mm-dd_HH", "%Y-%m-%d_%H"), ("YYYY-mm-dd-HH", "%Y-%m-%d-%H"),
    ("YYYYmmddTHH", "%Y%m%dT%H"), ("YYYYmmdd_HH", "%Y%m%d_%H"), ("YYYYmmdd-HH", "%Y%m%d-%H"),
    ("YYYYmmddHH", "%Y%m%d%H"),
    ("YYYY/mm/dd/HH", "%Y/%m/%d/%H"), ("YYYY-mm-dd/HH", "%Y-%m-%d/%H"), ("YYYYmmdd/HH", "%Y%m%d/%H"),
    ("year=YYYY/month=mm/day=dd/hour=HH", "year=%Y/month=%m/day=%d/hour=%H"),
    ("year=YYYY/month=mm/day=dd", "year=%Y/month=%m/day=%d"), ("year=YYYY/month=mm", "year=%Y/month=%m"),
    ("YYYY/mm/dd", "%Y/%m/%d"), ("YYYY-mm-dd", "%Y-%m-%d"), ("YYYY_mm_dd", "%Y_%m_%d"), ("YYYY.mm.dd", "%Y.%m.%d"),
    ("YYYYmmdd", "%Y%m%d"), ("dd.mm.YYYY", "%d.%m.%Y"), ("dd-mm-YYYY", "%d-%m-%Y"), ("dd_mm_YYYY", "%d_%m_%Y"),
    ("ddmmYYYY", "%d%m%Y"),
    ("mm-dd-YYYY", "%m-%d-%Y"), ("mm_dd_YYYY", "%m_%d_%Y"),
    ("GGGG-WVV", "%G-W%V"), ("GGGG_WVV", "%G_W%V"), ("GGGGWVV", "%GW%V"), ("GGGG-KWVV", "%G-KW%V"),
    ("YYYY/mm", "%Y/%m"), ("YYYY-mm", "%Y-%m"), ("YYYY_mm", "%Y_%m"), ("YYYY.mm", "%Y.%m"), ("YYYYmm", "%Y%m"),
    ("hour=HH", "hour=%H"), ("YYYY", "%Y"),
)  # fmt: skip
"""What is looked for, the longest first, and what stands for it in a pattern."""

_LETTERS = {"YYYY": "Y", "GGGG": "G", "VV": "V", "HH": "H", "mm": "m", "dd": "d"}


@dataclass(frozen=True)
class Dated:
    """A path of which times became directives. ``values`` holds what each said, such as ``{"Y": "2026"}``."""

    pattern: str
    values: dict[str, str]

    @property
    def time(self) -> dt.datetime | None:
        """The start of the time that the path names; None if it names none, or one that does not exist."""
        values = self.values
        try:
            if "V" in values:
                return dt.datetime.strptime(f"{values['G']} {values['V']} 1", "%G %V %u")  # noqa: DTZ007
            if "Y" not in values:
                return None
            parts = [
                int(values.get(letter, least)) for letter, least in (("Y", ""), ("m", "1"), ("d", "1"), ("H", "0"))
            ]
            return dt.datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 - the zone is the partitions'
        except ValueError:
            return None


def dated(path: str, *, month_first: bool = False) -> Dated:
    """The path with directives in the place of the times that it names.

    A time that contradicts an earlier one, such as the end of a span, is a star. One that does not exist is text.
    ``11-01-2026`` is a day of January, if not ``month_first``.
    """
    values: dict[str, str] = {}
    taken = [False] * len(path)
    found: list[tuple[int, int, str]] = []
    for regex, form in _MONTH_FIRST if month_first else _EXPRESSIONS:
        for match in regex.finditer(path):
            begin, end = match.span()
            said = match.groupdict()
            # an hour is one only below its day
            if any(taken[begin:end]) or (said.keys() == {"H"} and "d" not in values):
                continue
            taken[begin:end] = [True] * (end - begin)
            if any(values.get(name, value) != value for name, value in said.items()):
                found.append((begin, end, "*"))
            elif Dated("", {**values, **said}).time is not None:
                values.update(said)
                found.append((begin, end, form))
    return Dated("".join(_replaced(path, sorted(found))), values)


def _replaced(path: str, found: list[tuple[int, int, str]]) -> Iterator[str]:
    at = 0
    for begin, end, form in found:
        yield escaped(path[at:begin])
        yield form
        at = end
    yield escaped(path[at:])


def escaped(text: str) -> str:
    """A plain text in the words of a pattern; a brace or star, which have no escape, are anything."""
    return re.sub(r"[{}*]+", "*", text.replace("%", "%%"))


def _expression(spelling: str) -> re.Pattern[str]:
    named: set[str] = set()

    def piece(match: re.Match[str]) -> str:
        word = match[0]
        if word in ("MM", "SS"):
            return _CLOCK
        letter = _LETTERS[word]
        if letter in named:
            return f"(?P={letter})"
        named.add(letter)
        return f"(?P<{letter}>{_PIECES[letter]})"

    if re.search("MM", spelling):
        # the hour of a moment is no part of a partition
        spelling = spelling.replace("HH", "hh")
    body = re.sub(r"YYYY|GGGG|VV|HH|MM|SS|mm|dd", piece, spelling.replace(".", r"\."))
    end = _END
    if "MM" in spelling:
        # 2026-11-01_2026-11-02 is a span of days, and no moment at 20:26
        end += rf"(?![-_.]{_MONTH}[-_.]{_DAY}{_END})"
    return re.compile(_START + body.replace("hh", _HOUR) + end)


_EXPRESSIONS = [(_expression(spelling), form) for spelling, form in SPELLINGS]
_MONTH_FIRST = [each for each in _EXPRESSIONS if each[1] not in ("%d-%m-%Y", "%d_%m_%Y")]
QUARTER = re.compile(rf"{_START}{_YEAR}[-_.]?Q[1-4]{_END}|(?<![A-Za-z0-9])Q[1-4][-_.]?{_YEAR}{_END}", re.IGNORECASE)
"""A quarter of a year, for which a pattern has no directive."""
