"""Reading the event log of all runs in the order in which it was written, without a limit to how far back that goes.

Dagster's own ways ask for one type of event, and on SQLite open the file of each run. The index has what is needed:
events of assets, checks and the status of runs. tests/test_compat.py fails when what is relied on here moves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._serdes import deserialize_value

RELIED_ON = {SqlEventLogStorage: ("index_connection",)}
"""Names of dagster, by class, that this module calls."""

_T = SqlEventLogStorageTable.c
_BARE = (dg.DagsterEventType.ASSET_MATERIALIZATION,)
"""Types of which the columns tell enough: their text, which may be long, is not read."""
_MATERIALIZED = _T.dagster_event_type == dg.DagsterEventType.ASSET_MATERIALIZATION.value
ROW_COUNT = "dagster/row_count"
AT_ONCE = 200
"""Assets of one query."""
MOST_KEYS = 1000
"""Partitions of one query."""


@dataclass(frozen=True)
class LogRow:
    """An event of the index. ``asset`` is a key such as ``raw/orders``; ``text`` is the event, or empty."""

    id: int
    run_id: str
    type: dg.DagsterEventType
    at: dt.datetime
    asset: str
    partition: str
    step: str
    text: str

    @property
    def entry(self) -> EventLogEntry:
        return deserialize_value(self.text, EventLogEntry)


class EventIndex:
    """The index of an instance's event log."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        storage = instance.event_log_storage
        if not isinstance(storage, SqlEventLogStorage):
            raise TypeError(f"{type(storage).__name__} is no event log in a database of SQL")
        self._storage = storage

    @property
    def is_ordered(self) -> bool:
        """Whether an event is committed before any later one is given its number. PostgreSQL gives numbers first."""
        with self._storage.index_connection() as connection:
            return connection.dialect.name == "sqlite"

    def last(self) -> int:
        """The number of the newest event; 0 if there is none."""
        with self._storage.index_connection() as connection:
            return connection.execute(sa.select(sa.func.max(_T.id))).scalar() or 0

    def first_since(self, moment: dt.datetime) -> int:
        """The number before the first event since ``moment`` (UTC)."""
        naive = moment.astimezone(dt.UTC).replace(tzinfo=None)
        with self._storage.index_connection() as connection:
            found = connection.execute(sa.select(sa.func.min(_T.id)).where(_T.timestamp >= naive)).scalar()
        return self.last() if found is None else found - 1

    def after(self, event: int, types: Collection[dg.DagsterEventType], most: int) -> list[LogRow]:
        """The first ``most`` events of ``types`` with a higher number, in their order."""
        return self._rows(_T.id > event, types, most)

    def of_run(self, run_id: str, types: Collection[dg.DagsterEventType]) -> list[LogRow]:
        """The events of one run that are of ``types``, in their order."""
        return self._rows(_T.run_id == run_id, types, None)

    def first_published(self, wanted: Mapping[str, Collection[str]]) -> dict[str, dict[str, float]]:
        """When ``wanted`` partitions of assets were materialized first, as timestamps, as far as they were.

        A search of the index for each partition that is named, in a query for each 200 assets.
        """
        found: dict[str, dict[str, float]] = {}
        for assets in _some(sorted(asset for asset, partitions in wanted.items() if partitions), AT_ONCE):
            for partitions in _some(sorted({key for asset in assets for key in wanted[asset]}), MOST_KEYS):
                query = (
                    sa.select(_T.asset_key, _T.partition, sa.func.min(_T.timestamp))
                    .where(_MATERIALIZED, _T.asset_key.in_(map(_db_string, assets)), _T.partition.in_(partitions))
                    .group_by(_T.asset_key, _T.partition)
                )
                for key, partition, at in self._all(query):
                    asset = _user_string(key)
                    if partition in wanted[asset]:
                        found.setdefault(asset, {})[partition] = _timestamp(at)
        return found

    def first_materialized(self, assets: Collection[str]) -> dict[str, float]:
        """When each of ``assets`` was materialized first, whatever the partition, as timestamps."""
        return self._of_assets(assets, sa.func.min(_T.id))

    def last_materialized(self, assets: Collection[str]) -> dict[str, float]:
        """When each of ``assets`` was materialized last, whatever the partition, as timestamps."""
        return self._of_assets(assets, sa.func.max(_T.id))

    def numbers(self, newest: Mapping[str, str], name: str) -> dict[str, int]:
        """The metadata ``name`` of the latest materialization of a partition of each asset, where it is a number."""
        found: dict[str, int] = {}
        for assets in _some(sorted(newest), AT_ONCE):
            partitions = sorted({newest[asset] for asset in assets})
            latest = (
                sa.select(sa.func.max(_T.id))
                .where(_MATERIALIZED, _T.asset_key.in_(map(_db_string, assets)), _T.partition.in_(partitions))
                .group_by(_T.asset_key, _T.partition)
            )
            rows = self._all(sa.select(_T.asset_key, _T.partition, _T.event).where(_T.id.in_(latest)))
            for key, partition, text in rows:
                asset = _user_string(key)
                value = _metadata_of(text).get(name) if newest.get(asset) == partition else None
                if isinstance(value, dg.IntMetadataValue) and value.value is not None:
                    found[asset] = value.value
        return found

    def rows_of_run(self, run_id: str) -> int | None:
        """The most rows that one asset has of a run, in all partitions together; None if no asset says it."""
        rows: dict[str, int] = {}
        query = sa.select(_T.asset_key, _T.event).where(_MATERIALIZED, _T.run_id == run_id)
        for key, text in self._all(query):
            value = _metadata_of(text).get(ROW_COUNT)
            if isinstance(value, dg.IntMetadataValue) and value.value is not None:
                rows[key] = rows.get(key, 0) + value.value
        return max(rows.values(), default=None)

    def _of_assets(self, assets: Collection[str], number: sa.ColumnElement[int]) -> dict[str, float]:
        found: dict[str, float] = {}
        for some in _some(sorted(assets), AT_ONCE):
            numbers = (
                sa.select(number)
                .where(_MATERIALIZED, _T.asset_key.in_(map(_db_string, some)))
                .group_by(_T.asset_key)
            )  # fmt: skip
            rows = self._all(sa.select(_T.asset_key, _T.timestamp).where(_T.id.in_(numbers)))
            found |= {_user_string(key): _timestamp(at) for key, at in rows}
        return found

    def _all(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        with self._storage.index_connection() as connection:
            return connection.execute(query).fetchall()

    def _rows(
        self, where: sa.ColumnElement[bool], types: Collection[dg.DagsterEventType], most: int | None
    ) -> list[LogRow]:
        bare = _T.dagster_event_type.in_([kind.value for kind in _BARE])
        query = (
            sa.select(
                _T.id, _T.run_id, _T.dagster_event_type, _T.timestamp, _T.asset_key, _T.partition, _T.step_key,
                sa.case((bare, ""), else_=_T.event),
            )
            .where(where, _T.dagster_event_type.in_([kind.value for kind in types]))
            .order_by(_T.id)
        )  # fmt: skip
        with self._storage.index_connection() as connection:
            rows: Sequence[sa.Row[tuple[object, ...]]] = connection.execute(
                query if most is None else query.limit(most)
            ).fetchall()
        return [_row(*row) for row in rows]


def _row(
    number: int, run_id: str, kind: str, at: dt.datetime, key: str | None, partition: str | None, step: str | None,
    text: str | None,
) -> LogRow:  # fmt: skip
    asset = dg.AssetKey.from_db_string(key) if key else None
    return LogRow(
        number, run_id, dg.DagsterEventType(kind), at.replace(tzinfo=dt.UTC), asset.to_user_string() if asset else "",
        partition or "", step or "", text or "",
    )  # fmt: skip


def _some(names: Iterable[str], most: int) -> Iterator[list[str]]:
    left = iter(names)
    while some := list(islice(left, most)):
        yield some


def _db_string(asset: str) -> str:
    return dg.AssetKey.from_user_string(asset).to_string()


def _user_string(key: str) -> str:
    found = dg.AssetKey.from_db_string(key)
    return found.to_user_string() if found is not None else ""


def _timestamp(at: dt.datetime) -> float:
    return at.replace(tzinfo=dt.UTC).timestamp()


def _metadata_of(text: str) -> Mapping[str, dg.MetadataValue[Any]]:
    event = deserialize_value(text, EventLogEntry).dagster_event
    return event.step_materialization_data.materialization.metadata if event is not None else {}
