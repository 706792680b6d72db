"""Connections to the shards of Dagster's SQLite event log that stay open between statements.

The stock storage opens and closes one for each statement. What is kept here is dropped when the file under it was
replaced, when the process forked, and when there are too many; what is written through it is in ``event_log``.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as db
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool

from platform_assets.instance.kept_engine import identity, leave_to_parent, sqlite_engine
from platform_assets.instance.schema import Template, is_set_up

MAX_KEPT = 16
"""Connections kept at most, the index among them; a daemon or webserver sees thousands of runs."""


@dataclass
class _Kept:
    """An open connection to one shard, and which file it was opened on."""

    connection: Connection
    file: tuple[int, int]
    in_use: bool = False


class KeptConnections(SqliteEventLogStorage):
    """The stock storage, on connections that it keeps."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._template = Template(self._initialize)
        super().__init__(base_dir, inst_data)

    @contextlib.contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        self._after_fork()
        with self._lock:
            kept = self._open(shard)
            if kept.in_use:
                # this thread is inside a transaction on the shard already: what it does now belongs to it
                yield kept.connection
                return
            kept.in_use = True
            try:
                with kept.connection.begin():
                    yield kept.connection
            except db.exc.DatabaseError:
                self._close(shard)
                raise
            finally:
                kept.in_use = False

    def run_connection(self, run_id: str | None = None) -> AbstractContextManager[Connection]:
        return self._connect(str(run_id or ""))

    def index_connection(self) -> AbstractContextManager[Connection]:
        return self._connect(INDEX_SHARD_NAME)

    def _open(self, shard: str) -> _Kept:
        path = self.path_for_shard(shard)
        kept = self._kept.get(shard)
        if kept is not None:
            if kept.file == identity(path):
                self._kept.move_to_end(shard)
                return kept
            # wiped, here or by another process: what is written into the old file would be lost without a word
            self._close(shard)
            self._initialized_dbs.discard(shard)
        engine = sqlite_engine(self.conn_string_for_shard(shard), poolclass=NullPool)
        if shard not in self._initialized_dbs:
            self._set_up(shard, path, engine)
            self._initialized_dbs.add(shard)
        kept = self._kept[shard] = _Kept(engine.connect(), identity(path))
        self._close_oldest()
        return kept

    def _set_up(self, shard: str, path: str, engine: db.Engine) -> None:
        """Make the shard's file and its tables, if it has none."""
        if shard != INDEX_SHARD_NAME and not Path(path).exists():
            with contextlib.suppress(OSError):  # then as the stock storage does it, with its errors
                self._template.copy_to(path)
        if not is_set_up(path, "event_logs"):
            self._initdb(engine)

    def _initialize(self, path: Path) -> None:
        engine = db.create_engine(f"sqlite:///{path}", poolclass=NullPool)
        self._initdb(engine)
        engine.dispose()

    def _close_oldest(self) -> None:
        idle = [shard for shard, kept in self._kept.items() if not kept.in_use and shard != INDEX_SHARD_NAME]
        # the newest is the one about to be used
        for shard in idle[: min(len(self._kept) - MAX_KEPT, len(idle) - 1)] if len(self._kept) > MAX_KEPT else []:
            self._close(shard)

    def _close(self, shard: str) -> None:
        kept = self._kept.pop(shard, None)
        if kept is not None:
            kept.connection.close()
            kept.connection.engine.dispose()

    def _close_all(self) -> None:
        self._after_fork()
        with self._lock:
            for shard in list(self._kept):
                self._close(shard)

    def _after_fork(self) -> None:
        """In a forked child, start anew: SQLite forbids even to close a connection that came over a fork."""
        if self._pid == os.getpid():
            return
        for kept in self._kept.values():
            leave_to_parent(kept.connection)
        # another thread of the parent may have held the lock at the moment of the fork
        self._lock, self._kept = threading.RLock(), OrderedDict()
        self._pid = os.getpid()

    # the files are about to change under the connections

    def wipe(self) -> None:
        self._close_all()
        super().wipe()

    def upgrade(self) -> None:
        self._close_all()
        super().upgrade()

    def dispose(self) -> None:
        self._close_all()
        super().dispose()
