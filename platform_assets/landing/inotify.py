"""What the library `watchdog` has of inotify, for many folders in one instance; imported on Linux only.

Its observers give an instance and two threads to each folder, and do not watch a folder that is moved in.
"""

from __future__ import annotations

import contextlib
import os

from watchdog.observers.inotify_c import Inotify, InotifyConstants, InotifyEvent

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
        """Watch one more folder; raises OSError as the constructor does, or if it is not there."""
        self.add_watch(os.fsencode(folder))

    def events(self) -> list[InotifyEvent]:
        """What has happened since the last call; waits for something if nothing has."""
        found = self.read_events()
        # they are kept for as long as the instance lives, one for each file that is moved
        self.clear_move_records()
        return found

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self.close()
