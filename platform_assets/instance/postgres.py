"""Dagster's event log on PostgreSQL, with a transaction for each event or batch, on a connection that is kept.

The stock storage opens a connection for each group of statements, commits each statement by itself, and writes the
planned events of a run one by one. In dagster.yaml, beside the stock storages of runs and schedules:

    run_storage:
      module: dagster_postgres.run_storage
      class: PostgresRunStorage
      config: {postgres_url: {env: DAGSTER_POSTGRES_URL}}
    event_log_storage:
      module: platform_assets.instance.postgres
      class: QuickPostgresEventLogStorage
      config: {postgres_url: {env: DAGSTER_POSTGRES_URL}}
    schedule_storage:
      module: dagster_postgres.schedule_storage
      class: PostgresScheduleStorage
      config: {postgres_url: {env: DAGSTER_POSTGRES_URL}}

The tables are those of the stock storage; either can take over from the other, and both can be at work at once.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Self

import sqlalchemy as db
from dagster import DagsterInstance
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS
from dagster._core.events.log import EventLogEntry
from dagster._serdes import ConfigurableClassData
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.utils import create_pg_engine, get_token_provider_from_config, pg_url_from_config
from sqlalchemy.engine import Connection

from platform_assets.instance.batches import write_batches
from platform_assets.instance.kept_engine import leave_to_parent
from platform_assets.instance.planned_checks import store_planned_check

ROWS = 1_000
"""Events in one statement; PostgreSQL takes 65,535 parameters."""

RECYCLE_SECONDS = 300
"""An idle connection is replaced after this: firewalls forget older ones."""

RELIED_ON = {
    PostgresEventLogStorage: (
        *(
            "_connect",
            "_event_insert_timestamp",
            "_event_to_row",
            "_store_asset_check_evaluation_planned",
            "_store_asset_event",
            "dispose",
        ),
        *("_store_asset_event_tags", "index_connection"),
        *("index_transaction", "prepare_insert_event_batch", "store_asset_check_event", "store_event"),
        *("store_event_batch",),
    ),
}
"""Names of dagster-postgres, by class, that this module overrides or calls."""


class QuickPostgresEventLogStorage(PostgresEventLogStorage):
    """The stock storage with one transaction an event or batch; see the module's docstring."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._in_transaction = threading.local()
        self._pid = os.getpid()
        super().__init__(*arguments, **named)
        self._engine = self._kept_engine()

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        return cls(
            pg_url_from_config(config_value),
            should_autocreate_tables=config_value.get("should_autocreate_tables", True),
            inst_data=inst_data,
            token_provider=get_token_provider_from_config(config_value),
        )

    def _kept_engine(self) -> db.Engine:
        return create_pg_engine(
            self.postgres_url,
            self._token_provider,
            isolation_level="AUTOCOMMIT",
            pool_size=1,
            max_overflow=-1,
            pool_recycle=RECYCLE_SECONDS,
            pool_pre_ping=True,
        )

    def register_instance(self, instance: DagsterInstance) -> None:
        super().register_instance(instance)
        write_batches(instance)

    def _connect(self) -> AbstractContextManager[Connection]:
        if self._pid != os.getpid():
            # a connection that came over a fork is the parent's
            leave_to_parent(self._engine)
            self._in_transaction, self._engine = threading.local(), self._kept_engine()
            self._pid = os.getpid()
        return self._of_thread()

    @contextmanager
    def _of_thread(self) -> Iterator[Connection]:
        """The connection of the transaction that this thread is in, or another."""
        held = getattr(self._in_transaction, "connection", None)
        if held is not None:
            yield held
            return
        with super()._connect() as connection:
            yield connection

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._connect() as connection:
            if connection.in_transaction():
                yield connection
                return
            with connection.execution_options(isolation_level="READ COMMITTED").begin():
                self._in_transaction.connection = connection
                try:
                    yield connection
                finally:
                    self._in_transaction.connection = None

    def store_event(self, event: EventLogEntry) -> None:
        with self._transaction():
            super().store_event(event)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events in one transaction."""
        events = [event for event in events if not event.get_dagster_event().is_asset_failed_to_materialize]
        if len(events) < 2:
            for event in events:
                self.store_event(event)
            return
        last: dict[tuple[str, str], tuple[EventLogEntry, int]] = {}
        with self._transaction() as connection:
            for first in range(0, len(events), ROWS):
                last.update(self._store(connection, events[first : first + ROWS]))
            # in one order, for two transactions may hold rows that the other waits for
            for event, event_id in (last[key] for key in sorted(last, key=lambda key: (key[0], last[key][1]))):
                self._store_asset_event(connection, event, event_id)

    def _store(
        self, connection: Connection, events: Sequence[EventLogEntry]
    ) -> dict[tuple[str, str], tuple[EventLogEntry, int]]:
        """Store events; the last of each kind for each asset, of which the row of the asset tells."""
        insert = self.prepare_insert_event_batch(events)
        ids = [row[0] for row in connection.execute(insert.returning(db.column("id")))]
        about_assets: list[EventLogEntry] = []
        of_assets: list[int] = []
        last: dict[tuple[str, str], tuple[EventLogEntry, int]] = {}
        for event, event_id in zip(events, ids, strict=True):
            if event.dagster_event_type in ASSET_EVENTS:
                about_assets.append(event)
                of_assets.append(event_id)
                key = event.get_dagster_event().asset_key
                if key is not None:
                    last[key.to_string(), event.get_dagster_event().event_type_value] = (event, event_id)
            elif event.dagster_event_type in ASSET_CHECK_EVENTS:
                self.store_asset_check_event(event, event_id)
        if about_assets:
            self._store_asset_event_tags(connection, about_assets, of_assets)
        return last

    def _store_asset_check_evaluation_planned(self, event: EventLogEntry, event_id: int | None) -> None:
        with self.index_connection() as connection:
            store_planned_check(self, connection, event, event_id)
