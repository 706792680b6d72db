"""Connections to one SQLite file of Dagster's that stay open between statements.

The stock storages of runs and schedules make an engine for each statement: its statements are compiled anew, and the
file is opened, closed, checkpointed and synced each time.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as db
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import QueuePool

BUSY_SECONDS = 30
"""How long SQLite waits for another writer, as in the stock storages."""
KEPT = 4
"""Idle connections kept at most; threads that need one at the same time open more, which are closed after use."""


def identity(path: str) -> tuple[int, int]:
    """Which file lies at ``path`` now; ``(-1, -1)`` if none does."""
    try:
        found = os.stat(path)  # noqa: PTH116  # 2 microseconds, on every statement
    except FileNotFoundError:
        return (-1, -1)
    return (found.st_dev, found.st_ino)


def leave_to_parent(connected: object) -> None:
    """Never close what came over a fork: SQLite forbids it, for the parent's locks would be gone."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connected))


def sqlite_engine(url: str, **pool: Any) -> Engine:
    """An engine for a file that several processes write, and threads of this one; ``pool`` is SQLAlchemy's."""
    engine = db.create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}, **pool)
    db.event.listen(engine, "connect", _no_sync_on_commit)
    return engine


def _no_sync_on_commit(connection: Any, _record: object) -> None:
    # a power cut may lose the last commits, never the file
    connection.execute("PRAGMA synchronous=NORMAL")


class KeptEngine:
    """Transactions on one file, for the threads of one process; after a fork the child has its own."""

    def __init__(self, url: str, path: str) -> None:
        self._url, self._path = url, path
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._engine: Engine | None = None
        self._file = (-1, -1)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A connection inside a transaction, which is committed at the end, and rolled back by an exception."""
        with self.engine().begin() as connection:
            yield connection

    def engine(self) -> Engine:
        """The engine of this process, on the file that lies there now."""
        if self._pid != os.getpid():
            if self._engine is not None:
                leave_to_parent(self._engine)
            # another thread of the parent may have held the lock at the moment of the fork
            self._lock, self._engine = threading.Lock(), None
            self._pid = os.getpid()
        with self._lock:
            if self._engine is None or self._file != identity(self._path):
                if self._engine is not None:
                    # replaced, here or by another process: what is written into the old file would be lost
                    self._engine.dispose()
                self._engine = self._opened()
                self._file = identity(self._path)
            return self._engine

    def _opened(self) -> Engine:
        engine = sqlite_engine(self._url, poolclass=QueuePool, pool_size=KEPT, max_overflow=-1)
        if not Path(self._path).exists():
            with engine.connect():  # makes the file, so that it can be known again
                pass
        return engine

    def dispose(self) -> None:
        """Close what is idle."""
        if self._pid == os.getpid() and self._engine is not None:
            with self._lock, contextlib.suppress(db.exc.SQLAlchemyError):
                self._engine.dispose()
