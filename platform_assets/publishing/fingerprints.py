"""Rows and hash of each partition of a table that exists, by one GROUP BY; and whether they are those of a verdict.

Hashes are compared only with hashes made here, on the same warehouse; an upgrade of the warehouse may change them,
after which a partition has to be materialized once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from platform_assets.publishing.verdicts import LedgerEntry
from platform_assets.sql.literals import literal
from platform_assets.warehouse.protocol import PARTITION, ColumnDef, Session, TableName

EMPTY_HASH = "empty"
"""The hash of a partition without rows."""

FEW = 1000
"""Partition keys that are written into a statement one by one."""


def data_columns(described: Sequence[ColumnDef]) -> tuple[ColumnDef, ...]:
    """The columns without the one that publishing itself adds."""
    return tuple(column for column in described if column.name != PARTITION)


def partition_text(session: Session, alias: str, column: str) -> str:
    """The partition key of a row as text, as an expression."""
    return f"CAST({alias}.{session.quote(column)} AS VARCHAR)"


def is_one_of(session: Session, expression: str, keys: Sequence[str]) -> str:
    """A condition: the partition key that ``expression`` gives is one of ``keys``.

    A few are written into the statement, where an index is used for them.
    """
    if len(keys) <= FEW:
        listed = ", ".join(literal(key, session.dialect) for key in keys) or "NULL"
        return f"{expression} IN ({listed})"
    staged = session.stage_rows([ColumnDef("partition_key", "VARCHAR")], [(key,) for key in keys])
    return f'{expression} IN (SELECT k."partition_key" FROM {staged} AS k)'


def fingerprints(
    session: Session,
    table: TableName,
    columns: Sequence[ColumnDef],
    partition_column: str | None,
    partitions: Sequence[str],
    staged: str | None = None,
) -> dict[str, tuple[int, str]]:
    """Row count and hash of each of ``partitions`` that has rows; without a column the one partition is all rows.

    ``staged`` is a relation with the table's rows, where they are to be read from.
    """
    value = session.fingerprint(sorted(column.name for column in columns))
    return digests(session, staged or session.quote(table.schema, table.name), value, partition_column, partitions)


def digests(
    session: Session, source: str, value: str, partition_column: str | None, partitions: Sequence[str]
) -> dict[str, tuple[int, str]]:
    """As :func:`fingerprints`, of the relation ``source`` by the aggregate expression ``value``."""
    if not partitions:
        return {}
    if partition_column is None:
        rows, digest = session.execute(f"SELECT count(*), {value} FROM {source} AS r")[0]
        return dict.fromkeys(partitions, (rows, digest)) if rows else {}
    key = partition_text(session, "r", partition_column)
    counted = session.execute(
        f"SELECT {key}, count(*), {value} FROM {source} AS r WHERE {is_one_of(session, key, partitions)} GROUP BY 1"
    )
    return {partition: (rows, digest) for partition, rows, digest in counted}


def changed_since(
    session: Session,
    table: TableName,
    partition_column: str | None,
    verdicts: Mapping[str, LedgerEntry],
    staged: str | None = None,
) -> dict[str, str]:
    """Those partitions of ``table`` whose rows are not those that their verdict saw, each with what is different.

    The hash of a table that a tool overwrites in place is compared. A table that is published changes only together
    with its verdict, whose hash is that of what was loaded: there the rows are counted. ``staged`` is a relation
    with the table's rows, where they are to be read from.
    """
    described = session.columns(table)
    in_place = [partition for partition, verdict in verdicts.items() if verdict.in_place]
    others = [partition for partition, verdict in verdicts.items() if not verdict.in_place]
    found: dict[str, tuple[int, str]] = {}
    if described is not None:
        found |= fingerprints(session, table, data_columns(described), partition_column, in_place, staged)
        counted = row_counts(session, table, PARTITION, others, staged)
        found |= {partition: (rows, "") for partition, rows in counted.items()}
    changed = {}
    for partition, verdict in verdicts.items():
        rows, content_hash = found.get(partition, (0, EMPTY_HASH))
        if rows != verdict.rows:
            changed[partition] = f"it has {rows} rows in {table}, {verdict.rows} were audited"
        elif verdict.in_place and content_hash != verdict.hash:
            changed[partition] = f"its {rows} rows in {table} are not those that were audited"
    return changed


def row_counts(
    session: Session, table: TableName, partition_column: str, partitions: Sequence[str], staged: str | None = None
) -> dict[str, int]:
    """How many rows each of ``partitions`` has, of those that have any; in ``staged``, if it is given."""
    if not partitions:
        return {}
    key, source = partition_text(session, "r", partition_column), staged or session.quote(table.schema, table.name)
    wanted = is_one_of(session, key, partitions)
    return dict(session.execute(f"SELECT {key}, count(*) FROM {source} AS r WHERE {wanted} GROUP BY 1"))
