"""Snowflake behind the warehouse protocol: a database of an account, many sessions at once.

A session is a connection. What is written in this folder is only what other engines say otherwise.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass

from platform_assets.environment import WAREHOUSE_VARIABLE
from platform_assets.warehouse.nesting import only_session
from platform_assets.warehouse.snowflake import costs
from platform_assets.warehouse.snowflake.connecting import connect
from platform_assets.warehouse.snowflake.errors import blames_statement
from platform_assets.warehouse.snowflake.locating import Located, located, named_stage, warehouse_for
from platform_assets.warehouse.snowflake.session import SnowflakeSession
from platform_assets.warehouse.work import APP, current_work


def open_snowflake(location: str, *, wait_seconds: float, memory_limit: str | None) -> SnowflakeWarehouse:
    """The warehouse of ``snowflake://ACCOUNT/DATABASE``; no connection is opened. User and secrets are taken from the
    environment, when a session is opened."""
    return SnowflakeWarehouse(location, wait_seconds, memory_limit)


@dataclass(frozen=True)
class SnowflakeWarehouse:
    """A warehouse in one database.

    ``wait_seconds`` bounds the wait for each lock. ``memory_limit`` is that of the DuckDB that reads the lake's Parquet
    files; None is a bound that fits the work.
    """

    location: str
    wait_seconds: float = 600.0
    memory_limit: str | None = None

    @property
    def at(self) -> Located:
        """What the location and the environment say now; ``InvalidEnvironment`` if something is missing."""
        return located(self.location)

    def loads_objects(self) -> bool:
        return bool(named_stage())

    def maintain(self, keep: dt.timedelta) -> dict[str, int]:
        """See ``Maintained``: what queries cost is read from the history, and kept for ``keep``."""
        with self.session(purpose="accounting") as session:
            return costs.record(session, keep)

    def account(self, asset: str, run: str) -> dict[str, str | float]:
        """See ``Accounted``: what the query tags of the run have in common, and the latest costs that were recorded."""
        with self.session(read_only=True, purpose="accounting") as session:
            known = costs.latest(session, asset)
        return {"query_tag": json.dumps({"app": APP, "asset": asset, "run": run}), **known}

    @contextlib.contextmanager
    def session(
        self, *, read_only: bool = False, purpose: str = "", wait_seconds: float | None = None
    ) -> Iterator[SnowflakeSession]:
        limit = self.wait_seconds if wait_seconds is None else wait_seconds
        with only_session(self.at.shown), self._opened(purpose, limit, read_only=read_only) as session:
            yield session

    @contextlib.contextmanager
    def reserve(self, *, purpose: str = "") -> Iterator[None]:
        with only_session(self.at.shown):
            with self._opened(purpose, self.wait_seconds):
                pass
            yield

    def tool_variables(self) -> dict[str, str]:
        tag = json.dumps(current_work().tag("dbt"))
        return {WAREHOUSE_VARIABLE: self.at.shown, "PLATFORM_QUERY_TAG": tag, **self.at.variables()}

    def blames_statement(self, text: str) -> bool | None:
        return blames_statement(text)

    @contextlib.contextmanager
    def _opened(self, purpose: str, wait_seconds: float, *, read_only: bool = False) -> Iterator[SnowflakeSession]:
        work = current_work()
        tag, warehouse = json.dumps(work.tag(purpose)), warehouse_for(work.asset)
        session = SnowflakeSession(
            connect(self.at.on(warehouse), query_tag=tag, wait_seconds=wait_seconds),
            self.at.shown,
            wait_seconds=wait_seconds,
            read_only=read_only,
            beside=lambda: self._opened(purpose, wait_seconds),
            memory_limit=self.memory_limit,
        )
        try:
            yield session
        finally:
            session.close()
