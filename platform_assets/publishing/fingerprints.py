"""Rows and hash of each partition of a table that exists, by one GROUP BY.

Hashes are compared only with hashes made here, on the same warehouse; an upgrade of the engine may change them,
after which a partition has to be materialized once more.
"""

from __future__ import annotations

from collections.abc import Sequence

from resources.warehouse.protocol import PARTITION, ColumnDef, Session, TableName

EMPTY_HASH = "empty"
"""The hash of a partition without rows."""


def data_columns(described: Sequence[ColumnDef]) -> tuple[ColumnDef, ...]:
    """The columns without the one that publishing itself adds."""
    return tuple(column for column in described if column.name != PARTITION)


def partition_text(session: Session, alias: str, column: str) -> str:
    """The partition key of a row as text, as an expression."""
    return f"CAST({alias}.{session.quote(column)} AS VARCHAR)"


def fingerprints(
    session: Session,
    table: TableName,
    columns: Sequence[ColumnDef],
    partition_column: str | None,
    partitions: Sequence[str],
) -> dict[str, tuple[int, str]]:
    """Row count and hash of each of ``partitions`` that has rows; without a column the one partition is all rows."""
    if not partitions:
        return {}
    names = sorted(column.name for column in columns)
    source, value = session.quote(table.schema, table.name), session.fingerprint(names)
    if partition_column is None:
        rows, content_hash = session.execute(f"SELECT count(*), {value} FROM {source} AS r")[0]
        return dict.fromkeys(partitions, (rows, content_hash)) if rows else {}
    keys = session.stage_rows([ColumnDef("partition_key", "VARCHAR")], [(partition,) for partition in partitions])
    key = partition_text(session, "r", partition_column)
    counted = session.execute(
        f"SELECT {key}, count(*), {value} FROM {source} AS r "
        f"WHERE {key} IN (SELECT partition_key FROM {keys}) GROUP BY 1"
    )
    return {partition: (rows, content_hash) for partition, rows, content_hash in counted}
