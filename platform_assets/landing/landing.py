"""The landing place of a feed: what of its files are deliveries, wherever they lie.

How files are found differs between a folder (``arrivals``) and the objects below a URL (``objects``). How they become
deliveries is the same, and here.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from platform_assets.lake.deliveries import Delivery, FileVersion
from platform_assets.lake.names import shown
from platform_assets.landing.found import Arrivals, Completeness, Files, Found, Look, Rotation, Watermark, kind_of
from platform_assets.landing.manifests import Manifests, NotListed
from platform_assets.landing.patterns import ArrivalPattern, NameMatch
from platform_assets.landing.stability import KnownWhole, Stability, nothing_known
from platform_assets.landing.walk import ROOT, Levels
from platform_assets.logs import logger
from platform_assets.partition_key import PartitionKey
from platform_assets.stores.errors import StoreError

log = logger(__name__)

KeyOf = Callable[[NameMatch], str | None]
MayHold = Callable[[Mapping[str, str], str], bool]
"""Whether a folder whose path names these parts of a time or key may hold files of the partition."""
PartsOf = Callable[[str, tuple[str, ...]], set[tuple[str, ...]]]
"""What the names of a partition's files may say in these groups of the pattern, or more."""
RecentKeys = Callable[[int], Iterable[str]]
"""The partitions of which files are most likely to come at a time (nanoseconds since the epoch)."""
Missing = Callable[[], Iterable[str]]
"""Partitions of which nothing has ever come."""
OF_A_DAY = frozenset({"key", "tY", "tm", "td", "ty", "tj", "tG", "tV"})
"""Groups of a pattern by which files are passed over whose partition is not worth working out."""

Keys = dict[tuple[str, ...], str | None]
"""The partitions of the tokens that were looked up before."""


def no_recent_keys(_: int) -> Iterable[str]:
    """Nothing is known of when files come."""
    return ()


def nothing_missing() -> Iterable[str]:
    """Nothing is known of partitions of which nothing has come."""
    return ()


@dataclass(frozen=True)
class FileNames:
    """Which names a feed's files have, and what they say of partitions."""

    feed: str
    pattern: ArrivalPattern
    key_of: KeyOf
    completeness: Completeness = field(default_factory=Completeness)
    may_hold: MayHold = lambda *_: True
    parts_of: PartsOf | None = None
    keyed: Callable[[str], PartitionKey] = PartitionKey
    recent_keys: RecentKeys = no_recent_keys
    one_file: bool = False
    """Whether a delivery is one file, as far as the pattern and the partitions tell."""


@dataclass(frozen=True)
class Wanted:
    """What a look is to look at: the parameters of :meth:`Landing.look`."""

    watermark: Watermark
    now_ns: int
    limit: int
    again: Watermark | None
    again_limit: int
    keys: Collection[str]
    rotation: Rotation
    missing: Missing


@dataclass(frozen=True)
class Landing(ABC):
    """The landing place of one feed: where (``root``, a path or a URL), and which ``names`` its files have."""

    root: str
    names: FileNames
    known_whole: KnownWhole = nothing_known

    look_through_ns: ClassVar[int] = 24 * 3600 * 10**9
    """How often everything is looked through without a reason."""

    def deliveries(self, keys: set[str] | None = None, *, now_ns: int) -> Arrivals:
        """Every complete delivery at ``now_ns`` of the partitions ``keys`` (None: of all).

        Without any partition everything is looked at for what belongs to none.
        """
        started, arrivals, files = time.monotonic(), Arrivals(), Files()
        known: Keys = {}
        try:
            for found in self._entries(arrivals, keys):
                key = self._sort(found, arrivals, known)
                if key is not None and (keys is None or key in keys):
                    files.keep(found, key)
            self._assemble(arrivals, files, now_ns)
        except StoreError as error:
            return self._nothing_seen(error, keys or ())
        self._hinder(arrivals, keys)
        self._log(arrivals, started)
        return arrivals

    def look(
        self,
        watermark: Watermark,
        *,
        now_ns: int,
        limit: int,
        again: Watermark | None = None,
        again_limit: int = 0,
        keys: Collection[str] = (),
        rotation: Rotation | None = None,
        missing: Missing = nothing_missing,
    ) -> Look:
        """The deliveries of partitions in which a file changed after ``watermark``, of ``keys``, and of some others.

        At most ``limit`` changes are looked at. Of what was looked at before, at most ``again_limit`` files after
        ``again`` are looked at once more. Memory grows with the limits and not with what is in the landing place.
        Where one look does not list it as a whole, ``rotation`` is how far it was listed, and files of the ``missing``
        partitions are looked for wherever that is.
        """
        started, rotation = time.monotonic(), rotation or Rotation()
        try:
            look = self._look(Wanted(watermark, now_ns, limit, again, again_limit, keys, rotation, missing))
        except StoreError as error:
            return Look(self._nothing_seen(error, keys), watermark, again, rotation=rotation)
        self._log(look.arrivals, started)
        return look

    @abstractmethod
    def lacks(self, files: Collection[FileVersion]) -> bool:
        """Whether one of the files was taken away; False if it cannot be looked at."""

    def irregular_of(self, arrivals: Arrivals, key: str) -> dict[str, str]:
        """Those of the irregular paths that stand where files of this partition would."""
        levels = Levels(self.names.pattern)
        known: Keys = {}
        found = {}
        for path, kind in arrivals.irregular.items():
            token = levels.token(path)
            if token is None:
                mine = levels.could_be(path) and self.names.may_hold(levels.groups(path), key)
            else:
                mine = self._key_of_token(token, known) == key
            if mine:
                found[path] = kind
        return found

    def partition_of(self, path: str) -> str | None:
        """The partition that a path below the landing place belongs to, as data or as a marker."""
        for pattern in filter(None, (self.names.completeness.marker, self.names.pattern)):
            token = pattern.token(path)
            match = None if token is None else pattern.read(token)
            if match is not None:
                return self.names.key_of(match)
        return None

    @abstractmethod
    def _entries(self, arrivals: Arrivals, keys: set[str] | None) -> Iterator[Found]:
        """What may belong to the partitions ``keys``, or to none; what cannot be looked at goes into ``arrivals``."""

    @abstractmethod
    def _look(self, wanted: Wanted) -> Look: ...

    @abstractmethod
    def _version(self, found: Found) -> FileVersion: ...

    @abstractmethod
    def _content(self, found: Found) -> bytes | None:
        """The content of a small file, as :data:`~platform_assets.landing.manifests.Content` says."""

    def _assemble(self, arrivals: Arrivals, files: Files, now_ns: int) -> None:
        """Make deliveries of the files of whole partitions."""
        stability, completeness = self._stability(now_ns), self.names.completeness
        manifests = files.markers if completeness.lists_files else {}
        for key in sorted(files.by_key.keys() | manifests):
            there, read = files.by_key.get(key, []), manifests.get(key, [])
            if completeness.marker and key not in files.markers:
                arrivals.waiting[key] = f"no file like {completeness.marker.pattern!r} says that it is complete"
                continue
            is_torn = any(not stability.is_stable(found) and not stability.is_whole(found) for found in read)
            try:
                taken = self._manifests(read, key).listed(there) if read and not is_torn else there
            except NotListed as error:
                arrivals.waiting[key] = str(error)
                if error.hindered:
                    arrivals.hindered.add(key)
                    arrivals.undecided.add(key)
                continue
            young = [found for found in (*taken, *read) if not stability.is_stable(found)]
            if is_torn or not all(stability.is_whole(found, files.marked_ns(key)) for found in young):
                arrivals.unstable.add(key)
                arrivals.waiting[key] = f"changed less than {completeness.settle_seconds:g} seconds ago"
                continue
            versions = sorted(self._version(found) for found in taken)
            arrivals.deliveries[key] = Delivery(self.names.feed, self.names.keyed(key), tuple(versions))
            arrivals.unmatched += sorted({found.path for found in there} - {found.path for found in taken})
            if young:
                arrivals.young.add(key)

    def _manifests(self, manifests: Sequence[Found], key: str) -> Manifests:
        known: Keys = {}

        def is_mine(path: str) -> bool:
            token = self.names.pattern.token(path)
            return token is not None and self._key_of_token(token, known) == key

        return Manifests(manifests, self.names.pattern, is_mine, self._content)

    def _hinder(self, arrivals: Arrivals, keys: set[str] | None, also: Collection[str] = ()) -> None:
        """Let those partitions wait whose files nobody could see.

        A folder whose name says all of a partition costs that partition. One that says less may hold files of many:
        each of them waits that it may hold, also where files were found elsewhere, for these may be a part only.
        """
        if not arrivals.faults:
            return
        levels = Levels(self.names.pattern)
        known: Keys = {}
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
        for key in {*(keys or ()), *also, *arrivals.deliveries, *arrivals.waiting}:
            reasons = (reason for groups, reason in many.items() if self.names.may_hold(dict(groups), key))
            if (reason := one.get(key) or next(reasons, "")) != "":
                self._wait(arrivals, key, reason)
        for key in one.keys() - arrivals.waiting.keys():
            self._wait(arrivals, key, one[key])

    def _nothing_seen(self, error: StoreError, keys: Iterable[str]) -> Arrivals:
        """Of a place that could not be looked at: all that was asked for waits."""
        arrivals = Arrivals(faults={ROOT: str(error)}, partial=True)
        for key in keys:
            self._wait(arrivals, key, str(error))
        return arrivals

    def _wait(self, arrivals: Arrivals, key: str, why: str) -> None:
        arrivals.deliveries.pop(key, None)
        arrivals.unstable.discard(key)
        arrivals.waiting[key] = why
        arrivals.hindered.add(key)

    def _sort(self, found: Found, arrivals: Arrivals | None, known: Keys) -> str | None:
        """The partition of what was found; what is strange goes into ``arrivals``, unless it was reported."""
        key = None if found.token is None else self._key(found, known)
        if found.is_file and key is not None:
            return key
        if arrivals is not None and not found.is_file:
            arrivals.irregular[found.path] = kind_of(found.status.st_mode)
        elif arrivals is not None:
            arrivals.unmatched.append(found.path)
        return None

    def _stability(self, now_ns: int) -> Stability:
        completeness = self.names.completeness
        return Stability(completeness.settle_seconds, now_ns, self.known_whole, completeness.lists_files)

    def _key_of_token(self, token: tuple[str, ...], known: Keys) -> str | None:
        if token not in known:
            match = self.names.pattern.read(token)
            known[token] = None if match is None else self.names.key_of(match)
        return known[token]

    def _key(self, found: Found, known: Keys) -> str | None:
        assert found.token is not None
        identity = ("marker", *found.token) if found.is_marker else found.token
        if identity not in known:
            match = self._pattern_of(found).read(found.token)
            known[identity] = None if match is None else self.names.key_of(match)
        return known[identity]

    def _pattern_of(self, found: Found) -> ArrivalPattern:
        marker = self.names.completeness.marker
        return marker if found.is_marker and marker else self.names.pattern

    def _log(self, arrivals: Arrivals, started: float) -> None:
        log.debug(
            "%s: listed %s: %d deliveries, %d not complete, %d paths that are none, %.3f s",
            self.names.feed, self.root, len(arrivals.deliveries), len(arrivals.waiting),
            len(arrivals.irregular) + len(arrivals.unmatched), time.monotonic() - started,
        )  # fmt: skip
