"""A landing folder that is watched for one feed, and waiting for what its events have done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from platform_assets.landing.found import Completeness
from platform_assets.landing.patterns import ArrivalPattern
from platform_assets.landing.watch import LandingWatch
from platform_assets.landing.watched import WatchedFeed

LONG = 3600.0
"""A settle time that is not over within a test."""


class Woken:
    """Which feeds were woken, in order."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, name: str) -> None:
        self.names.append(name)


def until(condition: Callable[[], object], what: str = "") -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.005)


def daily(
    files: str = "orders/%Y-%m-%d.csv",
    *,
    settle: float = LONG,
    marker: str | None = None,
    lists_files: bool = False,
    one_file: bool = True,
) -> WatchedFeed:
    completeness = Completeness(settle, ArrivalPattern(marker) if marker else None, lists_files)
    return WatchedFeed("orders", ArrivalPattern(files), completeness, one_file)


class Landing:
    """A landing folder that is watched for one feed; ``knows`` waits until an event has been taken."""

    def __init__(self, root: Path, feed: WatchedFeed) -> None:
        self.root, self.feed, self.woken = root, feed, Woken()
        self.watch = LandingWatch(root, self.woken)
        self.watch.add(feed)

    def put(self, name: str, text: str = "id\n1\n") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def move(self, name: str, source: Path | None = None) -> Path:
        draft = source or self.put(".draft")
        draft.rename(self.root / name)
        return self.root / name

    def is_whole(self, name: str) -> bool:
        return self.watch.was_moved("orders", name, (self.root / name).lstat())

    def all_taken(self) -> None:
        """Return once every event of before has been taken, by one that comes after them."""
        count = len(self.woken.names)
        probe = self.root / "probe"
        self.watch.add(WatchedFeed("probe", ArrivalPattern("probe_{key}"), Completeness(LONG), True))
        probe.write_text("")
        probe.rename(self.root / f"probe_{count}{time.monotonic_ns()}")
        until(lambda: "probe" in self.woken.names[count:], "the probe")


@contextmanager
def watched_landing(root: Path, feed: WatchedFeed) -> Iterator[Landing]:
    (root / "orders").mkdir(parents=True, exist_ok=True)
    made = Landing(root, feed)
    try:
        yield made
    finally:
        made.watch.end()
