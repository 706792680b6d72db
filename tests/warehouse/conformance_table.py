"""The table with odd names that the conformance suite works on."""

from __future__ import annotations

from pathlib import Path

import duckdb

from platform_assets.warehouse.protocol import ColumnDef, Session, TableName, Warehouse

TABLE = TableName("odd schema", 'a "quoted" table')
COLUMNS = (
    ColumnDef("id", "BIGINT", "the key; it's unique"),
    ColumnDef("amount", "DECIMAL(10,2)"),
    ColumnDef("select", "VARCHAR"),
)


def name(session: Session, table: TableName = TABLE) -> str:
    return session.quote(table.schema, table.name)


def fill(session: Session, *ids: int) -> None:
    session.ensure_table(TABLE, COLUMNS)
    for i in ids:
        session.execute(f'INSERT INTO {name(session)} ("id") VALUES (?)', [i])


def ids(warehouse: Warehouse) -> list[int]:
    with warehouse.session(read_only=True) as session:
        return ids_of(session)


def ids_of(session: Session) -> list[int]:
    return [row[0] for row in session.execute(f'SELECT "id" FROM {name(session)} ORDER BY "id"')]


def parquet(path: Path, query: str) -> str:
    """A file written by something else than the warehouse under test."""
    duckdb.cursor().execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    return str(path)
