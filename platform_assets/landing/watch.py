"""Watching landing folders: events of the file system, so that what arrives need not wait for the next look.

An event is a hint and never the only one. What gives none (a change by another machine, a limit of the system, a folder
that was moved away) is found by the looks at the folder, which go on. What is remembered of changes is in ``changes``.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import stat
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from platform_assets.landing.changes import Changes
from platform_assets.landing.file_systems import shared_file_system
from platform_assets.landing.trees import Status
from platform_assets.landing.walk import is_passed_over
from platform_assets.landing.watched import WatchedFeed, WatchedFeeds
from platform_assets.landing.writers import is_open_for_writing
from platform_assets.logs import logger

if TYPE_CHECKING:
    from platform_assets.landing.inotify import FolderWatches, InotifyEvent

log = logger(__name__)

_LONGEST_WAIT = 3600.0
_WRITTEN = -1
"""Stands for the time at which a folder was moved into place if it was not, or if files have been added since."""

_LIMITS = {
    errno.ENOSPC: "fs.inotify.max_user_watches",
    errno.EMFILE: "fs.inotify.max_user_instances",
    errno.ENFILE: "fs.file-max",
    errno.ENOMEM: "",
}
"""Limits that no folder meets alone, and what raises them."""


class LandingWatch:
    """Watches below one landing folder; ``wake`` is called with the name of each feed that is due."""

    def __init__(self, root: Path, wake: Callable[[str], None]) -> None:
        self.root = root
        self.changes = Changes()
        self._wake = wake
        self._lock = threading.RLock()
        self._feeds = WatchedFeeds()
        self._folders: set[str] = set()
        # folders below the landing folder that could not be watched, and why
        self._unwatched: dict[str, OSError] = {}
        self._trouble: str | None = None
        self._said: set[str] = set()
        self._watches: FolderWatches | None = None
        self._thread: threading.Thread | None = None
        self._news, self._teller = os.pipe()
        self._ended = False

    def add(self, feed: WatchedFeed) -> None:
        """Watch the folders of the feed; try again what could not be watched before."""
        with self._lock:
            is_new = self._feeds.add(feed)
            if self._watches is None:
                self._open()
            elif is_new:
                self._descend(self._watches, "", [feed])
            else:
                self._try_again(self._watches, feed)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="landing watch", daemon=True)
                self._thread.start()

    @property
    def trouble(self) -> str | None:
        """Why some changes give no event; None if all of them do."""
        with self._lock:
            if self._trouble is not None or not self._unwatched:
                return self._trouble
            folder, error = next(iter(self._unwatched.items()))
            return _words(error) if error.errno in _LIMITS else f"{folder}: {_words(error)}"

    @property
    def folders(self) -> frozenset[str]:
        """The folders that are watched, relative to the landing folder, which is the empty one."""
        with self._lock:
            return frozenset(self._folders)

    def was_moved(self, feed: str, path: str, status: Status) -> bool:
        """Whether the file was moved into place as a whole, and nobody has written to it since or is about to."""
        if not self.changes.was_moved(feed, path, status):
            return False
        is_open = is_open_for_writing(self.root / path)
        if is_open is None:
            # its writer may go on: it waits, as if it was written in place
            with self._lock:
                waits = [each.settle_seconds for each in self._feeds.all() if each.name == feed]
            self.changes.written(feed, path, now=time.monotonic(), wait=waits[0])
            self._tell()
            if feed not in self._said:
                self._said.add(feed)
                log.info("%s waits for its settle time: whether its writer goes on is not known to this user", path)
        return is_open is False

    def end(self) -> None:
        """Stop watching, for good."""
        self._ended = True
        self._tell()
        if self._thread is not None:
            self._thread.join()
        os.close(self._news)
        os.close(self._teller)

    def _tell(self) -> None:
        os.write(self._teller, b"!")

    def _open(self) -> None:
        """Begin to watch, or say in ``trouble`` why not."""
        self._folders.clear()
        self._unwatched.clear()
        try:
            from platform_assets.landing.inotify import FolderWatches
        except Exception as error:  # on other systems the library raises what cannot be imported there
            self._trouble = f"this system has no inotify ({error})"
            return
        try:
            if not self.root.is_dir():
                self._trouble = "the landing folder is not there"
                return
            shared = shared_file_system(self.root)
            watches = FolderWatches(str(self.root))
        except OSError as error:
            self._trouble = _words(error)
            return
        self._trouble = f"{shared} does not report what other machines change" if shared else None
        self._descend(watches, "", self._feeds.all())
        self._watches = watches
        self._tell()

    def _run(self) -> None:
        while not self._ended:
            watches, due = self._watches, self.changes.next_due()
            poll = select.poll()
            poll.register(self._news, select.POLLIN)
            if watches is not None:
                poll.register(watches.fd, select.POLLIN)
            ready = {number for number, _ in poll.poll(None if due is None else _milliseconds(due))}
            if self._news in ready:
                os.read(self._news, 4096)
            if watches is not None and watches.fd in ready:
                self._read(watches)
            for name in self.changes.take_due(time.monotonic()):
                try:
                    self._wake(name)
                except OSError as error:
                    log.warning("the sensor %s is evaluated at its next interval: it cannot be woken: %s", name, error)
        if self._watches is not None:
            self._watches.end()

    def _read(self, watches: FolderWatches) -> None:
        try:
            events = watches.events()
            with self._lock:
                lost = [event for event in events if not self._take(watches, event)] != []
        except Exception as error:  # a lost event, or an account of folders that come and go that went wrong
            log.warning("the landing folder %s is watched anew: %s", self.root, error or type(error).__name__)
            log.debug("why the landing folder %s is watched anew", self.root, exc_info=True)
            lost = True
        if lost:
            with self._lock:
                watches.end()
                self._watches = None
                self._open()
                for feed in self._feeds.all():
                    self.changes.written(feed.name, "", now=time.monotonic(), wait=feed.settle_seconds)

    def _take(self, watches: FolderWatches, event: InotifyEvent) -> bool:
        """Remember what has happened; False if a folder that is watched is no longer where it was."""
        path = os.path.relpath(os.fsdecode(event.src_path), self.root)
        path = "" if path == os.curdir else path
        if event.is_delete_self or event.is_ignored:
            self._folders.discard(path)
            return path != ""
        if event.is_move_self or (event.is_moved_from and event.is_directory):
            return path not in self._folders
        if is_passed_over(path.rpartition("/")[2]):
            return True
        if event.is_directory:
            if event.is_create or event.is_moved_to:
                came = self._moved_ns(path) if event.is_moved_to else _WRITTEN
                self._descend(watches, path, self._feeds.all(), came)
        elif event.is_moved_to:
            with contextlib.suppress(OSError):
                self._moved(path, (self.root / path).lstat())
        elif not event.is_moved_from:
            self._written(path)
        return True

    def _moved_ns(self, folder: str) -> int:
        """When the folder was moved, as its times tell if nothing was added to it since."""
        try:
            status = (self.root / folder).lstat()
        except OSError:
            return _WRITTEN
        return status.st_ctime_ns if status.st_mtime_ns < status.st_ctime_ns else _WRITTEN

    def _descend(
        self, watches: FolderWatches, folder: str, feeds: Sequence[WatchedFeed], came: int | None = None
    ) -> None:
        """Watch the folder, and those below it that may hold files of the feeds.

        ``came`` is when the folder was moved into place, and what is in it with it; None if it was there before.
        """
        feeds = [feed for feed in feeds if feed.may_lie_below(folder)]
        if not feeds:
            return
        try:
            if folder not in self._folders:
                watches.watch(str(self.root / folder))
                self._folders.add(folder)
            depth = folder.count("/") + 1 if folder else 0
            if came is None and depth >= max(feed.depth for feed in feeds):
                return
            with os.scandir(self.root / folder) as listing:
                for entry in listing:
                    if not is_passed_over(entry.name):
                        self._enter(watches, entry, f"{folder}/{entry.name}" if folder else entry.name, feeds, came)
        except OSError as error:
            self._failed(folder, error)

    def _failed(self, folder: str, error: OSError) -> None:
        """Have the folder tried again at the next :meth:`add`, unless it is gone."""
        if error.errno not in (errno.ENOENT, errno.ENOTDIR):
            self._unwatched[folder] = error

    def _try_again(self, watches: FolderWatches, feed: WatchedFeed) -> None:
        """Watch what could not be watched before and may hold files of the feed.

        What came there meanwhile is taken as written: nobody has seen how it came.
        """
        for folder in [each for each in self._unwatched if feed.may_lie_below(each)]:
            del self._unwatched[folder]
            self._descend(watches, folder, self._feeds.all(), _WRITTEN)
            self._tell()
            if folder in self._unwatched and self._unwatched[folder].errno in _LIMITS:
                return

    def _enter(
        self, watches: FolderWatches, entry: os.DirEntry[str], path: str, feeds: Sequence[WatchedFeed], came: int | None
    ) -> None:
        try:
            is_folder = entry.is_dir(follow_symlinks=self._feeds.are_named(path))
            status = entry.stat(follow_symlinks=is_folder) if came is not None and came != _WRITTEN else None
        except OSError as error:
            # of this entry alone: those after it in the listing are looked at all the same
            self._failed(path, error)
            return
        if is_folder:
            self._descend(watches, path, feeds, _WRITTEN if status and came and status.st_mtime_ns > came else came)
        elif status is not None and came is not None and status.st_ctime_ns <= came:
            self._moved(path, status)
        elif came is not None:
            self._written(path)

    def _moved(self, path: str, status: os.stat_result) -> None:
        now = time.monotonic()
        for feed in self._feeds.of_file(path):
            if feed.is_marker(path):
                self.changes.declared(feed.name, path, now=now)
            elif feed.is_whole_once_moved(path) and stat.S_ISREG(status.st_mode):
                self.changes.moved(feed.name, path, status, now=now, wait=feed.settle_seconds)
            else:
                self.changes.written(feed.name, path, now=now, wait=feed.settle_seconds)

    def _written(self, path: str) -> None:
        now = time.monotonic()
        for feed in self._feeds.of_file(path):
            if feed.is_marker(path):
                self.changes.declared(feed.name, path, now=now)
            else:
                self.changes.written(feed.name, path, now=now, wait=feed.settle_seconds)


def _milliseconds(due: float) -> int:
    return max(0, int(min(due - time.monotonic(), _LONGEST_WAIT) * 1000) + 1)


def _words(error: OSError) -> str:
    limit = _LIMITS.get(error.errno or 0)
    return f"{error.strerror or error}" + (f" ({limit})" if limit else "")
