"""Of several daemons on one instance one acts: the one that holds the instance's lock.

On PostgreSQL it is an advisory lock of a session, which the server frees when the process ends, when its machine has
been silent for about ten seconds, and when the process has been stopped for fifteen. Elsewhere it is a lock on a file
in DAGSTER_HOME, for daemons of one machine. The leader looks every two seconds whether it still holds the lock. If it
does not, it ends all that it does at once, and stands by: what another one does from then on is not done twice.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from filelock import FileLock, Timeout

from platform_assets.failures import Kind, PlatformError

if TYPE_CHECKING:
    import dagster as dg
    from sqlalchemy.engine import Connection

LOOK_SECONDS = 2.0
"""Between two looks of a leader at its lock, and of a standby at that of the leader."""
SILENT_SECONDS = 15
"""A session of PostgreSQL from which nothing has come for so long is ended by the server, and its lock is free."""
REPORT_SECONDS = 600.0
Say = Callable[[str], object]

_KEY = "hashtextextended('platform_assets daemon ' || current_schema(), 0)"
_LIBPQ = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 8000,
}
"""A server that is gone is noticed before the server frees the lock."""
_WATCHED = (
    # a machine that is gone is noticed by the server
    *("SET tcp_keepalives_idle = 5", "SET tcp_keepalives_interval = 2", "SET tcp_keepalives_count = 3"),
    "SET tcp_user_timeout = '10s'",
    f"SET idle_session_timeout = '{SILENT_SECONDS}s'",
    "SET statement_timeout = '5s'",
)


class NoLock(PlatformError):
    """The storage of the instance offers no lock that several daemons could hold."""

    kind = Kind.MISCONFIGURED
    code = "no_lock"


class Lock(Protocol):
    """Of one process of an instance; it ends with the process."""

    def taken(self) -> bool:
        """Whether this process has it now. Raises nothing for one that another process has."""
        ...

    def holder(self) -> str:
        """Who has it, for people."""
        ...

    def held(self) -> bool:
        """Whether this process has it still. An error is a no."""
        ...

    def close(self) -> None: ...


class FileHeld:
    """A lock on a file, which names its holder."""

    def __init__(self, path: Path) -> None:
        self._lock, self._path = FileLock(path, thread_local=False), path
        self._taken: tuple[int, int] | None = None

    def taken(self) -> bool:
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            return False
        with contextlib.suppress(OSError):
            self._path.write_text(_named())
        self._taken = self._identity()
        return True

    def holder(self) -> str:
        with contextlib.suppress(OSError):
            return self._path.read_text().strip() or "a process that is just starting"
        return "another process"

    def held(self) -> bool:
        # a lock whose file was replaced keeps nobody away
        return self._taken is not None and self._identity() == self._taken

    def close(self) -> None:
        self._taken = None
        self._lock.release()

    def _identity(self) -> tuple[int, int] | None:
        try:
            there = self._path.stat()
        except OSError:
            return None
        return there.st_dev, there.st_ino


class PostgresHeld:
    """An advisory lock on a connection of its own."""

    def __init__(self, instance: dg.DagsterInstance, say: Say) -> None:
        from dagster_postgres.utils import create_pg_engine
        from sqlalchemy.pool import NullPool

        storage = instance.event_log_storage
        self._engine = create_pg_engine(
            storage.postgres_url,  # type: ignore[attr-defined]
            getattr(storage, "_token_provider", None),
            isolation_level="AUTOCOMMIT",
            poolclass=NullPool,
            connect_args={"application_name": _named()[:63], **_LIBPQ},
        )
        self._connection: Connection | None = None
        self._pid, self._say = 0, say

    def taken(self) -> bool:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            got, self._pid = self._row(f"SELECT pg_try_advisory_lock({_KEY}), pg_backend_pid()")
        except SQLAlchemyError as error:
            # its text may have the URL
            self._say(f"the instance's storage does not answer: {type(error).__name__}")
            self.close()
            return False
        return bool(got)

    def holder(self) -> str:
        from sqlalchemy.exc import SQLAlchemyError

        with contextlib.suppress(SQLAlchemyError):
            name, _ = self._row(
                "SELECT a.application_name, 1 FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) WHERE "
                "l.locktype = 'advisory' AND l.granted AND l.database = "
                "(SELECT oid FROM pg_database WHERE datname = current_database()) AND "
                f"(CAST(l.classid AS bigint) << 32 | CAST(l.objid AS bigint)) = {_KEY}"
            )
            return str(name)
        return "another process"

    def held(self) -> bool:
        from sqlalchemy.exc import SQLAlchemyError

        if self._connection is None:
            return False
        try:
            # between this process and the server may stand a pool that gives it another session
            pid, mine = self._row(
                "SELECT pg_backend_pid(), (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = "
                "'advisory' AND granted)"
            )
        except SQLAlchemyError:
            return False
        return bool(pid == self._pid and mine)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _row(self, statement: str) -> tuple[object, int]:
        import sqlalchemy as db
        from sqlalchemy.exc import DBAPIError

        if self._connection is None:
            self._connection = self._engine.connect()
            for setting in _WATCHED:
                # older servers have no time-out for idle sessions, and a socket has no keep-alive
                with contextlib.suppress(DBAPIError):
                    self._connection.execute(db.text(setting))
        first, second = self._connection.execute(db.text(statement)).one()
        return first, second


def lock_of(instance: dg.DagsterInstance, say: Say) -> Lock:
    """The lock of an instance.

    Raises ``NoLock`` for one whose storage is neither PostgreSQL nor on this machine.
    """
    storage = instance.event_log_storage
    if isinstance(getattr(storage, "postgres_url", None), str):
        return PostgresHeld(instance, say)
    if hasattr(storage, "mysql_url"):
        raise NoLock("the instance's storage is MySQL, which offers no lock here: run one `dagster-daemon run` alone")
    return FileHeld(Path(instance.root_directory) / "daemon.lock")


@contextlib.contextmanager
def leading(lock: Lock, say: Say) -> Iterator[None]:
    """Wait until this process holds ``lock``, and hold it for the length of the block.

    If it is lost meanwhile, the process executes its command anew, and waits.
    """
    started, reported = time.monotonic(), 0.0
    while not lock.taken():
        if not reported or time.monotonic() - reported >= REPORT_SECONDS:
            say(f"standing by: the daemon of {lock.holder()} acts")
            reported = time.monotonic()
        time.sleep(LOOK_SECONDS)
    say(f"this daemon acts, after {time.monotonic() - started:.0f} s of standing by")
    watch = _Watch(lock, say)
    watch.start()
    try:
        yield
    finally:
        watch.over.set()
        watch.join()
        lock.close()


class _Watch(threading.Thread):
    """Looks whether the lock is held, also at the moment at which a stopped process goes on."""

    def __init__(self, lock: Lock, say: Say) -> None:
        super().__init__(name="leader's lock", daemon=True)
        self.over, self._say = threading.Event(), say
        self._lock, self._looked = lock, time.monotonic()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGCONT, lambda *_: self._after_a_stop())

    def run(self) -> None:
        while not self.over.wait(LOOK_SECONDS):
            if not self._lock.held():
                self._end("its lock is lost")
            self._looked = time.monotonic()

    def _after_a_stop(self) -> None:
        if time.monotonic() - self._looked >= SILENT_SECONDS - LOOK_SECONDS:
            self._end("it was stopped, and its lock is free")

    def _end(self, why: str) -> None:
        self._say(f"this daemon acts no longer: {why}")
        sys.stdout.flush()
        # all threads end with this
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606


def _named() -> str:
    return f"{socket.gethostname()}, process {os.getpid()}"
