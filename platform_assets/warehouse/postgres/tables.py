"""Tables of a PostgreSQL warehouse: described, made, changed, indexed.

What changes a table is done by one session at a time, and only where something has to change: the looks before it take
no lock. A change waits a short while for readers and writers of the table, and lets them go on between its tries: those
that come while it waits would wait behind it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from platform_assets.warehouse.errors import WarehouseBusy
from platform_assets.warehouse.postgres.governed import drop_views, governed, make_again
from platform_assets.warehouse.postgres.statements import Statements
from platform_assets.warehouse.postgres.types import type_of, word_of
from platform_assets.warehouse.protocol import ColumnDef, TableName
from platform_assets.warehouse.schema import TableChange, plan_change

TRY_SECONDS = 0.5
"""How long one try to change a table keeps those waiting that come after it."""
_TURN = "tables"
_INDEX = (
    "SELECT 1 FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid "
    "JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace "
    "WHERE n.nspname = ? AND c.relname = ? AND i.indisvalid AND i.indpred IS NULL AND (? OR i.indisunique) AND ARRAY("
    "SELECT CAST(a.attname AS text) FROM unnest(i.indkey) WITH ORDINALITY AS k(number, place) "
    "JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.number ORDER BY k.place"
    ") = ARRAY[{columns}]"
)


def columns_of(session: Statements, table: TableName) -> tuple[ColumnDef, ...] | None:
    """The columns of a table or view with their descriptions, in order; None when there is none."""
    rows = session.execute(
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod), coalesce(col_description(c.oid, a.attnum), '') "
        "FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace "
        "JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid "
        "WHERE n.nspname = ? AND c.relname = ? AND c.relkind IN ('r', 'p', 'v', 'm', 'f') "
        "AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
        [table.schema, table.name],
    )
    return tuple(ColumnDef(name, word_of(kind), comment) for name, kind, comment in rows) or None


def ensure_schema(session: Statements, schema: str) -> None:
    """Make the schema; without a statement that needs rights where it is there."""
    if not session.execute("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = ?", [schema]):
        session.execute(f"CREATE SCHEMA IF NOT EXISTS {session.quote(schema)}")


def ensure_table(session: Statements, table: TableName, columns: Sequence[ColumnDef]) -> None:
    """See ``Session.ensure_table``."""
    wanted = [ColumnDef(c.name, word_of(type_of(c.type)), c.description) for c in columns]
    existing = columns_of(session, table)
    if existing is not None and not _differs(plan_change(table, existing, wanted), wanted, existing):
        return

    def change() -> None:
        now = columns_of(session, table)
        if now is None:
            ensure_schema(session, table.schema)
            _create(session, table, wanted)
            return
        _alter(session, table, plan_change(table, now, wanted))
        _comment(session, table, wanted, now)

    changed(session, change)


@dataclass(frozen=True)
class IndexKind:
    """What stands before and behind the names of table and columns."""

    statement: str
    method: str
    options: str = ""


UNIQUE = IndexKind("CREATE UNIQUE INDEX", "btree")
BY_ROWS = IndexKind("CREATE INDEX", "btree")
BY_BLOCKS = IndexKind("CREATE INDEX", "brin", " WITH (autosummarize = on, pages_per_range = 32)")
"""Which blocks may hold a value. It costs an INSERT a third of its time, where an index by rows doubles it."""


def ensure_index(session: Statements, table: TableName, columns: Sequence[str], kind: IndexKind) -> None:
    """Make an index where there is none on just these columns."""

    def is_there() -> bool:
        listed = ", ".join(map(session.text, columns))
        return bool(session.execute(_INDEX.format(columns=listed), [table.schema, table.name, kind is not UNIQUE]))

    def make() -> None:
        if not is_there():
            keys, target = ", ".join(map(session.quote, columns)), session.quote(table.schema, table.name)
            # the server finds a name that is free
            session.execute(f"{kind.statement} ON {target} USING {kind.method} ({keys}){kind.options}")

    if not is_there():
        changed(session, make)


def replace_table(session: Statements, table: TableName, by: TableName) -> None:
    """See ``Session.replace_table``. Masked views and grants are those of the new table."""
    before = governed(session, table)
    drop_views(session, before)
    session.execute(f"DROP TABLE {session.quote(table.schema, table.name)}")
    session.execute(f"ALTER TABLE {session.quote(by.schema, by.name)} RENAME TO {session.quote(table.name)}")
    make_again(session, before, grants=True)


def changed(session: Statements, change: Callable[[], object]) -> None:
    """Carry out a change of tables in one transaction, when nobody else does one.

    Raises ``WarehouseBusy`` when the tables were in use for as long as the session waits.
    """
    if session.in_transaction:
        session.take_turn(_TURN)
        change()
        return
    deadline = time.monotonic() + session.wait_seconds
    while True:
        try:
            with session.transaction():
                session.take_turn(_TURN)
                session.execute(f"SET LOCAL lock_timeout = {int(TRY_SECONDS * 1000)}")
                change()
        except WarehouseBusy:
            if time.monotonic() >= deadline:
                raise
        else:
            return
        time.sleep(min(TRY_SECONDS, max(0.0, deadline - time.monotonic())))


def _differs(change: TableChange, wanted: Sequence[ColumnDef], existing: Sequence[ColumnDef]) -> bool:
    said = {column.name.lower(): column.description for column in existing}
    comments = any(column.description != said.get(column.name.lower(), "") for column in wanted)
    return bool(change.added or change.widened or comments)


def _create(session: Statements, table: TableName, columns: Sequence[ColumnDef]) -> None:
    body = ", ".join(f"{session.quote(c.name)} {type_of(c.type)}" for c in columns)
    session.execute(f"CREATE TABLE {session.quote(table.schema, table.name)} ({body})")
    _comment(session, table, columns, ())


def _alter(session: Statements, table: TableName, change: TableChange) -> None:
    actions = [f"ADD COLUMN {session.quote(column.name)} {type_of(column.type)}" for column in change.added]
    actions += [f"ALTER COLUMN {session.quote(c.name)} TYPE {type_of(c.type)}" for c in change.widened]
    before = governed(session, table) if change.widened else None
    if before is not None:
        drop_views(session, before)
    if actions:
        session.execute(f"ALTER TABLE {session.quote(table.schema, table.name)} {', '.join(actions)}")
    if before is not None:
        make_again(session, before, grants=False)


def _comment(session: Statements, table: TableName, wanted: Sequence[ColumnDef], existing: Sequence[ColumnDef]) -> None:
    said = {column.name.lower(): column.description for column in existing}
    for column in wanted:
        if column.description != said.get(column.name.lower(), ""):
            name = session.quote(table.schema, table.name, column.name)
            session.execute(f"COMMENT ON COLUMN {name} IS {session.text(column.description)}")
