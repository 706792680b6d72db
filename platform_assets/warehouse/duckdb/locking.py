"""The file lock that makes platform processes and threads wait for each other instead of failing.

It stands round open ... close of an embedded database (``<database>.lock`` beside it). The kernel frees it
when its holder dies, however it dies. It says nothing about programs that do not know of it (a shell, a
notebook): waiting for those is the business of the engine's module.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from platform_assets.logs import logger
from platform_assets.warehouse.errors import WarehouseBusy, WarehouseUnreadable
from platform_assets.warehouse.nesting import only_session

log = logger(__name__)

QUIET_SECONDS = 0.5
"""A wait shorter than this is not worth a log line: a session usually lasts some tens of milliseconds."""


@contextlib.contextmanager
def exclusive(database: Path, *, wait_seconds: float, purpose: str) -> Iterator[None]:
    """Hold the lock of ``database`` for the length of the block.

    Raises ``WarehouseBusy`` after ``wait_seconds``, naming the holder, and ``SessionMisused`` when this thread
    holds it already (waiting for itself would last for ever).
    """
    path = Path(f"{database}.lock")
    # one lock object for each acquisition: flock excludes open files, so threads exclude each other as well
    lock, owner = FileLock(path, thread_local=False), os.getpid()
    with only_session(str(database)):
        _acquire(lock, path, database, wait_seconds)
        try:
            # only for people to read: on a full disk the lock is held all the same
            with contextlib.suppress(OSError):
                path.write_text(f"pid {os.getpid()}{f' ({purpose})' if purpose else ''}\n")
            yield
        finally:
            # not by a child that was forked inside the block
            if os.getpid() == owner:
                lock.release()


def _acquire(lock: FileLock, path: Path, database: Path, wait_seconds: float) -> None:
    started = time.monotonic()
    try:
        try:
            lock.acquire(timeout=min(QUIET_SECONDS, wait_seconds), poll_interval=0.01)
        except Timeout:
            if wait_seconds <= QUIET_SECONDS:
                raise
            log.info("waiting for the warehouse %s, in use by %s", database, holder(path))
            lock.acquire(timeout=max(0.0, wait_seconds - QUIET_SECONDS), poll_interval=0.05)
            log.info("got the warehouse %s after %.1f s", database, time.monotonic() - started)
    except Timeout:
        raise WarehouseBusy(
            f"{database} was in use by {holder(path)} for {wait_seconds:g} s, the longest this session waits. Nothing "
            f"was changed. Wait for that process or end it, then run again."
        ) from None
    except OSError as error:
        raise WarehouseUnreadable(f"{path}: the lock file cannot be written: {error.strerror or error}") from error


def holder(path: Path) -> str:
    """Who wrote its name into the lock file last, for people to read."""
    try:
        return path.read_text().strip() or "a process that is just starting"
    except OSError as error:
        return f"an unknown process ({error.strerror})"
