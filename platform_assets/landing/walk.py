"""A walk through a landing folder, at the depth of a pattern: every entry with its status, and what hindered the look.

Nothing that is found here can end the walk. A folder that cannot be listed and a file that cannot be looked at are
faults of their own paths. A landing folder that is not there is a fault of ``.``: an unmounted volume looks like that.
What faults mean to deliveries is decided in ``arrivals``.
"""

from __future__ import annotations

import contextlib
import stat
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from platform_assets.lake.names import shown
from platform_assets.landing.patterns import ArrivalPattern
from platform_assets.landing.trees import Entry, Status, Tree

ROOT = "."
"""The path of the landing folder itself."""

LOST_AND_FOUND = "lost+found"
"""The folder that a file system keeps for its repairs, closed to all but root; nobody delivers into it."""

_TEMPORARY = (
    ".tmp", ".temp", ".part", ".partial", ".crdownload", ".filepart", ".download", ".swp", ".inprogress", ".uploading",
    ".lock", "~",
)  # fmt: skip
"""Endings of files that are still being transferred or edited."""
_BESIDE = (".md5", ".sha1", ".sha256", ".sha512", ".crc", ".crc32")
_BESIDE_NAMES = ("_SUCCESS", "_STARTED", "_COMMITTED", "_temporary", "Thumbs.db", "desktop.ini")
_BESIDE_BEGINNINGS = ("_committed_", "_started_", "~$")
"""Names that programs put beside data: checksums, marks, and what file managers and offices leave. No data, but where a
feed's pattern is for them."""


@dataclass(frozen=True)
class Seen:
    """One entry: ``path`` relative to the landing folder; ``moved_ns`` tells when a folder above it was moved in.

    ``leaf`` is False for what stands where the pattern has a folder and is a link.
    """

    path: str
    status: Status
    moved_ns: int
    leaf: bool


@dataclass
class Walk:
    """One walk through ``tree``; ``faults`` holds what could not be looked at by its path, and fills as it goes.

    ``folders`` is a sum over the folders and their times of change, which fills too: it is another one once a file was
    taken away, and so shows what no file that is left can show.
    """

    tree: Tree
    pattern: ArrivalPattern
    faults: dict[str, str] = field(default_factory=dict)
    folders: int = 0

    def entries(self) -> Iterator[Seen]:
        """Entries at the pattern's depth, hidden and temporary names left out; links are not followed.

        Folders that the pattern names literally are entered directly, and may be links of the operator's. One of them
        that is not there yet is empty.
        """
        if not self._root_is_there():
            return
        start = self.pattern.folder
        fixed = len(start.split("/")) if start else 0
        depth = self.pattern.pattern.count("/") + 1 - fixed
        shared = self.pattern.shared_levels - fixed
        with contextlib.suppress(OSError):  # what is wrong with it, its listing says
            self._add_folder(start, self.tree.stat(start))
        yield from self._descend(f"{start}/" if start else "", depth, shared, 0)
        # what is not found below a root that went away meanwhile was not taken away by anybody
        self._root_is_there()

    def _root_is_there(self) -> bool:
        try:
            mode = self.tree.stat("").st_mode
        except (FileNotFoundError, NotADirectoryError):
            self.faults[ROOT] = f"the landing folder {shown(self.tree.root)} is not there; mount it or make it"
        except OSError as error:
            self.faults[ROOT] = f"the landing folder {shown(self.tree.root)} cannot be looked at: {_words(error)}"
        else:
            if stat.S_ISDIR(mode):
                return True
            self.faults[ROOT] = f"the landing folder {shown(self.tree.root)} is not a folder; make it one"
        return False

    def _descend(self, prefix: str, depth: int, shared: int, moved_ns: int) -> Iterator[Seen]:
        try:
            with self.tree.scan(prefix) as listing:
                for entry in listing:
                    name = entry.name
                    if is_passed_over(name) or (is_beside_data(name) and not self._is_meant(prefix + name)):
                        continue
                    yield from self._look(entry, prefix + entry.name, depth, shared, moved_ns)
        except (FileNotFoundError, NotADirectoryError):
            return  # not there yet, or taken away meanwhile
        except OSError as error:
            self.faults[prefix.removesuffix("/") or ROOT] = f"the folder cannot be listed: {_words(error)}"

    def _look(self, entry: Entry, path: str, depth: int, shared: int, moved_ns: int) -> Iterator[Seen]:
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return  # taken away between the listing and the look
        except OSError as error:
            if entry.name != LOST_AND_FOUND and self.levels.could_be(path):
                self.faults[path] = f"it cannot be looked at: {_words(error)}"
            return
        if entry.name == LOST_AND_FOUND and stat.S_ISDIR(status.st_mode):
            return
        if depth == 1:
            yield Seen(path, status, moved_ns, leaf=True)
        elif stat.S_ISDIR(status.st_mode):
            self._add_folder(path, status)
            moved = max(moved_ns, _moved_ns(status, shared > 1))
            yield from self._descend(f"{path}/", depth - 1, shared - 1, moved)
        elif stat.S_ISLNK(status.st_mode) and self.levels.could_be(path) and not self._is_file(path):
            yield Seen(path, status, moved_ns, leaf=False)

    def _is_file(self, path: str) -> bool:
        try:
            return stat.S_ISREG(self.tree.stat(path).st_mode)
        except OSError:
            return False

    def _add_folder(self, path: str, status: Status) -> None:
        self.folders += summed(path, status.st_ctime_ns)

    def _is_meant(self, path: str) -> bool:
        """Whether the feed's pattern says such a name itself, and not by a `*` alone."""
        return means_beside_data(self.pattern) and self.levels.could_be(path)

    @cached_property
    def levels(self) -> Levels:
        return Levels(self.pattern)


def is_passed_over(name: str) -> bool:
    """Whether a name is hidden, or that of a file which is still being transferred."""
    return name.startswith(".") or name.endswith(_TEMPORARY)


def is_beside_data(name: str) -> bool:
    """Whether a name is that of a checksum, a mark or the like, which are no data."""
    return name in _BESIDE_NAMES or name.endswith(_BESIDE) or name.startswith(_BESIDE_BEGINNINGS)


def means_beside_data(pattern: ArrivalPattern) -> bool:
    """Whether a pattern is for a name of those that lie beside data."""
    return is_beside_data(pattern.pattern.rsplit("/", 1)[-1])


def is_left_out(path: str, *, but_for_beside: bool) -> bool:
    """Whether a path is hidden or a draft, or, ``but_for_beside`` a pattern that means these, lies beside data."""
    parts = path.split("/")
    return any(map(is_passed_over, parts)) or (is_beside_data(parts[-1]) and not but_for_beside)


def summed(path: str, changed_ns: int) -> int:
    """A number for a path and its time of change; sums of these tell sets of them apart, in any order."""
    return zlib.crc32(path.encode("utf-8", "surrogateescape"), changed_ns & 0xFFFFFFFF) + (changed_ns >> 32)


class Levels:
    """What the upper part of a path says of the partitions whose files may lie below it."""

    def __init__(self, pattern: ArrivalPattern) -> None:
        parts = pattern.pattern.split("/")
        self._all = frozenset(pattern.regex.groupindex)
        self._pattern = pattern
        self._upper = [ArrivalPattern("/".join(parts[: level + 1])) for level in range(len(parts))]

    def could_be(self, path: str) -> bool:
        """Whether files of the feed might lie at or below ``path``."""
        return path == ROOT or self._of(path).token(path) is not None

    def groups(self, path: str) -> Mapping[str, str]:
        """The parts of a time, or the key, that ``path`` names; empty if its name says nothing."""
        return {} if path == ROOT else self._of(path).groups(path)

    def token(self, path: str) -> tuple[str, ...] | None:
        """What tells partitions apart, if ``path`` says all of it: then only one partition can lie there."""
        groups = self.groups(path)
        if not self._all <= groups.keys() or (not self.could_be(path)):
            return None
        return tuple(groups[name] for name in self._pattern.regex.groupindex)

    def _of(self, path: str) -> ArrivalPattern:
        return self._upper[min(path.count("/"), len(self._upper) - 1)]


def _words(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _moved_ns(folder: Status, shared: bool) -> int:
    """When a folder was last moved, as far as its times tell.

    Moving it sets its ctime alone, a file added to it both of its times. That makes a move of a folder of one partition
    hard to tell from a new file in it, and both are news of that partition; but in a folder of several partitions, a
    new file must not be news of all the others. So there a move is overlooked if a file was added since.
    """
    return 0 if shared and folder.st_ctime_ns == folder.st_mtime_ns else folder.st_ctime_ns
