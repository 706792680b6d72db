"""Finding deliveries in a landing folder: which files belong to which partition, and which are settled.

A pattern such as `flights/%Y/flights_%Y-%m-%d*.csv.gz` is matched against paths relative to the landing folder;
`*` stands for anything but a slash, `{key}` for the key of a static or dynamic partition. What is not a plain
file (a link, a pipe, a folder with a file's name) is told, never followed or opened. What becomes of a delivery
is not decided here.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from platform_assets.lake.deliveries import Delivery, FileVersion

_TIME_TOKENS = {
    "Y": r"\d{4}",
    "m": r"\d{2}",
    "d": r"\d{2}",
    "H": r"\d{2}",
    "M": r"\d{2}",
    "S": r"\d{2}",
    "y": r"\d{2}",
    "j": r"\d{3}",
    "G": r"\d{4}",
    "V": r"\d{2}",
    "u": r"[1-7]",
    "z": r"(?:[+-]\d{4}|Z)",
}
_TOKEN = re.compile(r"%(.)|(\{key\})|(\*)|([^%{*]+|\{)")
_TEMPORARY = (".tmp", ".part", ".partial", ".crdownload", ".filepart", ".swp")


class PatternError(ValueError):
    """The pattern in defs.yaml cannot be read; the message says which part and what is allowed."""


@dataclass(frozen=True)
class NameMatch:
    """What a path said of its partition: a time (with or without an offset), or a key, or neither."""

    time: dt.datetime | None = None
    key: str | None = None


@dataclass(frozen=True)
class ArrivalPattern:
    """A pattern for paths below the landing folder."""

    pattern: str

    @cached_property
    def _tokens(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(m[1] for m in _TOKEN.finditer(self.pattern) if m[1]))

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """The pattern as a regular expression over the whole relative path; repeated tokens must agree."""
        parts: list[str] = []
        seen: set[str] = set()
        for match in _TOKEN.finditer(self.pattern):
            token, key, star, literal = match.groups()
            if token == "%":
                parts.append("%")
            elif token:
                if token not in _TIME_TOKENS:
                    allowed = " ".join(f"%{t}" for t in _TIME_TOKENS)
                    raise PatternError(f"files: {self.pattern!r}: %{token} is not known; use {allowed}, {{key}} or *")
                parts.append(f"(?P=t{token})" if token in seen else f"(?P<t{token}>{_TIME_TOKENS[token]})")
                seen.add(token)
            elif key:
                parts.append("(?P=key)" if "key" in seen else "(?P<key>[^/]+?)")
                seen.add("key")
            else:
                parts.append("[^/]*" if star else re.escape(literal))
        if self.pattern.startswith("/") or ".." in Path(self.pattern).parts:
            raise PatternError(f"files: {self.pattern!r} must be relative to the landing folder and stay inside it")
        if "key" in seen and len(seen) > 1:
            raise PatternError(f"files: {self.pattern!r} has both {{key}} and a time; a partition has one or the other")
        return re.compile("".join(parts))

    @property
    def names_time(self) -> bool:
        return bool(self.regex.groupindex) and "key" not in self.regex.groupindex

    @property
    def names_key(self) -> bool:
        return "key" in self.regex.groupindex

    def token(self, path: str) -> tuple[str, ...] | None:
        """What tells partitions apart in ``path`` as plain text (cheap), or None where it does not match."""
        match = self.regex.fullmatch(path)
        return match.groups() if match else None

    def read(self, token: tuple[str, ...]) -> NameMatch | None:
        """The time or key that a token stands for; None for a date that does not exist."""
        groups = dict(zip(self.regex.groupindex, token, strict=True))
        if "key" in groups:
            return NameMatch(key=groups["key"])
        if not groups:
            return NameMatch()
        fields = {name[1:]: value for name, value in groups.items()}
        if "G" in fields and "V" in fields:
            fields.setdefault("u", "1")
        try:
            text, form = " ".join(fields.values()), " ".join(f"%{name}" for name in fields)
            return NameMatch(time=dt.datetime.strptime(text, form))  # noqa: DTZ007 - the zone is the partitions'
        except ValueError:
            return None


@dataclass(frozen=True)
class Completeness:
    """When a delivery is whole: its files unchanged for ``settle_seconds``, and ``marker`` there if one is named.

    ``marker`` is a path pattern like the files', such as `flights/%Y-%m-%d/_SUCCESS`; it is no data.
    """

    settle_seconds: float = 30.0
    marker: ArrivalPattern | None = None


@dataclass
class Arrivals:
    """What a look at the landing folder found, by partition key."""

    deliveries: dict[str, Delivery] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    unmatched: list[str] = field(default_factory=list)
    irregular: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Found:
    path: str
    token: tuple[str, ...]
    status: os.stat_result

    @property
    def changed_ns(self) -> int:
        # a file that is moved or copied in with an old mtime still has a new ctime
        return max(self.status.st_mtime_ns, self.status.st_ctime_ns)


KeyOf = Callable[[NameMatch], str | None]


@dataclass(frozen=True)
class LandingFolder:
    """The landing folder of one feed: where, which names, and how a name becomes a partition key."""

    feed: str
    root: Path
    pattern: ArrivalPattern
    key_of: KeyOf
    completeness: Completeness = Completeness()

    def deliveries(self, keys: set[str] | None = None, *, now_ns: int) -> Arrivals:
        """Every delivery of ``keys`` (None: of all partitions), settled at ``now_ns``."""
        return self._collect(lambda key: keys is None or key in keys, now_ns)

    def changed_since(self, since_ns: int, *, now_ns: int) -> tuple[Arrivals, int]:
        """The deliveries of partitions in which anything changed at or after ``since_ns``, and the next mark.

        Memory grows with what changed, not with what is there: the first walk keeps only the changed names,
        the second only the files of their partitions. The mark never passes a file that is not yet settled.
        """
        settled_before = now_ns - int(self.completeness.settle_seconds * 1e9)
        changed: set[tuple[str, ...]] = set()
        mark = since_ns
        unsettled: int | None = None
        for found in self._walk(None):
            if found.changed_ns >= since_ns:
                changed.add(found.token)
                if found.changed_ns > settled_before:
                    unsettled = min(unsettled or found.changed_ns, found.changed_ns)
                else:
                    mark = max(mark, found.changed_ns)
        if unsettled is not None:
            mark = min(mark, unsettled)
        if not changed:
            return Arrivals(), mark
        wanted = {key for token in changed if (key := self._key(token)) is not None}
        unmatched = sorted("/".join(token) for token in changed if self._key(token) is None)
        arrivals = self._collect(lambda key: key in wanted, now_ns) if wanted else Arrivals()
        arrivals.unmatched = arrivals.unmatched or unmatched
        return arrivals, mark

    def _key(self, token: tuple[str, ...]) -> str | None:
        match = self.pattern.read(token)
        return None if match is None else self.key_of(match)

    def _collect(self, wanted: Callable[[str], bool], now_ns: int) -> Arrivals:
        arrivals = Arrivals()
        keys: dict[tuple[str, ...], str | None] = {}
        files: dict[str, list[_Found]] = {}
        for found in self._walk(arrivals):
            if found.token not in keys:
                keys[found.token] = self._key(found.token)
            key = keys[found.token]
            if key is None:
                arrivals.unmatched.append(found.path)
            elif wanted(key):
                files.setdefault(key, []).append(found)
        markers = self._markers() if self.completeness.marker else None
        settled_before = now_ns - int(self.completeness.settle_seconds * 1e9)
        for key, found_files in sorted(files.items()):
            if markers is not None and key not in markers:
                arrivals.waiting[key] = "its completion marker is not there yet"
            elif any(f.changed_ns > settled_before for f in found_files):
                arrivals.waiting[key] = f"changed less than {self.completeness.settle_seconds:g} s ago"
            else:
                versions = (
                    FileVersion(str(self.root / f.path), f.status.st_size, f.status.st_mtime_ns) for f in found_files
                )
                arrivals.deliveries[key] = Delivery(self.feed, key, tuple(sorted(versions)))
        arrivals.unmatched.sort()
        return arrivals

    def _markers(self) -> set[str]:
        marker = self.completeness.marker
        assert marker is not None
        found = (marker.token(path) for path, _ in _paths(self.root, marker.pattern))
        matches = (marker.read(token) for token in found if token is not None)
        return {key for match in matches if match is not None and (key := self.key_of(match)) is not None}

    def _walk(self, arrivals: Arrivals | None) -> Iterator[_Found]:
        marker = self.completeness.marker
        for path, entry in _paths(self.root, self.pattern.pattern):
            token = self.pattern.token(path)
            if token is None or (marker is not None and marker.token(path) is not None):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # taken away between the listing and the look
            if stat.S_ISREG(status.st_mode):
                yield _Found(path, token, status)
            elif arrivals is not None:
                arrivals.irregular[path] = _kind(status.st_mode)


def _paths(root: Path, pattern: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Entries below ``root`` at the pattern's depth, hidden and temporary names left out; links not followed."""
    parts = pattern.split("/")
    # folders that the pattern names literally are entered directly
    fixed = 0
    while fixed < len(parts) - 1 and not re.search(r"[%*{]", parts[fixed]):
        fixed += 1
    start = "/".join(parts[:fixed])
    yield from _descend(root / start, f"{start}/" if start else "", len(parts) - fixed)


def _descend(folder: Path, prefix: str, depth: int) -> Iterator[tuple[str, os.DirEntry[str]]]:
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    with entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name.endswith(_TEMPORARY):
                continue
            if depth == 1:
                yield prefix + entry.name, entry
            elif entry.is_dir(follow_symlinks=False):
                yield from _descend(Path(entry.path), f"{prefix}{entry.name}/", depth - 1)


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "not a plain file")
