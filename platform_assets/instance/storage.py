"""`QuickSqliteStorage`: Dagster's SQLite storage without opening a file anew for every statement.

It reads and writes the same files as the storage that Dagster takes by default; either can take over from the other at
any moment, and both can be at work at once. In dagster.yaml:

    storage:
      custom:
        module: platform_assets.instance.storage
        class: QuickSqliteStorage
        config: {}  # base_dir: DAGSTER_HOME

Events are in ``event_log``; here are runs, and the states of schedules and sensors. Everything is committed before a
call returns, so that ``kill -9`` loses nothing; a power cut may lose the last commits, never the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import dagster as dg
from dagster._config.config_schema import UserConfigSchema
from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite import create_db_conn_string
from dagster._serdes import ConfigurableClass, ConfigurableClassData

from platform_assets.instance.event_log import QuickSqliteEventLogStorage
from platform_assets.instance.kept_engine import KeptEngine
from platform_assets.instance.places import base_dir, base_dir_config
from platform_assets.instance.schema import is_set_up

RELIED_ON = {
    SqliteRunStorage: ("_conn_string", "connect", "dispose", "from_local", "upgrade", "wipe"),
    SqliteScheduleStorage: ("_conn_string", "connect", "dispose", "from_local", "upgrade", "wipe"),
}
"""Names of dagster, by class, that this module overrides or reads."""


class _OnKeptEngine:
    """A storage of Dagster's in one file, on an engine that is kept."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._kept = KeptEngine(conn_string, conn_string.removeprefix("sqlite:///"))
        super().__init__(conn_string, inst_data)  # type: ignore[call-arg]  # of the storage that this is mixed into

    def connect(self) -> Any:
        """A connection in a transaction, as a context manager."""
        return self._kept.begin()

    def dispose(self) -> None:
        self._kept.dispose()
        super().dispose()  # type: ignore[misc]


class QuickSqliteRunStorage(_OnKeptEngine, SqliteRunStorage):
    """Runs and backfills, in ``<base_dir>/runs.db``."""

    schedules: SqliteScheduleStorage | None = None
    """Closed with this: an instance that ends closes its runs and its events, and forgets its schedules."""

    @classmethod
    def from_local(cls, base_dir: str, inst_data: ConfigurableClassData | None = None) -> Self:
        """The storage in the folder ``base_dir``, which is made if need be."""
        if is_set_up(Path(base_dir) / "runs.db", "instance_info"):
            return cls(create_db_conn_string(base_dir, "runs"), inst_data)
        return super().from_local(base_dir, inst_data)

    def dispose(self) -> None:
        if self.schedules is not None:
            self.schedules.dispose()
        super().dispose()


class QuickSqliteScheduleStorage(_OnKeptEngine, SqliteScheduleStorage):
    """The states and ticks of schedules and sensors, in ``<base_dir>/schedules.db``."""

    @classmethod
    def from_local(cls, base_dir: str, inst_data: ConfigurableClassData | None = None) -> SqliteScheduleStorage:
        """The storage in the folder ``base_dir``, which is made if need be."""
        if is_set_up(Path(base_dir) / "schedules.db", "job_ticks"):
            return cls(create_db_conn_string(base_dir, "schedules"), inst_data)
        return super().from_local(base_dir, inst_data)


class QuickSqliteStorage(DagsterStorage, ConfigurableClass):
    """All three storages, in the folder ``base_dir``, as Dagster's own lays them out."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._inst_data = inst_data
        home = Path(base_dir)
        self._runs = QuickSqliteRunStorage.from_local(str(home / "history"))
        self._events = QuickSqliteEventLogStorage(str(home / "history" / "runs"))
        self._schedules = self._runs.schedules = QuickSqliteScheduleStorage.from_local(str(home / "schedules"))
        super().__init__()

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return base_dir_config()

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        return cls(base_dir(config_value, "storage: custom"), inst_data)

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        return self._inst_data

    def register_instance(self, instance: dg.DagsterInstance) -> None:
        super().register_instance(instance)
        for storage in (self._runs, self._events, self._schedules):
            if not storage.has_instance:
                storage.register_instance(instance)

    @property
    def event_log_storage(self) -> QuickSqliteEventLogStorage:
        return self._events

    @property
    def run_storage(self) -> QuickSqliteRunStorage:
        return self._runs

    @property
    def schedule_storage(self) -> SqliteScheduleStorage:
        return self._schedules

    def dispose(self) -> None:
        """Close what is kept open."""
        for storage in (self._events, self._runs, self._schedules):
            storage.dispose()
