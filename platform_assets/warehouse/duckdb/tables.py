"""Statements of DuckDB that make tables and change what they are."""

from __future__ import annotations

from collections.abc import Sequence

from platform_assets.sql.literals import literal
from platform_assets.warehouse.protocol import ColumnDef, Session, TableName


def create(session: Session, table: TableName, columns: Sequence[ColumnDef]) -> None:
    """Make a table, and its schema if there is none; types are in DuckDB's own spelling."""
    body = ", ".join(f"{session.quote(c.name)} {c.type}" for c in columns)
    session.execute(f"CREATE SCHEMA IF NOT EXISTS {session.quote(table.schema)}")
    session.execute(f"CREATE TABLE {session.quote(table.schema, table.name)} ({body})")
    comment(session, table, columns, ())


def comment(session: Session, table: TableName, wanted: Sequence[ColumnDef], existing: Sequence[ColumnDef]) -> None:
    """Make the descriptions that differ comments."""
    target = session.quote(table.schema, table.name)
    said = {column.name.lower(): column.description for column in existing}
    for column in wanted:
        if column.description != said.get(column.name.lower(), ""):
            text = literal(column.description)
            session.execute(f"COMMENT ON COLUMN {target}.{session.quote(column.name)} IS {text}")


def replace(session: Session, table: TableName, by: TableName) -> None:
    """See ``Session.replace_table``."""
    session.execute(f"DROP TABLE {session.quote(table.schema, table.name)}")
    session.execute(f"ALTER TABLE {session.quote(by.schema, by.name)} RENAME TO {session.quote(table.name)}")
