"""Finding deliveries in a landing folder: which files belong to which partition, and which are settled.

What is not a plain file (a link, a pipe, a folder with a file's name) is reported, never followed or opened. What
cannot be looked at costs the partitions whose files it may hold, and no other. What becomes of a delivery is not
decided here.
"""

from __future__ import annotations

import heapq
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from platform_assets.lake.deliveries import Delivery, FileVersion
from platform_assets.lake.names import shown
from platform_assets.landing.patterns import ArrivalPattern, NameMatch
from platform_assets.landing.walk import ROOT, Levels, Walk


@dataclass(frozen=True)
class Completeness:
    """When a delivery is whole: its files unchanged for ``settle_seconds``, and ``marker`` there if one is named.

    ``marker`` is a path pattern like the files', such as `flights/%Y-%m-%d/_SUCCESS`; it is no data.
    """

    settle_seconds: float = 30.0
    marker: ArrivalPattern | None = None


@dataclass
class Arrivals:
    """What a look at the landing folder found.

    ``deliveries`` and ``waiting`` (why it is not whole yet) are by partition key; ``unsettled`` are those of the
    waiting that only time keeps back; ``unmatched`` are paths whose
    name fits no partition, ``irregular`` paths that are no plain files, with what they are; ``faults`` are paths that
    could not be looked at, with the reason.
    """

    deliveries: dict[str, Delivery] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    hindered: set[str] = field(default_factory=set)
    """Those of the waiting whose files nobody could look at: rights or a disk are at fault, not the sender."""
    unsettled: set[str] = field(default_factory=set)
    unmatched: list[str] = field(default_factory=list)
    irregular: dict[str, str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, order=True)
class Mark:
    """How far a landing folder has been looked at: everything that changed up to here has been reported.

    The order is that of change, not of names, so that files that arrive late or out of order come after it.
    """

    changed_ns: int = -1
    path: str = ""


@dataclass(frozen=True)
class _Found:
    path: str
    token: tuple[str, ...] | None
    status: os.stat_result
    moved_ns: int
    is_marker: bool = False

    @property
    def mark(self) -> Mark:
        # a file that is moved or copied in with an old mtime, or one in the future, still has the ctime of its arrival;
        # one in a folder that is moved in keeps its old ctime, and only the folder tells
        return Mark(max(self.status.st_ctime_ns, self.moved_ns), self.path)

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.status.st_mode)


KeyOf = Callable[[NameMatch], str | None]
MayHold = Callable[[Mapping[str, str], str], bool]
"""Whether a folder whose path names these parts of a time or key may hold files of the partition."""


@dataclass(frozen=True)
class LandingFolder:
    """The landing folder of one feed: where, which names, and how a name becomes a partition key."""

    feed: str
    root: Path
    pattern: ArrivalPattern
    key_of: KeyOf
    completeness: Completeness = Completeness()
    may_hold: MayHold = lambda *_: True

    def deliveries(self, keys: set[str] | None = None, *, now_ns: int) -> Arrivals:
        """Every complete delivery at ``now_ns`` of the partitions ``keys`` (None: of all)."""
        arrivals = Arrivals()
        by_token: dict[tuple[str, ...], str | None] = {}
        files: dict[str, list[_Found]] = {}
        marked: set[str] = set()
        for found in self._walk(arrivals.faults):
            key = None if found.token is None else self._key(found, by_token)
            if not found.is_file:
                arrivals.irregular[found.path] = _kind(found.status.st_mode)
            elif key is None:
                arrivals.unmatched.append(found.path)
            elif keys is None or key in keys:
                if found.is_marker:
                    marked.add(key)
                else:
                    files.setdefault(key, []).append(found)
        self._judge(arrivals, files, marked, now_ns)
        self._hinder(arrivals, keys)
        return arrivals

    def changed_since(self, mark: Mark, *, now_ns: int, limit: int) -> tuple[Arrivals, Mark]:
        """The deliveries of partitions in which a file changed after ``mark``, and the mark to go on from.

        At most ``limit`` changes are looked at, oldest first, and none that is not yet settled. Memory grows with
        ``limit`` and not with what is in the folder: it is walked twice, for the changes and for their partitions.
        """
        settled_before = self._settled_before(now_ns)
        arrivals = Arrivals()
        walk = self._walk(arrivals.faults)
        candidates = (f for f in walk if mark < f.mark and f.mark.changed_ns <= settled_before)
        changes = heapq.nsmallest(limit, candidates, key=lambda found: found.mark)
        keys: set[str] = set()
        by_token: dict[tuple[str, ...], str | None] = {}
        for found in changes:
            if not found.is_file:
                arrivals.irregular[found.path] = _kind(found.status.st_mode)
            elif found.token is None or (key := self._key(found, by_token)) is None:
                arrivals.unmatched.append(found.path)
            else:
                keys.add(key)
        if keys:
            common = self._common_groups()
            wanted = {self._part(found, common) for found in changes if found.token is not None}
            files: dict[str, list[_Found]] = {}
            marked: set[str] = set()
            for found in self._walk(arrivals.faults):
                if found.token is None or not found.is_file or self._part(found, common) not in wanted:
                    continue
                key = self._key(found, by_token)
                if key in keys:
                    if found.is_marker:
                        marked.add(key)
                    else:
                        files.setdefault(key, []).append(found)
            self._judge(arrivals, files, marked, now_ns)
        self._hinder(arrivals, None)
        return arrivals, changes[-1].mark if changes else mark

    def _judge(self, arrivals: Arrivals, files: dict[str, list[_Found]], marked: set[str], now_ns: int) -> None:
        settled_before = self._settled_before(now_ns)
        for key in sorted(files):
            if self.completeness.marker and key not in marked:
                arrivals.waiting[key] = f"no file like {self.completeness.marker.pattern!r} says that it is complete"
            elif any(found.mark.changed_ns > settled_before for found in files[key]):
                arrivals.unsettled.add(key)
                arrivals.waiting[key] = f"changed less than {self.completeness.settle_seconds:g} seconds ago"
            else:
                versions = (
                    FileVersion(str(self.root / found.path), found.status.st_size, found.status.st_mtime_ns)
                    for found in files[key]
                )
                arrivals.deliveries[key] = Delivery(self.feed, key, tuple(sorted(versions)))

    def _hinder(self, arrivals: Arrivals, keys: set[str] | None) -> None:
        """Let those partitions wait whose files nobody could see.

        A folder whose name says all of a partition costs that partition. One that says less may hold files of many:
        each of them waits that it may hold, also where files were found elsewhere, for these may be a part only.
        """
        if not arrivals.faults:
            return
        levels = Levels(self.pattern)
        known: dict[tuple[str, ...], str | None] = {}
        one: dict[str, str] = {}
        many: dict[tuple[tuple[str, str], ...], str] = {}
        for path, why in sorted(arrivals.faults.items()):
            if not levels.could_be(path):
                continue  # it may hold a marker; what is not marked waits anyway
            reason = why if path == ROOT else f"{shown(path)}: {why}"
            token = levels.token(path)
            if token is None:
                many.setdefault(tuple(sorted(levels.groups(path).items())), reason)
            elif (key := self._key_of_token(token, known)) is not None and (keys is None or key in keys):
                one.setdefault(key, reason)
        for key in {*(keys or ()), *arrivals.deliveries, *arrivals.waiting}:
            reasons = (reason for groups, reason in many.items() if self.may_hold(dict(groups), key))
            if (reason := one.get(key) or next(reasons, "")) != "":
                self._wait(arrivals, key, reason)
        for key in one.keys() - arrivals.waiting.keys():
            self._wait(arrivals, key, one[key])

    def _wait(self, arrivals: Arrivals, key: str, why: str) -> None:
        arrivals.deliveries.pop(key, None)
        arrivals.unsettled.discard(key)
        arrivals.waiting[key] = why
        arrivals.hindered.add(key)

    def irregular_of(self, arrivals: Arrivals, key: str) -> dict[str, str]:
        """Those of the irregular paths that stand where files of this partition would."""
        levels = Levels(self.pattern)
        known: dict[tuple[str, ...], str | None] = {}
        found = {}
        for path, kind in arrivals.irregular.items():
            token = levels.token(path)
            if token is None:
                mine = levels.could_be(path) and self.may_hold(levels.groups(path), key)
            else:
                mine = self._key_of_token(token, known) == key
            if mine:
                found[path] = kind
        return found

    def _key_of_token(self, token: tuple[str, ...], known: dict[tuple[str, ...], str | None]) -> str | None:
        if token not in known:
            match = self.pattern.read(token)
            known[token] = None if match is None else self.key_of(match)
        return known[token]

    def _settled_before(self, now_ns: int) -> int:
        return now_ns - int(self.completeness.settle_seconds * 1e9)

    def _key(self, found: _Found, known: dict[tuple[str, ...], str | None]) -> str | None:
        assert found.token is not None
        identity = ("marker", *found.token) if found.is_marker else found.token
        if identity not in known:
            match = self._pattern_of(found).read(found.token)
            known[identity] = None if match is None else self.key_of(match)
        return known[identity]

    def _pattern_of(self, found: _Found) -> ArrivalPattern:
        return self.completeness.marker if found.is_marker and self.completeness.marker else self.pattern

    def _common_groups(self) -> tuple[str, ...]:
        names = set(self.pattern.regex.groupindex)
        if self.completeness.marker:
            names &= set(self.completeness.marker.regex.groupindex)
        return tuple(sorted(names))

    def _part(self, found: _Found, names: tuple[str, ...]) -> tuple[str, ...]:
        index = self._pattern_of(found).regex.groupindex
        assert found.token is not None
        return tuple(found.token[index[name] - 1] for name in names)

    def _walk(self, faults: dict[str, str]) -> Iterator[_Found]:
        marker = self.completeness.marker
        sources = [(self.pattern, False)]
        if marker:
            sources.insert(0, (marker, True))
        for pattern, is_marker in sources:
            for seen in Walk(self.root, pattern, faults).entries():
                token = pattern.token(seen.path) if seen.leaf else None
                if seen.leaf and token is None and (is_marker or not pattern.resembles(seen.path)):
                    continue
                if seen.leaf and marker and not is_marker and marker.token(seen.path) is not None:
                    continue
                yield _Found(seen.path, token, seen.status, seen.moved_ns, is_marker)


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
