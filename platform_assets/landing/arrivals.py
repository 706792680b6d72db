"""Finding deliveries in a landing folder: which files belong to which partition, and which are stable.

What is not a plain file (a link, a pipe, a folder with a file's name) is reported, never followed or opened. What
cannot be looked at costs the partitions whose files it may hold, and no other. What becomes of a delivery is not
decided here.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from platform_assets.lake.deliveries import FileVersion
from platform_assets.landing.found import Arrivals, Files, Found, Look, Oldest, Watermark
from platform_assets.landing.landing import OF_A_DAY, Keys, Landing, Wanted
from platform_assets.landing.manifests import read_seen
from platform_assets.landing.trees import DiskTree, Tree
from platform_assets.landing.walk import Walk, summed


@dataclass
class _Sums:
    ahead: int = 0
    ahead_sum: int = 0
    folders: int = 0


@dataclass(frozen=True)
class LandingFolder(Landing):
    """The landing folder of one feed, on a disk of this machine or one that it has mounted."""

    def _entries(self, arrivals: Arrivals, keys: set[str] | None) -> Iterator[Found]:  # noqa: ARG002 - all is walked
        return self._walk(arrivals.faults, _Sums())

    def _look(self, wanted: Wanted) -> Look:
        """Changes are looked at oldest first.

        One that is known to be whole before it is stable is looked at now, and at each look until it is stable. The
        folder is walked twice, for the changes and for their partitions.
        """
        watermark, limit, again, again_limit = wanted.watermark, wanted.limit, wanted.again, wanted.again_limit
        stability = self._stability(wanted.now_ns)
        stable_before, ahead = stability.stable_before_ns, stability.ahead_ns
        arrivals, sums = Arrivals(), _Sums()
        changes, before = Oldest(limit, watermark), Oldest(again_limit, again or Watermark())
        whole = Oldest(limit, Watermark())
        for found in self._walk(arrivals.faults, sums):
            changed_ns = found.changed_ns
            if changed_ns <= stable_before:
                changes.offer(found, changed_ns)
            elif changed_ns > ahead:
                sums.ahead += 1
                sums.ahead_sum += summed(found.path, changed_ns)
            elif stability.is_whole(found):
                whole.offer(found, changed_ns)
            if again is not None and again_limit and not stable_before < changed_ns <= ahead:
                before.offer(found, changed_ns)
        new, old, young = changes.taken(), before.taken(), whole.taken()
        known: Keys = {}
        changed = self._keys_of(new, arrivals, known) | self._keys_of(young, None, known)
        looked = changed | self._keys_of(old, None, known)
        self._gather(arrivals, [*new, *old, *young], looked, wanted.keys, known, wanted.now_ns)
        self._hinder(arrivals, None, wanted.keys)
        further = old[-1].watermark if again_limit and len(old) == again_limit else None
        after = new[-1].watermark if new else watermark
        sizes = sums.ahead, sums.ahead_sum, sums.folders
        return Look(arrivals, after, further, frozenset(changed), *sizes, wanted.rotation)

    def lacks(self, files: Collection[FileVersion]) -> bool:
        """Whether one of the files was taken away; False if it cannot be looked at."""
        return any(_is_gone(file.path) for file in files)

    def _keys_of(self, looked: list[Found], arrivals: Arrivals | None, known: Keys) -> set[str]:
        """The partitions of what was looked at; what is strange goes into ``arrivals``, unless it was reported."""
        keys = (self._sort(found, arrivals, known) for found in looked)
        return {key for key in keys if key is not None}

    def _gather(
        self,
        arrivals: Arrivals,
        looked: list[Found],
        found_keys: set[str],
        asked_keys: Collection[str],
        known: Keys,
        now_ns: int,
    ) -> None:
        """Find every file of the partitions, and assemble their deliveries."""
        keys = found_keys.union(asked_keys)
        if not keys:
            return
        common = self._common_groups()
        days = tuple(name for name in common if name in OF_A_DAY)
        wanted = {self._part(found, common) for found in looked if found.token is not None}
        parts_of = self.names.parts_of
        asked = None if parts_of is None else {part for key in asked_keys for part in parts_of(key, days)}
        files = Files()
        for found in self._walk(arrivals.faults, _Sums()):
            if found.token is None or not found.is_file:
                continue
            if self._part(found, common) not in wanted and (
                not asked_keys or (asked is not None and self._part(found, days) not in asked)
            ):
                continue
            key = self._key(found, known)
            if key in keys:
                files.keep(found, key)
        self._assemble(arrivals, files, now_ns)

    def _common_groups(self) -> tuple[str, ...]:
        names = set(self.names.pattern.regex.groupindex)
        if self.names.completeness.marker:
            names &= set(self.names.completeness.marker.regex.groupindex)
        return tuple(sorted(names))

    def _part(self, found: Found, names: tuple[str, ...]) -> tuple[str, ...]:
        index = self._pattern_of(found).regex.groupindex
        assert found.token is not None
        return tuple(found.token[index[name] - 1] for name in names)

    def _walk(self, faults: dict[str, str], sums: _Sums) -> Iterator[Found]:
        marker = self.names.completeness.marker
        sources = [(self.names.pattern, False)]
        if marker:
            sources.insert(0, (marker, True))
        for pattern, is_marker in sources:
            walk = Walk(self._tree, pattern, faults)
            for seen in walk.entries():
                token = pattern.token(seen.path) if seen.leaf else None
                if seen.leaf and token is None and (is_marker or not pattern.resembles(seen.path)):
                    continue
                if seen.leaf and marker and not is_marker and marker.token(seen.path) is not None:
                    continue
                yield Found(seen.path, token, seen.status, seen.moved_ns, is_marker)
            sums.folders += walk.folders

    @cached_property
    def _tree(self) -> Tree:
        return DiskTree(self.root)

    def _content(self, found: Found) -> bytes | None:
        return read_seen(Path(self.root, found.path), found.status)

    def _version(self, found: Found) -> FileVersion:
        status = found.status
        path = str(Path(self.root) / found.path)
        return FileVersion(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _is_gone(path: str) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False  # it cannot be looked at: nobody took it away
    return False
