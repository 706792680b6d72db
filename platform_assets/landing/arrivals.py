"""Finding deliveries in a landing folder: which files belong to which partition, and which are stable.

What is not a plain file (a link, a pipe, a folder with a file's name) is reported, never followed or opened. What
cannot be looked at costs the partitions whose files it may hold, and no other. What becomes of a delivery is not
decided here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from platform_assets.lake.deliveries import Delivery, FileVersion
from platform_assets.lake.names import shown
from platform_assets.landing.found import Arrivals, Completeness, Found, Look, Oldest, Watermark, kind_of
from platform_assets.landing.patterns import ArrivalPattern, NameMatch
from platform_assets.landing.stability import KnownWhole, Stability, nothing_known
from platform_assets.landing.walk import ROOT, Levels, Walk, summed
from platform_assets.logs import logger
from platform_assets.partition_key import PartitionKey

__all__ = ["Arrivals", "Completeness", "LandingFolder", "Look", "Watermark"]

log = logger(__name__)

KeyOf = Callable[[NameMatch], str | None]
MayHold = Callable[[Mapping[str, str], str], bool]
"""Whether a folder whose path names these parts of a time or key may hold files of the partition."""
PartsOf = Callable[[str, tuple[str, ...]], set[tuple[str, ...]]]
"""What the names of a partition's files may say in these groups of the pattern, or more."""
OF_A_DAY = frozenset({"key", "tY", "tm", "td", "ty", "tj", "tG", "tV"})
"""Groups of a pattern by which files are passed over whose partition is not worth working out."""


@dataclass
class _Sums:
    ahead: int = 0
    ahead_sum: int = 0
    folders: int = 0


@dataclass(frozen=True)
class LandingFolder:
    """The landing folder of one feed: where, which names, and how a name becomes a partition key."""

    feed: str
    root: Path
    pattern: ArrivalPattern
    key_of: KeyOf
    completeness: Completeness = field(default_factory=Completeness)
    may_hold: MayHold = lambda *_: True
    parts_of: PartsOf | None = None
    keyed: Callable[[str], PartitionKey] = PartitionKey
    known_whole: KnownWhole = nothing_known

    def deliveries(self, keys: set[str] | None = None, *, now_ns: int) -> Arrivals:
        """Every complete delivery at ``now_ns`` of the partitions ``keys`` (None: of all)."""
        started, arrivals = time.monotonic(), Arrivals()
        by_token: dict[tuple[str, ...], str | None] = {}
        files: dict[str, list[Found]] = {}
        marked: dict[str, int] = {}
        for found in self._walk(arrivals.faults, _Sums()):
            key = None if found.token is None else self._key(found, by_token)
            if not found.is_file:
                arrivals.irregular[found.path] = kind_of(found.status.st_mode)
            elif key is None:
                arrivals.unmatched.append(found.path)
            elif keys is None or key in keys:
                if found.is_marker:
                    marked[key] = max(found.changed_ns, marked.get(key, 0))
                else:
                    files.setdefault(key, []).append(found)
        self._assemble(arrivals, files, marked, now_ns)
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
    ) -> Look:
        """The deliveries of partitions in which a file changed after ``watermark``, of ``keys``, and of some others.

        At most ``limit`` changes are looked at, oldest first. One that is known to be whole before it is stable is
        looked at now, and at each look until it is stable. Of what was looked at before, at most ``again_limit``
        files after ``again`` are looked at once more. Memory grows with the limits and not with what is in the
        folder: it is walked twice, for the changes and for their partitions.
        """
        started, stability = time.monotonic(), self._stability(now_ns)
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
        by_token: dict[tuple[str, ...], str | None] = {}
        changed = self._keys_of(new, arrivals, by_token) | self._keys_of(young, None, by_token)
        looked = changed | self._keys_of(old, None, by_token)
        self._gather(arrivals, [*new, *old, *young], looked, keys, by_token, now_ns)
        self._hinder(arrivals, None, keys)
        self._log(arrivals, started)
        further = old[-1].watermark if again_limit and len(old) == again_limit else None
        after = new[-1].watermark if new else watermark
        return Look(arrivals, after, further, frozenset(changed), sums.ahead, sums.ahead_sum, sums.folders)

    def _log(self, arrivals: Arrivals, started: float) -> None:
        log.debug(
            "%s: listed %s: %d deliveries, %d not complete, %d paths that are none, %.3f s",
            self.feed, self.root, len(arrivals.deliveries), len(arrivals.waiting),
            len(arrivals.irregular) + len(arrivals.unmatched), time.monotonic() - started,
        )  # fmt: skip

    def _keys_of(
        self, looked: list[Found], arrivals: Arrivals | None, by_token: dict[tuple[str, ...], str | None]
    ) -> set[str]:
        """The partitions of what was looked at; what is strange goes into ``arrivals``, unless it was reported."""
        keys: set[str] = set()
        for found in looked:
            key = None if found.token is None else self._key(found, by_token)
            if found.is_file and key is not None:
                keys.add(key)
            elif arrivals is not None and not found.is_file:
                arrivals.irregular[found.path] = kind_of(found.status.st_mode)
            elif arrivals is not None:
                arrivals.unmatched.append(found.path)
        return keys

    def _gather(
        self,
        arrivals: Arrivals,
        looked: list[Found],
        found_keys: set[str],
        asked_keys: Collection[str],
        by_token: dict[tuple[str, ...], str | None],
        now_ns: int,
    ) -> None:
        """Find every file of the partitions, and assemble their deliveries."""
        keys = found_keys.union(asked_keys)
        if not keys:
            return
        common = self._common_groups()
        days = tuple(name for name in common if name in OF_A_DAY)
        wanted = {self._part(found, common) for found in looked if found.token is not None}
        asked = None if self.parts_of is None else {part for key in asked_keys for part in self.parts_of(key, days)}
        files: dict[str, list[Found]] = {}
        marked: dict[str, int] = {}
        for found in self._walk(arrivals.faults, _Sums()):
            if found.token is None or not found.is_file:
                continue
            if self._part(found, common) not in wanted and (
                not asked_keys or (asked is not None and self._part(found, days) not in asked)
            ):
                continue
            key = self._key(found, by_token)
            if key in keys:
                if found.is_marker:
                    marked[key] = max(found.changed_ns, marked.get(key, 0))
                else:
                    files.setdefault(key, []).append(found)
        self._assemble(arrivals, files, marked, now_ns)

    def _assemble(
        self, arrivals: Arrivals, files: dict[str, list[Found]], marked: Mapping[str, int], now_ns: int
    ) -> None:
        stability = self._stability(now_ns)
        for key in sorted(files):
            young = [found for found in files[key] if not stability.is_stable(found)]
            if self.completeness.marker and key not in marked:
                arrivals.waiting[key] = f"no file like {self.completeness.marker.pattern!r} says that it is complete"
            elif not all(stability.is_whole(found, marked.get(key, 0)) for found in young):
                arrivals.unstable.add(key)
                arrivals.waiting[key] = f"changed less than {self.completeness.settle_seconds:g} seconds ago"
            else:
                versions = (FileVersion.seen(str(self.root / found.path), found.status) for found in files[key])
                arrivals.deliveries[key] = Delivery(self.feed, self.keyed(key), tuple(sorted(versions)))
                if young:
                    arrivals.young.add(key)

    def _hinder(self, arrivals: Arrivals, keys: set[str] | None, also: Collection[str] = ()) -> None:
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
        for key in {*(keys or ()), *also, *arrivals.deliveries, *arrivals.waiting}:
            reasons = (reason for groups, reason in many.items() if self.may_hold(dict(groups), key))
            if (reason := one.get(key) or next(reasons, "")) != "":
                self._wait(arrivals, key, reason)
        for key in one.keys() - arrivals.waiting.keys():
            self._wait(arrivals, key, one[key])

    def _wait(self, arrivals: Arrivals, key: str, why: str) -> None:
        arrivals.deliveries.pop(key, None)
        arrivals.unstable.discard(key)
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

    def _stability(self, now_ns: int) -> Stability:
        return Stability(self.completeness.settle_seconds, now_ns, self.known_whole)

    def _key(self, found: Found, known: dict[tuple[str, ...], str | None]) -> str | None:
        assert found.token is not None
        identity = ("marker", *found.token) if found.is_marker else found.token
        if identity not in known:
            match = self._pattern_of(found).read(found.token)
            known[identity] = None if match is None else self.key_of(match)
        return known[identity]

    def _pattern_of(self, found: Found) -> ArrivalPattern:
        return self.completeness.marker if found.is_marker and self.completeness.marker else self.pattern

    def _common_groups(self) -> tuple[str, ...]:
        names = set(self.pattern.regex.groupindex)
        if self.completeness.marker:
            names &= set(self.completeness.marker.regex.groupindex)
        return tuple(sorted(names))

    def _part(self, found: Found, names: tuple[str, ...]) -> tuple[str, ...]:
        index = self._pattern_of(found).regex.groupindex
        assert found.token is not None
        return tuple(found.token[index[name] - 1] for name in names)

    def _walk(self, faults: dict[str, str], sums: _Sums) -> Iterator[Found]:
        marker = self.completeness.marker
        sources = [(self.pattern, False)]
        if marker:
            sources.insert(0, (marker, True))
        for pattern, is_marker in sources:
            walk = Walk(self.root, pattern, faults)
            for seen in walk.entries():
                token = pattern.token(seen.path) if seen.leaf else None
                if seen.leaf and token is None and (is_marker or not pattern.resembles(seen.path)):
                    continue
                if seen.leaf and marker and not is_marker and marker.token(seen.path) is not None:
                    continue
                yield Found(seen.path, token, seen.status, seen.moved_ns, is_marker)
            sums.folders += walk.folders
