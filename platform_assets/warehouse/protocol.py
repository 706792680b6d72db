"""The warehouse as the platform sees it: what every implementation has to offer, and nothing of any one engine.

``publishing`` is written against :class:`Warehouse` and :class:`Session` alone. A new warehouse is a module
beside ``duckdb`` that passes ``tests/warehouse/conformance.py``; statements that only one engine understands
stay in its module. The SQL that callers may write is the common core: SELECT with window functions, INSERT ... SELECT,
DELETE and UPDATE with subqueries, ``?`` for bound values. Names of schemas, tables and columns stand in double quotes,
where they are made and where they are used: engines differ in the case of those that do not. A subquery behind FROM has
an alias. Nothing is created inside a transaction that publishes: on some engines a statement that creates commits it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from platform_assets.sql.dialects import Dialect
from platform_assets.sql.identifiers import quoted

PARTITION = "_partition"
"""The column, in every staged relation and published table, that holds the partition key as text."""

PARTITION_NAME = quoted(PARTITION)
"""The same as it is written in SQL."""

TURNS = ("platform.leases", "platform.tables", "platform.migrations")
"""The turns that publishing takes: an engine may have to prepare something for each, outside of a transaction."""

PARTITION_COLUMN = (PARTITION, "VARCHAR", "Key of the partition that the row belongs to.")
"""Name, type and description of that column."""


@dataclass(frozen=True, order=True)
class TableName:
    """A table or view, by schema and name; both are quoted wherever they are used."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class ColumnDef:
    """A column of a table: its type in the platform's words (``VARCHAR``, ``DECIMAL(10,2)``, ...).

    They are those of DuckDB's catalog, whatever the engine: VARCHAR, BIGINT, DOUBLE, BOOLEAN, DATE, TIMESTAMP,
    TIMESTAMP WITH TIME ZONE, JSON, DECIMAL(p,s). Each engine maps them to types of its own in one place.
    """

    name: str
    type: str
    description: str = ""


@dataclass(frozen=True)
class StagedFile:
    """One Parquet file of a candidate, with the partition key that its rows are given.

    ``key`` is that of the object that it was fetched from, below the root of the lake; empty where there is none.
    """

    path: str
    partition: str
    key: str = ""


@dataclass(frozen=True)
class Capabilities:
    """What an engine can do beyond what all can; callers and tests ask for it by name.

    - ``concurrent_writers``: several sessions are open at once, and see what others have committed from one statement
      to the next; otherwise they take turns.
    - ``copies_staged``: staged files are copied, so that they are read once, when they are staged; otherwise they are
      read in place.
    - ``transactional_ddl``: making, changing and replacing a table is a part of a transaction; otherwise it commits it.
    - ``readers_beside_writers``: a session that only reads waits for no writer.
    - ``unique_columns``: the engine enforces what :meth:`Session.ensure_unique` asks for.
    - ``row_locks``: a change keeps others from no more than its rows, ``kept`` passes over those of others, and
      ``lock_table`` keeps readers off. Otherwise a change may keep others from changing the whole table, and who wants
      to change rows waits.
    - ``snapshots``: ``snapshot`` has one moment for all statements; otherwise who reads looks twice.
    """

    concurrent_writers: bool
    copies_staged: bool
    readers_beside_writers: bool = False
    unique_columns: bool = True
    transactional_ddl: bool = True
    row_locks: bool = True
    snapshots: bool = True


class Session(Protocol):
    """An open connection, used by one thread and never kept across steps."""

    @property
    def capabilities(self) -> Capabilities:
        """What its engine can do."""
        ...

    @property
    def dialect(self) -> Dialect:
        """The dialect that statements are to be written in."""
        ...

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows.

        Raises ``StatementFailed`` when the statement is at fault, another ``WarehouseError`` when it is not.
        """
        ...

    def quote(self, *parts: str) -> str:
        """Identifiers, quoted and joined by dots."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Commit at the end of the block, roll back on any exception. Transactions do not nest.

        A statement sees what was committed before it began. Rows that a transaction has changed are kept from other
        transactions until it ends.
        """
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """For reading: all statements of the block see what was committed before it. Not inside a transaction."""
        ...

    def take_turn(self, name: str) -> None:
        """Wait until no other transaction has the turn ``name``, and keep it until this transaction ends."""
        ...

    def lock_table(self, table: TableName) -> None:
        """Keep every other session off the table until this transaction ends."""
        ...

    def kept(self, query: str) -> str:
        """``query``, a SELECT of one table's rows, as one that passes over the rows that others are changing.

        Those that it gives are kept from other transactions until this one ends.
        """
        ...

    def now(self) -> dt.datetime:
        """The warehouse's clock, UTC, without zone: the only clock by which leases expire."""
        ...

    def describe(self, table: TableName) -> tuple[ColumnDef, ...] | None:
        """The columns of a table or view in order, or None when there is no such table."""
        ...

    def columns(self, table: TableName) -> tuple[ColumnDef, ...] | None:
        """As :meth:`describe`, without the columns' descriptions: asked for in every session, it has to be quick."""
        ...

    def ensure_table(self, table: TableName, columns: Sequence[ColumnDef]) -> None:
        """Create the schema and the table, or add columns it lacks and widen types that lose nothing by it.

        Columns that only the table has are kept. Descriptions become comments. Raises ``IncompatibleTable``
        when a type would have to change otherwise.
        """
        ...

    def ensure_unique(self, table: TableName, columns: Sequence[str]) -> None:
        """From here on no two rows of the table have the same values in ``columns``.

        ``INSERT ... ON CONFLICT DO NOTHING`` then leaves out what is there. Nothing happens when it is so already;
        raises ``StatementFailed`` when there are such rows.
        """
        ...

    def ensure_index(self, table: TableName, columns: Sequence[str], *, loaded_together: bool = False) -> None:
        """From here on a few of the table's rows are found quickly by ``columns``.

        ``loaded_together``: rows with the same values are written by one statement, so that it need not cost much.
        """
        ...

    def replace_table(self, table: TableName, by: TableName) -> None:
        """Drop ``table`` and give its name to ``by``, a table of the same schema; a part of the transaction."""
        ...

    def stage_rows(self, columns: Sequence[ColumnDef], rows: Iterable[Sequence[object]]) -> str:
        """A few thousand rows of Python values as a relation for FROM. Nothing is created.

        Types are VARCHAR, BIGINT, BOOLEAN and TIMESTAMP.
        """
        ...

    def stage_query(self, query: str) -> str:
        """The rows of ``query`` as they are now; returns a relation for FROM that lives as long as the session.

        No other session changes what it gives. Not inside a transaction.
        """
        ...

    def stage_parquet(self, files: Sequence[StagedFile], columns: Sequence[ColumnDef]) -> str:
        """Make the rows of Parquet files readable; returns a relation for FROM with ``columns`` in order,
        then ``_partition``.

        Columns are matched by name; one that a file lacks is null. No value is changed: a file whose type
        does not fit into the column's raises ``StatementFailed``. The rows may be copied (a staging table)
        or read in place; they must not be shown to other sessions. The relation lives as long as the session. Not
        inside a transaction.
        """
        ...

    def staged_rows(self, relation: str) -> dict[str, int]:
        """How many rows each partition with rows has in a ``relation`` of :meth:`stage_parquet`."""
        ...

    def fingerprint(self, columns: Sequence[str]) -> str:
        """An aggregate expression: 32 hex digits that tell one multiset of rows from another.

        Independent of the order of rows; comparable within one version of the engine only.
        """
        ...

    def content(self, columns: Sequence[ColumnDef]) -> str:
        """As :meth:`fingerprint`, but the same for the same rows on every engine; it takes several times as long."""
        ...


class Warehouse(Protocol):
    """Where sessions come from. Cheap to make, holds no connection, safe to share between threads."""

    def session(
        self, *, read_only: bool = False, purpose: str = "", wait_seconds: float | None = None
    ) -> AbstractContextManager[Session]:
        """Open late, close soon. Waits for others that hold the warehouse, up to its own limit.

        ``wait_seconds`` is the limit of this one session; 0 asks once. ``WarehouseBusy`` is raised at its end.
        ``purpose`` is shown to those that wait meanwhile. A read-only session on a warehouse that does not
        exist yet finds no tables, and does not create it. Sessions of one thread do not nest
        (``SessionMisused``).
        """
        ...

    def reserve(self, *, purpose: str = "") -> AbstractContextManager[None]:
        """Let a tool of its own (dbt) work on the warehouse in this process, for the length of the block.

        An engine whose sessions take turns keeps every other session out; one with concurrent writers lets them in.
        ``WarehouseError`` if it cannot be used.
        """
        ...

    def tool_variables(self) -> Mapping[str, str]:
        """The variables by which another tool (dbt) of this process reaches the same warehouse.

        `PLATFORM_WAREHOUSE` is among them, without a password; others may hold secrets.
        """
        ...

    def blames_statement(self, text: str) -> bool | None:
        """Whether an error that another tool (dbt) had here is the fault of its statement, or of the data.

        False for a fault of the warehouse or the machine, None where ``text`` holds no error of this warehouse.
        """
        ...


@runtime_checkable
class LoadsObjects(Protocol):
    """A warehouse that may load the lake's objects from where they are."""

    def loads_objects(self) -> bool:
        """Whether it does: of staged files that have a key it then reads no more than the schema on this machine."""
        ...


@runtime_checkable
class Accounted(Protocol):
    """A warehouse that accounts for its queries by asset and run."""

    def account(self, asset: str, run: str) -> Mapping[str, str | float]:
        """By what the queries of a run on an asset are found, and what the latest accounted run on it has cost.

        Names with values, for people. Raises ``WarehouseError``.
        """
        ...


@runtime_checkable
class Maintained(Protocol):
    """A warehouse that has to be tidied from time to time."""

    def maintain(self, keep: dt.timedelta) -> Mapping[str, int]:
        """Remove what is older than ``keep`` and not read any more; readers and writers may be at work meanwhile.

        Returns what was done, and how often. Raises ``WarehouseError``.
        """
        ...
