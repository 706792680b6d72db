"""What is remembered of changes in landing folders: which files were moved into place, and which feeds are due.

Whoever sees changes reports them here, and the look at a landing folder asks. What was forgotten, or never seen, is
stable by its time of change alone. Memory is bounded. No system call is made here.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Iterator

from platform_assets.landing.trees import Status

MOST_FILES = 20_000
"""Files that are remembered one by one; of further ones, when some of their feed changed last."""

AT_ONCE_SECONDS = 0.05
"""How long after a change its feed is due at the earliest, so that files that come together are looked at together."""

BETWEEN_SECONDS = 1.0
"""A feed is due at most so often."""

Identity = tuple[int, int, int, int]
_File = tuple[str, str]
_CROWD = ""
_FEW = 20


def identity(status: Status) -> Identity:
    """What any change of a file makes another one of."""
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


class _Deadlines:
    """When each file's time is over, which may be put off again and again at no cost."""

    def __init__(self) -> None:
        # until when, and the time at which the file is entered in the heap: not later
        self._until: dict[_File, tuple[float, float]] = {}
        self._by_time: list[tuple[float, _File]] = []

    def set(self, file: _File, until: float) -> None:
        known = self._until.get(file)
        if known is None or until < known[1]:
            self._enter(file, until)
        else:
            self._until[file] = until, known[1]

    def over(self, now: float) -> Iterator[_File]:
        """The files whose time is over, which are forgotten."""
        while self._by_time and self._by_time[0][0] <= now:
            entered, file = heapq.heappop(self._by_time)
            known = self._until.get(file)
            if known is None or known[1] != entered:
                continue
            if known[0] > now:
                self._enter(file, known[0])
            else:
                del self._until[file]
                yield file

    def next(self) -> float | None:
        """When to call :meth:`over`; None while there is no file."""
        return self._by_time[0][0] if self._by_time else None

    def has_room(self, file: _File) -> bool:
        return file in self._until or len(self._until) < MOST_FILES

    def __len__(self) -> int:
        return len(self._until)

    def _enter(self, file: _File, until: float) -> None:
        self._until[file] = until, until
        heapq.heappush(self._by_time, (until, file))
        if len(self._by_time) > 2 * len(self._until) + _FEW:
            # most of it is of files that were entered anew for an earlier time
            self._by_time = [(entered, each) for each, (_, entered) in self._until.items()]
            heapq.heapify(self._by_time)


class Changes:
    """Changes of the files of many feeds. Times are seconds of a steady clock, paths relative to the landing folder."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due = _Deadlines()
        # what each file was when it was moved, and when that is forgotten
        self._moved: dict[_File, Identity] = {}
        self._forgotten = _Deadlines()
        self._feeds: dict[str, float] = {}
        self._last: dict[str, float] = {}

    def written(self, feed: str, path: str, *, now: float, wait: float) -> None:
        """The file is new, or its content may have changed: its feed is due when it is unchanged for ``wait``."""
        with self._lock:
            self._moved.pop((feed, path), None)
            self._wait(feed, path, now + wait + AT_ONCE_SECONDS)

    def moved(self, feed: str, path: str, status: Status, *, now: float, wait: float) -> None:
        """The file was moved into place: its feed is due at once.

        ``wait`` later it is stable by its time of change, and the move is forgotten.
        """
        with self._lock:
            self._wait(feed, path, now + AT_ONCE_SECONDS)
            if self._forgotten.has_room((feed, path)):
                self._forgotten.set((feed, path), now + wait)
                self._moved[feed, path] = identity(status)

    def declared(self, feed: str, path: str, *, now: float) -> None:
        """A marker was there, which says that the rest of its delivery is: the feed is due at once."""
        with self._lock:
            self._wait(feed, path, now + AT_ONCE_SECONDS)

    def was_moved(self, feed: str, path: str, status: Status) -> bool:
        """Whether the file was moved into place and is what it was then."""
        with self._lock:
            known = self._moved.get((feed, path))
        return known == identity(status)

    def take_due(self, now: float) -> set[str]:
        """The feeds that are due, each once for all of its changes up to now; forgets what is over."""
        with self._lock:
            for file in self._due.over(now):
                feed, last = file[0], self._last.get(file[0])
                self._feeds.setdefault(feed, now if last is None else max(now, last + BETWEEN_SECONDS))
            for file in self._forgotten.over(now):
                self._moved.pop(file, None)
            taken = {feed for feed, due in self._feeds.items() if due <= now}
            for feed in taken:
                del self._feeds[feed]
                self._last[feed] = now
            return taken

    def next_due(self) -> float | None:
        """When :meth:`take_due` has something to do; None while nothing is remembered."""
        with self._lock:
            times = (*self._feeds.values(), self._due.next(), self._forgotten.next())
            return min((due for due in times if due is not None), default=None)

    def __len__(self) -> int:
        return len(self._due) + len(self._forgotten)

    def _wait(self, feed: str, path: str, due: float) -> None:
        self._due.set((feed, path) if self._due.has_room((feed, path)) else (feed, _CROWD), due)
