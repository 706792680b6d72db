"""What the library `watchdog` has of inotify, for many folders in one instance; imported on Linux only.

Its observers give an instance and two threads to each folder, and do not watch a folder that is moved in.
"""

from __future__ import annotations

import contextlib
import errno
import os

from watchdog.observers.inotify_c import DEFAULT_EVENT_BUFFER_SIZE, Inotify, InotifyConstants, InotifyEvent

__all__ = ["FolderWatches", "InotifyEvent"]

MASK = (
    InotifyConstants.IN_CREATE
    | InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_ATTRIB
    | InotifyConstants.IN_MOVE
    | InotifyConstants.IN_MOVE_SELF
    | InotifyConstants.IN_DELETE_SELF
)
"""Not each write: the end of writing tells enough, and what changed since a move has another time of change."""


class FolderWatches(Inotify):
    """Watches of single folders. One thread reads, closes, and is the last to use it."""

    def __init__(self, root: str) -> None:
        """Watch ``root``; raises OSError (ENOSPC, EMFILE) at a limit of the system."""
        try:
            super().__init__(os.fsencode(root), event_mask=MASK)
        except OSError:
            # the library forgets what it has opened
            for name in ("_inotify_fd", "_kill_r", "_kill_w"):
                if hasattr(self, name):
                    os.close(getattr(self, name))
            raise
        # else a close before the first read would wait for a reader
        self._is_reading = False
        os.set_inheritable(self.fd, False)

    def watch(self, folder: str) -> None:
        """Watch one more folder; raises OSError as the constructor does, if it is not there or must not be read."""
        self.add_watch(os.fsencode(folder))

    def events(self) -> list[InotifyEvent]:
        """What has happened since the last call; waits for something if nothing has.

        Raises OSError (EOVERFLOW) if more has happened than the system keeps: the library passes that over in silence,
        so that its own reading is not used.
        """
        found = []
        buffer = os.read(self.fd, DEFAULT_EVENT_BUFFER_SIZE)
        with self._lock:
            for number, mask, cookie, name in self._parse_event_buffer(buffer):
                if mask & InotifyConstants.IN_Q_OVERFLOW:
                    raise OSError(errno.EOVERFLOW, "more has happened than fs.inotify.max_queued_events lets it keep")
                folder = self._path_for_wd[number]
                path = folder + b"/" + name if name else folder
                found.append(InotifyEvent(number, mask, cookie, name, path))
                if mask & InotifyConstants.IN_IGNORED:
                    del self._path_for_wd[number]
                    if self._wd_for_path.get(folder) == number:
                        del self._wd_for_path[folder]
        return found

    def _add_watch(self, path: bytes, mask: int) -> int:
        number = super()._add_watch(path, mask)
        if number == -1:
            # the library takes a folder that must not be read for one that is watched
            del self._wd_for_path[path], self._path_for_wd[number]
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return number

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self.close()
