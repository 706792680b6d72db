"""Finding deliveries in a landing folder: which files belong to which partition, and which are settled.

What is not a plain file (a link, a pipe, a folder with a file's name) is told, never followed or opened. What
becomes of a delivery is not decided here.
"""

from __future__ import annotations

import heapq
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from platform_assets.lake.arrival_patterns import ArrivalPattern, NameMatch
from platform_assets.lake.deliveries import Delivery, FileVersion

_TEMPORARY = (".tmp", ".part", ".partial", ".crdownload", ".filepart", ".swp")


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
    name fits no partition, ``irregular`` paths that are no plain files, with what they are.
    """

    deliveries: dict[str, Delivery] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    unsettled: set[str] = field(default_factory=set)
    unmatched: list[str] = field(default_factory=list)
    irregular: dict[str, str] = field(default_factory=dict)


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


@dataclass(frozen=True)
class LandingFolder:
    """The landing folder of one feed: where, which names, and how a name becomes a partition key."""

    feed: str
    root: Path
    pattern: ArrivalPattern
    key_of: KeyOf
    completeness: Completeness = Completeness()

    def deliveries(self, keys: set[str] | None = None, *, now_ns: int) -> Arrivals:
        """Every whole delivery at ``now_ns`` of the partitions ``keys`` (None: of all)."""
        arrivals = Arrivals()
        by_token: dict[tuple[str, ...], str | None] = {}
        files: dict[str, list[_Found]] = {}
        marked: set[str] = set()
        for found in self._walk():
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
        return arrivals

    def changed_since(self, mark: Mark, *, now_ns: int, limit: int) -> tuple[Arrivals, Mark]:
        """The deliveries of partitions in which a file changed after ``mark``, and the mark to go on from.

        At most ``limit`` changes are looked at, oldest first, and none that is not yet settled. Memory grows with
        ``limit`` and not with what is in the folder: it is walked twice, for the changes and for their partitions.
        """
        settled_before = self._settled_before(now_ns)
        candidates = (f for f in self._walk() if mark < f.mark and f.mark.changed_ns <= settled_before)
        changes = heapq.nsmallest(limit, candidates, key=lambda found: found.mark)
        arrivals = Arrivals()
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
            for found in self._walk():
                if found.token is None or not found.is_file or self._part(found, common) not in wanted:
                    continue
                key = self._key(found, by_token)
                if key in keys:
                    if found.is_marker:
                        marked.add(key)
                    else:
                        files.setdefault(key, []).append(found)
            self._judge(arrivals, files, marked, now_ns)
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

    def _walk(self) -> Iterator[_Found]:
        marker = self.completeness.marker
        sources = [(self.pattern, False)]
        if marker:
            sources.insert(0, (marker, True))
        for pattern, is_marker in sources:
            for path, entry, moved_ns in _paths(self.root, pattern):
                token = pattern.token(path)
                if token is None and (is_marker or not pattern.resembles(path)):
                    continue
                if marker and not is_marker and marker.token(path) is not None:
                    continue
                try:
                    yield _Found(path, token, entry.stat(follow_symlinks=False), moved_ns, is_marker)
                except FileNotFoundError:
                    continue  # taken away between the listing and the look


def _paths(root: Path, pattern: ArrivalPattern) -> Iterator[tuple[str, os.DirEntry[str], int]]:
    """Entries below ``root`` at the pattern's depth, hidden and temporary names left out; links not followed.

    With each comes when a folder above it, of those that the pattern does not name literally, was moved in.
    """
    parts = pattern.pattern.split("/")
    # folders that the pattern names literally are entered directly
    fixed = 0
    while fixed < len(parts) - 1 and not re.search(r"[%*{]", parts[fixed]):
        fixed += 1
    start = "/".join(parts[:fixed])
    yield from _descend(
        root / start, f"{start}/" if start else "", len(parts) - fixed, pattern.shared_levels - fixed, 0
    )


def _descend(
    folder: Path, prefix: str, depth: int, shared: int, moved_ns: int
) -> Iterator[tuple[str, os.DirEntry[str], int]]:
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    with entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name.endswith(_TEMPORARY):
                continue
            if depth == 1:
                yield prefix + entry.name, entry, moved_ns
            elif entry.is_dir(follow_symlinks=False):
                try:
                    moved = max(moved_ns, _moved_ns(entry.stat(follow_symlinks=False), shared > 1))
                except FileNotFoundError:
                    continue
                yield from _descend(Path(entry.path), f"{prefix}{entry.name}/", depth - 1, shared - 1, moved)


def _moved_ns(folder: os.stat_result, shared: bool) -> int:
    """When a folder was last moved, as far as its times tell.

    Moving it sets its ctime alone, a file added to it both of its times. That makes a move of a folder of one partition
    hard to tell from a new file in it, and both are news of that partition; but in a folder of several partitions, a
    new file must not be news of all the others. So there a move is overlooked if a file was added since.
    """
    return 0 if shared and folder.st_ctime_ns == folder.st_mtime_ns else folder.st_ctime_ns


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
