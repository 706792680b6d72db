"""Finding deliveries among the objects below a URL.

A store lists a thousand objects a request, so a look does not list them all where there are many. It lists those of the
partitions at hand (of these days, and such as never came), and goes on with a round through all the others: what comes
late is found when the round has come to it.

An object is there as a whole or not at all; its version is its size and e-tag.
"""

from __future__ import annotations

import posixpath
import stat
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from platform_assets.lake.deliveries import FileVersion
from platform_assets.landing.found import Arrivals, Files, Found, Look, Rotation, Watermark
from platform_assets.landing.landing import OF_A_DAY, Keys, Landing, Wanted
from platform_assets.landing.listing import listed_from
from platform_assets.landing.manifests import fetch_seen
from platform_assets.landing.patterns import ArrivalPattern, sure_start
from platform_assets.landing.stability import Stability
from platform_assets.landing.walk import is_left_out, means_beside_data, summed
from platform_assets.stores.errors import StoreError
from platform_assets.stores.objects import PAGE, Listed, Objects, Version
from platform_assets.stores.status import FileStatus

OBJECTS_PER_LOOK = 20 * PAGE
SECONDS_PER_LOOK = 1.5
"""How much of a round is a look's; the partitions at hand take as long at most."""

CLOCKS_NS = 120 * 10**9
"""By so much the clocks of a store and of this machine may differ."""

LONG_UPLOAD_NS = 24 * 3600 * 10**9
"""An object that was uploaded in parts has the time at which its upload began."""

PATIENCE_SECONDS = 15
"""How long a store that does not answer is asked again in a look, of which a tick has several."""

LOOKED_UP = 20
"""Up to so many objects are looked at one by one; more are listed."""


@dataclass(frozen=True)
class LandingObjects(Landing):
    """The landing place of one feed below a URL, `s3://bucket/folder` or the like."""

    def _entries(self, arrivals: Arrivals, keys: set[str] | None) -> Iterator[Found]:
        arrivals.partial = bool(keys)
        beginnings = self._beginnings(keys) if keys else [""]
        return self._found(listed_from(self._objects, self._folder, beginnings))

    def _look(self, wanted: Wanted) -> Look:
        """Changes are looked at in the order of their keys."""
        arrivals, now_ns, limit = Arrivals(), wanted.now_ns, wanted.limit
        known: Keys = {}
        changed: set[str] = set()
        looked: set[str] = set(wanted.keys)
        after, new = self._round(_begun(wanted.rotation, now_ns), limit)
        if wanted.rotation.at is not None or after.at is not None:
            recent, absent = set(self.names.recent_keys(now_ns)), set(wanted.missing())
            new += self._at_hand(recent | absent, absent, wanted.watermark.changed_ns, limit, known)
        for found in new:
            if (key := self._sort(found, arrivals, known)) is not None:
                changed.add(key)
        further = None
        if wanted.again is not None and wanted.again_limit:
            old, further = self._once_more(wanted.again.path, wanted.again_limit)
            looked.update(key for found in old if (key := self._sort(found, None, known)) is not None)
        self._gather(arrivals, changed | looked, known, now_ns)
        mark = Watermark(self._stability(now_ns).stable_before_ns - CLOCKS_NS)
        return Look(arrivals, mark, further, frozenset(changed), folders=after.losses, rotation=after)

    def lacks(self, files: Collection[FileVersion]) -> bool:
        """Whether one of the files was taken away; False if it cannot be looked at."""
        beginning = self._objects.named("")
        keys = [file.path.removeprefix(beginning) for file in files if file.path.startswith(beginning)]
        if len(keys) < len(files):
            return True
        try:
            if len(keys) <= LOOKED_UP:
                return any(not self._objects.exists(key) for key in keys)
            there = {each.key for each in listed_from(self._objects, self._folder, keys)}
        except StoreError:
            return False
        return not there.issuperset(keys)

    def _round(self, rotation: Rotation, limit: int) -> tuple[Rotation, list[Found]]:
        """The next part of the round, and what in it changed since the round before began, at most ``limit``."""
        start, until = rotation.at or "", time.monotonic() + SECONDS_PER_LOOK
        older, before = rotation.begun_ns - CLOCKS_NS, rotation.before_ns - CLOCKS_NS
        kept, total, number, key = rotation.kept, rotation.sum, 0, start
        new: list[Found] = []
        for page in self._objects.pages(self._folder, after=start):
            # at least one page, however long it took
            if number and (number >= OBJECTS_PER_LOOK or time.monotonic() > until or len(new) >= limit):
                return replace(rotation, at=key, sum=total, kept=kept), new
            for found in self._found(page):
                number_of_it = summed(found.path, found.changed_ns)
                total += number_of_it if found.changed_ns <= older else 0
                kept += number_of_it if found.changed_ns <= before else 0
                if self._is_new(found, rotation.before_ns):
                    new.append(found)
            number, key = number + len(page), page[-1].key
        lost = rotation.before_ns == 0 or kept != rotation.expected
        return replace(rotation, at=None, sum=total, kept=kept, losses=rotation.losses + lost), new

    def _at_hand(
        self, keys: Collection[str], absent: Collection[str], since_ns: int, limit: int, known: Keys
    ) -> list[Found]:
        """What changed since then among the objects of these partitions, and all of those that were ``absent``.

        Nothing if the names of objects do not begin with their partition.
        """
        beginnings = self._beginnings(keys)
        if not beginnings or self._beginning_of_all in beginnings:
            return []
        new: list[Found] = []
        until = time.monotonic() + SECONDS_PER_LOOK
        for found in self._found(listed_from(self._objects, self._folder, beginnings, until=until)):
            if found.changed_ns > since_ns or self._sort(found, None, known) in absent:
                new.append(found)
            if len(new) >= limit:
                break
        return new

    def _once_more(self, after: str, limit: int) -> tuple[list[Found], Watermark | None]:
        """The next objects of a look through everything, and where the next goes on (None: it is through)."""
        for page in self._objects.pages(self._folder, after=after):
            part = page[:limit]
            return list(self._found(part)), Watermark(0, part[-1].key)
        return [], None

    def _gather(self, arrivals: Arrivals, keys: Collection[str], known: Keys, now_ns: int) -> None:
        """Find every file of the partitions, and assemble their deliveries."""
        if not keys:
            return
        files = Files()
        for found in self._found(listed_from(self._objects, self._folder, self._beginnings(keys))):
            key = self._sort(found, None, known)
            if key in keys:
                assert key is not None
                files.keep(found, key)
        self._assemble(arrivals, files, now_ns)

    def _is_new(self, found: Found, since_ns: int) -> bool:
        """Whether the object may have come after a round began at ``since_ns``."""
        if since_ns == 0:
            return True
        assert isinstance(found.status, FileStatus)
        began_before = LONG_UPLOAD_NS if "-" in found.status.etag and self.root.startswith("s3:") else 0
        since_ns -= CLOCKS_NS + int(self.names.completeness.settle_seconds * 1e9)
        return found.changed_ns > since_ns - began_before

    def _found(self, listed: Iterable[Listed]) -> Iterator[Found]:
        """Those of the objects that are the feed's, or seem to be meant to."""
        sorters = [_Sorter(pattern, is_marker) for pattern, is_marker in self._patterns]
        for each in listed:
            found = next((found for sorter in sorters if (found := sorter.found(each)) is not None), None)
            if found is not None:
                yield found

    def _content(self, found: Found) -> bytes | None:
        status = found.status
        assert isinstance(status, FileStatus)
        return fetch_seen(self._objects, found.path, Version(status.st_size, status.st_mtime_ns, status.etag))

    def _version(self, found: Found) -> FileVersion:
        status = found.status
        assert isinstance(status, FileStatus)
        return FileVersion(self._objects.named(found.path), status.st_size, status.st_mtime_ns, etag=status.etag)

    def _beginnings(self, keys: Iterable[str]) -> list[str]:
        """How the keys of the partitions' objects begin."""
        parts_of = self.names.parts_of
        found: set[str] = set()
        for pattern, _ in self._patterns:
            groups, text = pattern.beginning(OF_A_DAY if parts_of is not None else ())
            for key in keys:
                parts = parts_of(key, groups) if parts_of is not None and groups else {()}
                found.update(sure_start(text.format(**dict(zip(groups, part, strict=True)))) for part in parts)
        return sorted(found)

    @cached_property
    def _beginning_of_all(self) -> str:
        """How all keys begin, as far as the pattern says it in plain text."""
        return self.names.pattern.beginning(())[1]

    @cached_property
    def _patterns(self) -> tuple[tuple[ArrivalPattern, bool], ...]:
        marker = self.names.completeness.marker
        return ((self.names.pattern, False),) if marker is None else ((marker, True), (self.names.pattern, False))

    @cached_property
    def _folder(self) -> str:
        """The folder that all patterns name in full."""
        return posixpath.commonpath([pattern.folder for pattern, _ in self._patterns])

    @cached_property
    def _objects(self) -> Objects:
        return Objects(self.root, patience_seconds=PATIENCE_SECONDS)

    def _stability(self, now_ns: int) -> Stability:
        completeness = self.names.completeness
        if self.names.one_file and completeness.marker is None:
            return Stability(completeness.settle_seconds, now_ns, lambda _: True)
        if completeness.lists_files:
            # a manifest is there as a whole
            known = self.known_whole
            return Stability(completeness.settle_seconds, now_ns, lambda found: found.is_marker or known(found), True)
        return super()._stability(now_ns)


class _Sorter:
    """Which objects are those of one pattern."""

    def __init__(self, pattern: ArrivalPattern, is_marker: bool) -> None:
        self._pattern, self._is_marker = pattern, is_marker
        self._depth = pattern.pattern.count("/")
        self._means_beside = means_beside_data(pattern)

    def found(self, listed: Listed) -> Found | None:
        """The object as an entry, if it is the feed's, or its name begins as if it was meant to be."""
        key = listed.key
        if key.count("/") != self._depth or is_left_out(key, but_for_beside=self._means_beside):
            return None
        token = self._pattern.token(key)
        if token is None and (self._is_marker or not self._pattern.resembles(key)):
            return None
        changed_ns = int(listed.changed.timestamp()) * 10**9 + listed.changed.microsecond * 1_000
        return Found(key, token, FileStatus(stat.S_IFREG, listed.size, changed_ns, listed.etag), 0, self._is_marker)


def _begun(rotation: Rotation, now_ns: int) -> Rotation:
    """The rotation with a round under way: a new one if the last is through, or began in the future."""
    if rotation.begun_ns > now_ns:
        return Rotation("", now_ns, losses=rotation.losses)
    if rotation.at is not None:
        return rotation
    return Rotation("", now_ns, rotation.begun_ns, expected=rotation.sum, losses=rotation.losses)
