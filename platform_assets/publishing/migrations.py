"""The versions of the warehouse's own tables: numbered migrations, each made once and recorded with what it changed.

A table of the platform changes here and nowhere else. A migration and its line in `platform.migrations` are one
transaction; a process that dies leaves the version before. Sessions that publish bring the tables up to date when they
are opened, before any transaction; sessions that only read take an older warehouse as it is (``ledger`` asks for
columns by name). A warehouse that a newer version has migrated is refused by both.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from platform_assets.failpoints import failpoint
from platform_assets.publishing.errors import NewerWarehouse
from platform_assets.publishing.ledger import (
    ACCESS,
    ACCESS_COLUMNS,
    FAILURE_COLUMNS,
    FIRST_LEDGER_COLUMNS,
    LEASE_COLUMNS,
    LEASES,
    LEDGER,
    SCHEMA,
    TABLE_COLUMNS,
    TABLES,
    name,
)
from platform_assets.warehouse.errors import StatementFailed
from platform_assets.warehouse.protocol import ColumnDef, Session, TableName, Warehouse

MIGRATION_TABLE = TableName(SCHEMA, "migrations")
_COLUMNS = (
    ColumnDef("number", "BIGINT", "Number of the migration"),
    ColumnDef("name", "VARCHAR", "What it changed"),
    ColumnDef("applied_at", "TIMESTAMP", "When it was made, UTC"),
)
_KEY = ("asset", "partition_key")
_TURN = "platform.migrations"


@dataclass(frozen=True)
class Migration:
    """One change of the platform's tables. ``apply`` finds all before it made, and runs in a transaction.

    One that makes or changes a table runs before it where that would commit the transaction; then it may be made twice,
    by two processes at once too. ``rows`` says that it changes rows alone.
    """

    number: int
    name: str
    apply: Callable[[Session], None]
    rows: bool = False


def _first_tables(session: Session) -> None:
    # a warehouse of a time without migrations has them already
    session.ensure_table(LEDGER, FIRST_LEDGER_COLUMNS)
    session.ensure_table(LEASES, LEASE_COLUMNS)
    session.ensure_table(TABLES, TABLE_COLUMNS)
    session.ensure_index(LEDGER, _KEY)


def _failures(session: Session) -> None:
    session.ensure_table(LEDGER, (*FIRST_LEDGER_COLUMNS, *FAILURE_COLUMNS))


def _merge_leases(session: Session) -> None:
    """Of the rows of one partition, the one with the highest token stays."""
    leases, columns = name(session, LEASES), ", ".join(session.quote(column.name) for column in LEASE_COLUMNS)
    copies = f'SELECT {columns}, count(*) OVER (PARTITION BY "asset", "partition_key") AS "_copies" FROM {leases}'
    rows = session.execute(
        f'SELECT {columns} FROM ({copies}) AS c WHERE c."_copies" > 1 ORDER BY "token", "expires_at"'
    )
    for key, row in {(row[0], row[1]): row for row in rows}.items():
        session.execute(f'DELETE FROM {leases} WHERE "asset" = ? AND "partition_key" = ?', key)
        session.execute(f"INSERT INTO {leases} ({columns}) VALUES ({', '.join('?' for _ in row)})", row)


def _one_lease_each(session: Session) -> None:
    session.ensure_unique(LEASES, _KEY)


def _access(session: Session) -> None:
    session.ensure_table(ACCESS, ACCESS_COLUMNS)


MIGRATIONS = (
    Migration(1, "the tables of the first version", _first_tables),
    Migration(2, "kind and code of failures in the ledger", _failures),
    Migration(3, "leases of one partition merged into one", _merge_leases, rows=True),
    Migration(4, "one lease for each partition", _one_lease_each),
    Migration(5, "the grants, views and policies of the access file", _access),
)


@contextlib.contextmanager
def ledger_session(
    warehouse: Warehouse, *, purpose: str, read_only: bool = False, wait_seconds: float | None = None
) -> Iterator[Session]:
    """A session on a warehouse whose platform tables this version can use; up to date unless ``read_only``.

    Raises ``NewerWarehouse``; nothing was changed then.
    """
    with warehouse.session(read_only=read_only, purpose=purpose, wait_seconds=wait_seconds) as session:
        known = _known_version(session)
        if not read_only:
            migrate(session, known)
        yield session


def migrate(session: Session, known: int | None = None) -> None:
    """Make the migrations that are missing; ``known`` is the version, if the caller has asked for it just now."""
    applied = _known_version(session) if known is None else known
    if applied == MIGRATIONS[-1].number:
        return
    if applied == 0:
        session.ensure_table(MIGRATION_TABLE, _COLUMNS)
        session.ensure_unique(MIGRATION_TABLE, ("number",))
    for migration in MIGRATIONS:
        if migration.number > applied:
            _make(session, migration)


def _make(session: Session, migration: Migration) -> None:
    before = not migration.rows and not session.capabilities.transactional_ddl
    if before:
        migration.apply(session)
    try:
        with session.transaction():
            if not session.capabilities.unique_columns:
                session.take_turn(_TURN)
                if _known_version(session) >= migration.number:
                    return
            # first, so that of two processes the second one waits here, and fails on the unique number
            session.execute(
                f'INSERT INTO {name(session, MIGRATION_TABLE)} ("number", "name", "applied_at") VALUES (?, ?, ?)',
                [migration.number, migration.name, session.now()],
            )
            if not before:
                migration.apply(session)
            failpoint(f"migration.{migration.number}")
    except StatementFailed:
        if _known_version(session) < migration.number:
            raise


def _known_version(session: Session) -> int:
    """The number of the newest migration that was made, 0 for none. Raises ``NewerWarehouse``."""
    try:
        rows = session.execute(f'SELECT max("number") FROM {name(session, MIGRATION_TABLE)}')
    except StatementFailed:
        if session.columns(MIGRATION_TABLE) is not None:
            raise
        return 0
    newest = int(rows[0][0] or 0)
    if newest > MIGRATIONS[-1].number:
        raise NewerWarehouse(
            f"this warehouse was written by a newer version of platform-assets: its tables have migration {newest}, "
            f"this version knows up to {MIGRATIONS[-1].number}. Nothing was changed; upgrade platform-assets here."
        )
    return newest
