"""Telling the daemon that it is worth a look at the run queue: a run was submitted, or a place has become free.

The signal is a byte in a named pipe of the instance's folder. One that is lost costs nothing but time: the queue is
looked at all the same, only later.
"""

from __future__ import annotations

import contextlib
import os
import select
import stat
import time
from pathlib import Path

from platform_assets.logs import logger

log = logger(__name__)

NAME = "queue.signal"


def signal_queue(root: str) -> None:
    """Have the queue of the instance in ``root`` looked at now, if a daemon of this machine is there to do it."""
    with contextlib.suppress(OSError):  # no daemon, or one that has more signals waiting than it can take
        end = os.open(Path(root) / NAME, os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(end, b".")
        finally:
            os.close(end)


class QueueSignal:
    """The daemon's end of the pipe in ``root``; a mere wait where none can be made."""

    def __init__(self, root: str) -> None:
        self._end: int | None = None
        path = Path(root) / NAME
        try:
            with contextlib.suppress(FileExistsError):
                os.mkfifo(path, mode=0o600)
            # open for writing too: without a writer it would be at its end, and never quiet
            end = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        except OSError as error:
            log.warning("the run queue is only looked at in intervals: %s: %s", path, error.strerror)
            return
        if stat.S_ISFIFO(os.fstat(end).st_mode):
            self._end = end
        else:
            os.close(end)
            log.warning("the run queue is only looked at in intervals: %s is no pipe: remove it", path)

    def wait(self, seconds: float) -> bool:
        """Return after a signal, or after ``seconds``; whether there was one."""
        if self._end is None:
            time.sleep(seconds)
            return False
        ready, _, _ = select.select([self._end], [], [], seconds)
        if ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._end, 65536)
        return bool(ready)

    def close(self) -> None:
        """Take no more signals."""
        if self._end is not None:
            os.close(self._end)
            self._end = None
