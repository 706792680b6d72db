"""The pattern and the partitions of a feed, proposed from the names of some of its files.

A name that tells a time makes partitions of that length, several names that differ in one word make static ones, and
all others a snapshot. What is proposed fits every name that it was made from.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from platform_assets.landing.dated_names import QUARTER, Dated, dated, escaped
from platform_assets.landing.patterns import ArrivalPattern, NameMatch, PatternError

KEY = re.compile(r"[A-Za-z][\w.-]*")
ENDINGS = re.compile(r"(\.[A-Za-z][A-Za-z0-9]*)+$")


@dataclass(frozen=True)
class Proposal:
    """``pattern`` of the files, the words of ``partitions`` (none for a snapshot), and which keys the files belong to.

    ``keys`` maps each path that the proposal was made from to its partition; empty for a snapshot. ``remark`` says what
    in the names could mean something else. ``over`` are the keys whose time has ended, None if nobody has looked.
    """

    pattern: str
    partitions: Mapping[str, object] | None
    keys: Mapping[str, str]
    remark: str = ""
    over: frozenset[str] | None = None


def words_of_names(pattern: ArrivalPattern, matches: Sequence[NameMatch]) -> dict[str, object] | None:
    """The words of the partitions that a pattern tells, which has read ``matches`` of names; None for a snapshot."""
    if pattern.names_key:
        return {"type": "static", "partition_keys": sorted({match.key for match in matches if match.key is not None})}
    letters = {_FULL.get(group[1:], group[1:]) for group in pattern.regex.groupindex}
    times = [match.time for match in matches if match.time is not None]
    return _words(Dated("", dict.fromkeys(letters, "")), times)[1] or None if times else None


def propose(paths: Sequence[str], within: str = "") -> Proposal:
    """What ``paths`` have in common. They are relative to the landing folder, or to a folder ``within`` it.

    The folder is the source's own: its name tells no time. ``keys`` has the paths as they are given.

    Raises:
        PatternError: if they lie at different depths, where no pattern has them all.
    """
    deep = next((path for path in paths if path.count("/") != paths[0].count("/")), None)
    if deep is not None:
        raise PatternError(f"{paths[0]} and {deep} lie at different depths: the files of a source lie at one")
    if quarter := next((match[0] for path in paths if (match := QUARTER.search(path))), ""):
        texts = [QUARTER.sub("*", escaped(path)) for path in paths]
        remark = (
            f"{quarter} is a quarter, for which patterns have no directive: the files of all quarters are one table"
        )
        found = Proposal(_common(texts), None, {}, remark)
    else:
        whole = Proposal(_common([_numbered(escaped(path)) for path in paths]), None, {})
        found = _by_time(paths) or _by_word(paths, is_own=bool(within)) or whole
    return dataclasses.replace(found, pattern=f"{escaped(within)}/{found.pattern}") if within else found


def _by_time(paths: Sequence[str]) -> Proposal | None:
    found = [dated(path) for path in paths]
    if any("%m-%d-%Y" in one.pattern or "%m_%d_%Y" in one.pattern for one in found):
        # one of them cannot be a day before its month, so none is
        found = [dated(path, month_first=True) for path in paths]
    directives = {frozenset(one.values) for one in found}
    times = [one.time for one in found]
    if len(directives) > 1 or None in times:
        return None
    ((kind, words),) = [_words(found[0], [time for time in times if time is not None])]
    pattern = _common([_numbered(one.pattern) for one in found])
    if kind is None or not _fits(pattern, paths):
        return None
    keys = {path: time.strftime(_KEYS[kind]) for path, time in zip(paths, times, strict=True) if time is not None}
    others = [dated(path, month_first=True) for path in paths]
    remark = ""
    if all("d" in other.values and other.pattern != one.pattern for other, one in zip(others, found, strict=True)):
        remark = "the names are read as day-month-year: if they are month-day-year, write %m before %d"
    return Proposal(pattern, words, keys, remark)


_FULL = {"y": "Y", "j": "d"}
"""Directives that say as much as another one."""
_KEYS = {"hourly": "%Y-%m-%d-%H:%M", "daily": "%Y-%m-%d", "weekly": "%Y-%m-%d", "monthly": "%Y-%m-%d", "yearly": "%Y"}


def _words(one: Dated, times: Sequence[dt.datetime]) -> tuple[str | None, dict[str, object]]:
    """The type of the partitions, and their words in defs.yaml, which begin with the earliest of ``times``."""
    first = min(times)
    given = one.values
    zone = {"timezone": "UTC"}
    if "V" in given:
        return "weekly", {"type": "weekly", "start_date": f"{first:%Y-%m-%d}", "day_offset": 1, **zone}
    if "H" in given and "d" in given:
        return "hourly", {"type": "hourly", "start_date": f"{first:%Y-%m-%d}-00:00", **zone}
    if "d" in given:
        return "daily", {"type": "daily", "start_date": f"{first:%Y-%m-%d}", **zone}
    if "m" in given:
        return "monthly", {"type": "monthly", "start_date": f"{first:%Y-%m}-01", **zone}
    if "Y" in given:
        yearly = {"type": "time_window", "start_date": f"{first:%Y}", "cron_schedule": "0 0 1 1 *", "fmt": "%Y"}
        return "yearly", {**yearly, **zone}
    return None, {}


def _fits(pattern: str, paths: Sequence[str]) -> bool:
    """Whether each path matches the pattern, and names a time that exists."""
    arrival = ArrivalPattern(pattern)
    tokens = [arrival.token(path) for path in paths]
    return arrival.names_time and all(token is not None and arrival.read(token) is not None for token in tokens)


def _numbered(pattern: str) -> str:
    """The pattern with a star for the number of a part, of which there may be more: ``part-0001`` and the like."""
    return re.sub(r"(^|[/_.-])part-\d+[^/%]*?((\.[A-Za-z]\w*)+)$", r"\1part-*\2", pattern)


def _by_word(paths: Sequence[str], *, is_own: bool) -> Proposal | None:
    """Static partitions, where paths differ in one word that can be a key."""
    if len(paths) < 2 or len({_ending(path) for path in paths}) > 1:
        return None
    before = _whole_words(_shared_start(paths))
    after = _whole_words(_shared_start([path[len(before) :][::-1] for path in paths]))[::-1]
    keys = [path[len(before) : len(path) - len(after)] for path in paths]
    # at the top of the landing folder files of other sources lie too
    if (
        not (before or is_own)
        or len(set(keys)) < len(keys)
        or any(not KEY.fullmatch(key) or key == "snapshot" for key in keys)
    ):
        return None
    pattern = f"{escaped(before)}{{key}}{escaped(after)}"
    words = {"type": "static", "partition_keys": sorted(keys)}
    return Proposal(pattern, words, dict(zip(paths, keys, strict=True)))


def _shared_start(texts: Sequence[str]) -> str:
    """The signs that all texts begin with."""
    low, high = min(texts), max(texts)
    same = next((at for at, (one, other) in enumerate(zip(low, high, strict=False)) if one != other), len(low))
    return low[:same]


def _whole_words(text: str) -> str:
    """The text up to the last sign between two words."""
    found = re.match(r".*[/_.\- ]", text)
    return found[0] if found is not None else ""


def _ending(path: str) -> str:
    found = ENDINGS.search(path.rsplit("/", 1)[-1])
    return found[0] if found is not None else ""


def _common(patterns: Sequence[str]) -> str:
    """One pattern for all: endings become alternatives, what else differs in a folder's or file's name a star."""
    distinct = list(dict.fromkeys(patterns))
    if len(distinct) == 1:
        return distinct[0]
    levels = [pattern.split("/") for pattern in distinct]
    *folders, names = (list(dict.fromkeys(level)) for level in zip(*levels, strict=True))
    endings = list(dict.fromkeys(map(_ending, names)))
    stems = list(dict.fromkeys(name.removesuffix(_ending(name)) for name in names))
    ending = endings[0] if len(endings) == 1 else f".{{{','.join(one.removeprefix('.') for one in endings)}}}"
    return "/".join([*map(_starred, folders), _starred(stems) + ending])


def _starred(texts: Sequence[str]) -> str:
    """The whole words that texts begin and end with, and a star between them."""
    if len(texts) == 1:
        return texts[0]
    begin = _shared_start(texts)
    # a percent sign is written twice, and a directive is not cut
    before = _whole_words(begin) or re.sub(r"(?<!%)((%%)*)%$", r"\1", begin)
    after = _whole_words(_shared_start([text[len(before) :][::-1] for text in texts]))[::-1]
    return f"{before}*{after}"
