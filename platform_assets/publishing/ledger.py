"""The ledger's tables and the statements on them. Whoever calls these decides about transactions.

One line for each candidate and its verdict, in the warehouse itself, so that a verdict and the rows it speaks of
are committed together. Lines are only ever added; the fencing token of the lease under which a line was written
orders the lines of one partition.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from platform_assets.publishing.verdicts import Content, LedgerEntry, State, checks_from_text, checks_to_text
from platform_assets.sql.literals import literal
from platform_assets.warehouse.protocol import ColumnDef, Session, TableName

SCHEMA = "platform"
LEDGER = TableName(SCHEMA, "ledger")
LEASES = TableName(SCHEMA, "leases")
TABLES = TableName(SCHEMA, "tables")
ACCESS = TableName(SCHEMA, "access")

AT_ONCE = 1000
"""Lines of one statement: some engines take no more than a megabyte of text."""

Key = tuple[str, str]
"""Asset and partition."""

FIRST_LEDGER_COLUMNS = (
    ColumnDef("asset", "VARCHAR", "Key of the asset, with slashes"),
    ColumnDef("partition_key", "VARCHAR", "Partition"),
    ColumnDef("version", "VARCHAR", "Version of the content that asked to be published"),
    ColumnDef("state", "VARCHAR", "pending, published or rejected"),
    ColumnDef("content", "VARCHAR", "data, empty (validly without rows) or not_due"),
    ColumnDef("row_count", "BIGINT", "Rows of the version"),
    ColumnDef("content_hash", "VARCHAR", "Hash of the version's rows"),
    ColumnDef("rules_digest", "VARCHAR", "Digest of the rules and columns it was judged by"),
    ColumnDef("run_id", "VARCHAR", "The run that offered the version"),
    ColumnDef("check_name", "VARCHAR", "The first check that blocked it"),
    ColumnDef("message", "VARCHAR", "Why it was rejected, or why it holds no rows"),
    ColumnDef("checks", "VARCHAR", "All check results, as JSON"),
    ColumnDef("token", "BIGINT", "Fencing token of the lease it was written under"),
    ColumnDef("recorded_at", "TIMESTAMP", "When it was recorded, UTC"),
)
FAILURE_COLUMNS = (
    ColumnDef("failure_kind", "VARCHAR", "Kind of the failure that rejected it; null for any other line"),
    ColumnDef("failure_code", "VARCHAR", "Code of that failure within its kind"),
)
LEDGER_COLUMNS = (*FIRST_LEDGER_COLUMNS, *FAILURE_COLUMNS)
LEASE_COLUMNS = (
    ColumnDef("asset", "VARCHAR", "Key of the asset, with slashes"),
    ColumnDef("partition_key", "VARCHAR", "Partition"),
    ColumnDef("token", "BIGINT", "Fencing token, one higher for each lease of this partition"),
    ColumnDef("holder", "VARCHAR", "Who holds the lease; null when nobody does"),
    ColumnDef("run_id", "VARCHAR", "The run that took the lease last"),
    ColumnDef("expires_at", "TIMESTAMP", "After this moment, UTC, others may take the lease over"),
)
TABLE_COLUMNS = (
    ColumnDef("asset", "VARCHAR", "Key of the asset, with slashes"),
    ColumnDef("schema_name", "VARCHAR", "Schema of the table that holds its published rows"),
    ColumnDef("table_name", "VARCHAR", "Name of that table"),
)
ACCESS_COLUMNS = (
    ColumnDef("kind", "VARCHAR", "role, schema, table, column, default, view or another object of the engine"),
    ColumnDef("role_name", "VARCHAR", "The role that was granted something; empty for other objects"),
    ColumnDef("schema_name", "VARCHAR", "Schema of the object"),
    ColumnDef("table_name", "VARCHAR", "Table or view"),
    ColumnDef("column_name", "VARCHAR", "Column"),
    ColumnDef("privilege", "VARCHAR", "What was granted, such as SELECT"),
    ColumnDef("definition", "VARCHAR", "The statement that made it, where that tells one version from another"),
    ColumnDef("made", "VARCHAR", "The same as the engine's catalog has it"),
)
"""What `platform-assets warehouse apply` has made, and may take away again."""
_KEYS = (ColumnDef("asset", "VARCHAR"), ColumnDef("partition_key", "VARCHAR"))


def stage_keys(session: Session, keys: Iterable[Key]) -> str:
    """The keys as a relation with the columns ``asset`` and ``partition_key``."""
    return session.stage_rows(_KEYS, list(keys))


def append(session: Session, entries: Sequence[LedgerEntry]) -> None:
    columns = ", ".join(session.quote(column.name) for column in LEDGER_COLUMNS)
    for start in range(0, len(entries), AT_ONCE):
        staged = session.stage_rows(LEDGER_COLUMNS, [_row(entry) for entry in entries[start : start + AT_ONCE]])
        session.execute(f"INSERT INTO {name(session, LEDGER)} ({columns}) SELECT {columns} FROM {staged} AS s")


def latest(session: Session, keys: Sequence[Key], *, state: State | None = None) -> dict[Key, LedgerEntry]:
    """The newest line of each partition, of those in ``state`` if one is given. No ledger yet: nothing."""
    present = session.columns(LEDGER) if keys else None
    if present is None:
        return {}
    among = f'JOIN {stage_keys(session, keys)} AS k ON l."asset" = k."asset" AND l."partition_key" = k."partition_key"'
    condition = "true" if state is None else f'l."state" = {literal(state.value)}'
    rows = session.execute(_newest(session, present, among, condition))
    return {(entry.asset, entry.partition): entry for entry in map(_entry, rows)}


def history(session: Session, asset: str, partition: str | None, limit: int) -> list[LedgerEntry]:
    """Lines of one asset, newest first."""
    present = session.columns(LEDGER)
    if present is None:
        return []
    rows = session.execute(
        f'SELECT {_columns(session, present)} FROM {name(session, LEDGER)} AS l WHERE l."asset" = ? AND '
        f'l."partition_key" = coalesce(?, l."partition_key") '
        f'ORDER BY l."recorded_at" DESC, l."partition_key" DESC, {_NEWEST_FIRST} LIMIT {int(limit)}',
        [asset, partition],
    )
    return [_entry(row) for row in rows]


def published_with_rows(session: Session, asset: str) -> list[str]:
    """Partitions whose published version holds data, in order: what a rule may take as history."""
    rows = session.execute(
        f'SELECT p."partition_key" FROM (SELECT l."partition_key", l."content", {_PLACE} '
        f'FROM {name(session, LEDGER)} AS l WHERE l."asset" = ? AND l."state" = \'published\') AS p '
        f'WHERE p."_place" = 1 AND p."content" = \'data\'',
        [asset],
    )
    return sorted(row[0] for row in rows)


def newest_of(session: Session, asset: str) -> dict[str, LedgerEntry]:
    """The newest line of every partition of one asset."""
    present = session.columns(LEDGER) or ()
    rows = session.execute(_newest(session, present, "", 'l."asset" = ?'), [asset])
    return {entry.partition: entry for entry in map(_entry, rows)}


def assets(session: Session) -> list[str]:
    """Every asset the ledger knows."""
    if session.columns(LEDGER) is None:
        return []
    return sorted(row[0] for row in session.execute(f'SELECT DISTINCT "asset" FROM {name(session, LEDGER)}'))


def register_table(session: Session, asset: str, table: TableName) -> None:
    """Remember where an asset's rows are, so that rules of other assets can refer to it by its key.

    To be called inside a transaction.
    """
    if table_of(session, asset) == table:
        return
    session.take_turn("platform.tables")
    if table_of(session, asset) != table:
        session.execute(f'DELETE FROM {name(session, TABLES)} WHERE "asset" = ?', [asset])
        session.execute(
            f'INSERT INTO {name(session, TABLES)} ("asset", "schema_name", "table_name") VALUES (?, ?, ?)',
            [asset, table.schema, table.name],
        )


def table_of(session: Session, asset: str) -> TableName | None:
    if session.columns(TABLES) is None:
        return None
    rows = session.execute(
        f'SELECT "schema_name", "table_name" FROM {name(session, TABLES)} WHERE "asset" = ?', [asset]
    )
    return TableName(*rows[0]) if rows else None


def name(session: Session, table: TableName) -> str:
    return session.quote(table.schema, table.name)


# a verdict closes the pending line of the same token
_NEWEST_FIRST = """l."token" DESC, CASE l."state" WHEN 'pending' THEN 1 ELSE 0 END, l."recorded_at" DESC"""
_PLACE = f'row_number() OVER (PARTITION BY l."asset", l."partition_key" ORDER BY {_NEWEST_FIRST}) AS "_place"'


def _newest(session: Session, present: Sequence[ColumnDef], joined: str, condition: str) -> str:
    """A query for the newest of the lines ``l`` of each partition that fulfil a condition."""
    columns = ", ".join(f"n.{session.quote(column.name)}" for column in LEDGER_COLUMNS)
    lines = f"{name(session, LEDGER)} AS l {joined}"
    ranked = f"SELECT {_columns(session, present)}, {_PLACE} FROM {lines} WHERE {condition}"
    return f'SELECT {columns} FROM ({ranked}) AS n WHERE n."_place" = 1'


def _columns(session: Session, present: Sequence[ColumnDef]) -> str:
    """Every column of ``l`` by its name, of a ledger that may be older or newer than this version; null where it has
    none."""
    there = {column.name.lower() for column in present}
    names = [(column.name, session.quote(column.name)) for column in LEDGER_COLUMNS]
    return ", ".join(f"l.{quoted}" if each in there else f"NULL AS {quoted}" for each, quoted in names)


def _row(entry: LedgerEntry) -> tuple[object, ...]:
    """The values of a line, in the order of ``LEDGER_COLUMNS``."""
    return (
        entry.asset,
        entry.partition,
        entry.version,
        entry.state.value,
        entry.content.value,
        entry.rows,
        entry.hash,
        entry.rules,
        entry.run_id,
        entry.check,
        entry.message,
        checks_to_text(entry.checks),
        entry.token,
        entry.at,
        entry.failure.kind.value if entry.failure is not None else None,
        entry.failure.code if entry.failure is not None else None,
    )


def _entry(row: tuple[object, ...]) -> LedgerEntry:
    values = dict(zip((column.name for column in LEDGER_COLUMNS), row, strict=True))
    return LedgerEntry(
        asset=str(values["asset"]),
        partition=str(values["partition_key"]),
        version=str(values["version"]),
        state=State(str(values["state"])),
        content=Content(str(values["content"])),
        rows=int(str(values["row_count"])),
        hash=str(values["content_hash"]),
        rules=str(values["rules_digest"]),
        run_id=str(values["run_id"]),
        message=str(values["message"]),
        checks=checks_from_text(str(values["checks"])),
        token=int(str(values["token"])),
        at=values["recorded_at"],  # type: ignore[arg-type]
        failure_kind=_text(values["failure_kind"]),
        failure_code=_text(values["failure_code"]),
    )


def _text(value: object) -> str:
    return "" if value is None else str(value)
