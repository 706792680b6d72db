"""DuckLake behind the warehouse protocol: writers take turns, and readers wait for nobody.

A session that may write keeps other writers out from its begin to its end. One that only reads sees what was committed
last.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from platform_assets.environment import (
    WAREHOUSE_VARIABLE,
    scheme_of,
    whole_location,
    without_password,
)
from platform_assets.warehouse.duckdb.errors import blames_statement
from platform_assets.warehouse.ducklake.catalogs import Catalog, sqlite_catalog
from platform_assets.warehouse.ducklake.engines import engine_of
from platform_assets.warehouse.ducklake.maintenance import maintain
from platform_assets.warehouse.ducklake.session import DuckLakeSession
from platform_assets.warehouse.nesting import only_session


def open_ducklake(location: str, *, wait_seconds: float, memory_limit: str | None) -> DuckLakeWarehouse:
    """The warehouse of ``ducklake:///path/of/a/folder`` or ``ducklake+postgresql://...``; nothing is opened."""
    return DuckLakeWarehouse(catalog_of(location), without_password(location), wait_seconds, memory_limit)


def catalog_of(location: str) -> Catalog:
    """The catalog of a location; its password is that of the same location in PLATFORM_WAREHOUSE, if there is one.

    Raises ``InvalidEnvironment``.
    """
    scheme = scheme_of(location)
    if scheme.endswith("+postgresql"):
        # what it needs is another extra
        from platform_assets.warehouse.ducklake.postgres_catalog import postgres_catalog

        return postgres_catalog(whole_location(location).partition("+")[2])
    return sqlite_catalog(location[len(f"{scheme}://") :])


@dataclass(frozen=True)
class DuckLakeWarehouse:
    """A warehouse whose tables are listed in ``catalog``; ``location`` is what it was opened by, without a password.

    ``wait_seconds`` bounds the wait for other writers; ``memory_limit`` is that of the DuckDB of this process.
    """

    catalog: Catalog
    location: str
    wait_seconds: float = 600.0
    memory_limit: str | None = None
    threads: int | None = None

    @contextlib.contextmanager
    def session(
        self, *, read_only: bool = False, purpose: str = "", wait_seconds: float | None = None
    ) -> Iterator[DuckLakeSession]:
        turn = self._turn(read_only, purpose or "a session", wait_seconds)
        with turn, self._open(read_only=read_only) as session:
            yield session

    @contextlib.contextmanager
    def reserve(self, *, purpose: str = "") -> Iterator[None]:
        with self._turn(False, purpose or "a reservation", None):
            # a tool finds it made, and in the mode in which readers read beside it
            with self._open(read_only=False):
                pass
            yield

    def maintain(self, keep: dt.timedelta) -> Mapping[str, int]:
        with self.session(purpose="maintenance") as session:
            return maintain(session, keep)

    def tool_variables(self) -> dict[str, str]:
        return {WAREHOUSE_VARIABLE: self.location}

    def blames_statement(self, text: str) -> bool | None:
        return blames_statement(text, self.catalog.file)

    @contextlib.contextmanager
    def _turn(self, read_only: bool, purpose: str, wait_seconds: float | None) -> Iterator[None]:
        limit = self.wait_seconds if wait_seconds is None else wait_seconds
        with contextlib.ExitStack() as held:
            held.enter_context(only_session(self.catalog.shown))
            if not read_only:
                held.enter_context(self.catalog.turn(wait_seconds=limit, purpose=purpose))
            yield

    @contextlib.contextmanager
    def _open(self, *, read_only: bool) -> Iterator[DuckLakeSession]:
        engine = engine_of(self.catalog, read_only=read_only, memory_limit=self.memory_limit, threads=self.threads)
        session = DuckLakeSession(engine, self.catalog.file)
        try:
            session.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
            yield session
        finally:
            session.close()
