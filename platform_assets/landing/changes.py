"""What is remembered of changes in landing folders: which files were moved into place, and which feeds are due.

Whoever sees changes reports them here, and the look at a landing folder asks. What was forgotten, or never seen, is
stable by its time of change alone. Memory is bounded. No system call is made here.
"""

from __future__ import annotations

import heapq
import os
import threading
from collections.abc import Iterator

MOST_FILES = 20_000
"""Files that are remembered one by one; of further ones, when some of their feed changed last."""

AT_ONCE_SECONDS = 0.05
"""How long after a change its feed is due at the earliest, so that files that come together are looked at together."""

BETWEEN_SECONDS = 1.0
"""A feed is due at most so often."""

Identity = tuple[int, int, int, int]
_File = tuple[str, str]
_CROWD = ""


def identity(status: os.stat_result) -> Identity:
    """What any change of a file makes another one of."""
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


class Changes:
    """Changes of the files of many feeds. Times are seconds of a steady clock, paths relative to the landing folder."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # when each file is due, and at what time it is entered in the heap: not later
        self._due: dict[_File, tuple[float, float]] = {}
        self._by_time: list[tuple[float, _File]] = []
        # what each file was when it was moved, when that is forgotten, and at what time that is entered in the heap
        self._moved: dict[_File, tuple[Identity, float, float]] = {}
        self._forgotten: list[tuple[float, _File]] = []
        self._feeds: dict[str, float] = {}
        self._last: dict[str, float] = {}

    def written(self, feed: str, path: str, *, now: float, wait: float) -> None:
        """The file is new, or its content may have changed: its feed is due when it is unchanged for ``wait``."""
        with self._lock:
            self._moved.pop((feed, path), None)
            self._wait(feed, path, now + wait + AT_ONCE_SECONDS)

    def moved(self, feed: str, path: str, status: os.stat_result, *, now: float, wait: float) -> None:
        """The file was moved into place: its feed is due at once.

        ``wait`` later it is stable by its time of change, and the move is forgotten.
        """
        with self._lock:
            self._wait(feed, path, now + AT_ONCE_SECONDS)
            file, until = (feed, path), now + wait
            known = self._moved.get(file)
            if known is None and len(self._moved) >= MOST_FILES:
                return
            if known is None:
                heapq.heappush(self._forgotten, (until, file))
            self._moved[file] = identity(status), until, until if known is None else known[2]

    def declared(self, feed: str, path: str, *, now: float) -> None:
        """A marker was there, which says that the rest of its delivery is: the feed is due at once."""
        with self._lock:
            self._wait(feed, path, now + AT_ONCE_SECONDS)

    def was_moved(self, feed: str, path: str, status: os.stat_result) -> bool:
        """Whether the file was moved into place and is what it was then."""
        with self._lock:
            known = self._moved.get((feed, path))
        return known is not None and known[0] == identity(status)

    def take_due(self, now: float) -> set[str]:
        """The feeds that are due, each once for all of its changes up to now; forgets what is over."""
        with self._lock:
            for file in self._over(now):
                feed, last = file[0], self._last.get(file[0])
                self._feeds.setdefault(feed, now if last is None else max(now, last + BETWEEN_SECONDS))
            while self._forgotten and self._forgotten[0][0] <= now:
                entered, file = heapq.heappop(self._forgotten)
                known = self._moved.get(file)
                if known is None or known[2] != entered:
                    continue
                if known[1] > now:
                    heapq.heappush(self._forgotten, (known[1], file))
                    self._moved[file] = known[0], known[1], known[1]
                else:
                    del self._moved[file]
            taken = {feed for feed, due in self._feeds.items() if due <= now}
            for feed in taken:
                del self._feeds[feed]
                self._last[feed] = now
            return taken

    def next_due(self) -> float | None:
        """When :meth:`take_due` has something to do; None while nothing is remembered."""
        with self._lock:
            times = [*self._feeds.values(), *(heap[0][0] for heap in (self._by_time, self._forgotten) if heap)]
            return min(times, default=None)

    def __len__(self) -> int:
        return len(self._due) + len(self._moved)

    def _wait(self, feed: str, path: str, due: float) -> None:
        file = (feed, path)
        if file not in self._due and len(self._due) >= MOST_FILES:
            file = (feed, _CROWD)
        known = self._due.get(file)
        if known is None or due < known[1]:
            heapq.heappush(self._by_time, (due, file))
            self._due[file] = due, due
        else:
            self._due[file] = due, known[1]

    def _over(self, now: float) -> Iterator[_File]:
        """Files that have not changed since they became due, and are forgotten."""
        while self._by_time and self._by_time[0][0] <= now:
            entered, file = heapq.heappop(self._by_time)
            known = self._due.get(file)
            if known is None or known[1] != entered:
                continue
            if known[0] > now:
                heapq.heappush(self._by_time, (known[0], file))
                self._due[file] = known[0], known[0]
            else:
                del self._due[file]
                yield file
