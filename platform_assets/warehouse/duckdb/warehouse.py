"""DuckDB behind the warehouse protocol: one file, one writing process at a time.

A connection is opened when a session starts and closed when it ends, under the file lock of ``locking``;
between sessions the file is free for anybody. What a session does is in ``session``.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from platform_assets.environment import WAREHOUSE_VARIABLE
from platform_assets.warehouse.duckdb.errors import blames_statement, unreadable
from platform_assets.warehouse.duckdb.locking import exclusive
from platform_assets.warehouse.duckdb.opening import open_database
from platform_assets.warehouse.duckdb.session import DuckDBSession


@dataclass(frozen=True)
class DuckDBWarehouse:
    """A warehouse in one DuckDB file at ``path``; the file is made by the first session that may write.

    ``wait_seconds`` bounds the wait for other users of the file; ``memory_limit`` is DuckDB's (``"2GB"``);
    None is a bound that fits the work, and DuckDB's own default for a second attempt where it did not.
    """

    path: Path
    wait_seconds: float = 600.0
    memory_limit: str | None = None
    threads: int | None = None

    @contextlib.contextmanager
    def session(
        self, *, read_only: bool = False, purpose: str = "", wait_seconds: float | None = None
    ) -> Iterator[DuckDBSession]:
        with self._connected(read_only, purpose or "a session", wait_seconds) as (path, connection):
            session = DuckDBSession(connection, path, bounded=self.memory_limit is None)
            try:
                session.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
                session.bound_memory()
                yield session
            finally:
                session.close()

    @contextlib.contextmanager
    def reserve(self, *, purpose: str = "") -> Iterator[None]:
        with self._connected(False, purpose or "a reservation") as (_, connection):
            # it was opened to prove that no foreign program holds the file, and to make the file when there is none
            connection.close()
            yield

    def tool_variables(self) -> dict[str, str]:
        return {WAREHOUSE_VARIABLE: str(self.path)}

    def blames_statement(self, text: str) -> bool | None:
        return blames_statement(text, Path(os.path.realpath(self.path)))

    @contextlib.contextmanager
    def _connected(
        self, read_only: bool, purpose: str, wait_seconds: float | None = None
    ) -> Iterator[tuple[Path, duckdb.DuckDBPyConnection]]:
        """The file's path and an open connection, under the lock; whoever asked closes the connection."""
        path = Path(os.path.realpath(self.path))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unreadable(path, error) from error
        # one limit for both waits: for platform processes, then for programs that know nothing of the lock
        limit = self.wait_seconds if wait_seconds is None else wait_seconds
        deadline = time.monotonic() + limit
        with exclusive(path, wait_seconds=limit, purpose=purpose):
            yield path, open_database(path, read_only=read_only, config=self._config(), deadline=deadline)

    def _config(self) -> dict[str, str | bool | int | float | list[str]]:
        # extensions are never fetched over the network in the middle of a step
        config: dict[str, str | bool | int | float | list[str]] = {"autoinstall_known_extensions": "false"}
        if self.memory_limit is not None:
            config["memory_limit"] = self.memory_limit
        if self.threads is not None:
            config["threads"] = self.threads
        return config
