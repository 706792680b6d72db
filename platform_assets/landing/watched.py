"""The feeds whose landing folders are watched, and which of them a path may concern."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from platform_assets.landing.found import Completeness
from platform_assets.landing.patterns import ArrivalPattern
from platform_assets.landing.walk import Levels


@dataclass(frozen=True)
class WatchedFeed:
    """A feed by its ``name`` among those that are watched.

    ``one_file`` says that a delivery is one file, which is complete once it was moved into place.
    """

    name: str
    pattern: ArrivalPattern
    completeness: Completeness
    one_file: bool

    @property
    def settle_seconds(self) -> float:
        return self.completeness.settle_seconds

    @property
    def patterns(self) -> tuple[ArrivalPattern, ...]:
        marker = self.completeness.marker
        return (self.pattern,) if marker is None else (self.pattern, marker)

    def may_lie_below(self, folder: str) -> bool:
        """Whether files of the feed may lie in the folder, or below it."""
        depth = folder.count("/") + 1
        return not folder or any(depth <= depths and levels.could_be(folder) for depths, levels in self._levels)

    @cached_property
    def depth(self) -> int:
        """How many folders there may be between the landing folder and a file."""
        return max(depths for depths, _ in self._levels)

    def is_marker(self, path: str) -> bool:
        """Whether the file says by being there that the rest of its delivery is."""
        return not self.completeness.lists_files and self._is_of_marker(path)

    def is_whole_once_moved(self, path: str) -> bool:
        """Whether the file needs no other one to be taken: it is a delivery of one file, or a manifest."""
        if self.completeness.marker is None:
            return self.one_file
        return self.completeness.lists_files and self._is_of_marker(path)

    def _is_of_marker(self, path: str) -> bool:
        marker = self.completeness.marker
        return marker is not None and marker.token(path) is not None

    @cached_property
    def _levels(self) -> tuple[tuple[int, Levels], ...]:
        return tuple((pattern.pattern.count("/"), Levels(pattern)) for pattern in self.patterns)


class WatchedFeeds:
    """Feeds by their names, found by the folders that their patterns name in full."""

    def __init__(self) -> None:
        self._feeds: dict[str, WatchedFeed] = {}
        self._by_folder: dict[str, list[WatchedFeed]] = {}
        self._named: set[str] = set()

    def add(self, feed: WatchedFeed) -> bool:
        """Whether it was not there, or was another one."""
        if self._feeds.get(feed.name) == feed:
            return False
        self._feeds[feed.name] = feed
        self._by_folder, self._named = {}, set()
        for each in self._feeds.values():
            for folder in {pattern.folder for pattern in each.patterns}:
                self._by_folder.setdefault(folder, []).append(each)
                self._named.update(_with_those_above(folder))
        return True

    def all(self) -> Sequence[WatchedFeed]:
        return tuple(self._feeds.values())

    def are_named(self, folder: str) -> bool:
        """Whether some pattern names the folder in full; it may be a link of the operator's."""
        return folder in self._named

    def of_file(self, path: str) -> Iterator[WatchedFeed]:
        """The feeds that a file belongs to, as data or as a marker."""
        seen = set()
        for folder in _with_those_above(path.rpartition("/")[0]):
            for feed in self._by_folder.get(folder, ()):
                if feed.name not in seen and any(pattern.token(path) is not None for pattern in feed.patterns):
                    seen.add(feed.name)
                    yield feed


def _with_those_above(folder: str) -> Iterator[str]:
    yield folder
    while folder:
        folder = folder.rpartition("/")[0]
        yield folder
