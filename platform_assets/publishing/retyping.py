"""A published table whose columns get other types: another one beside it, filled and put in its place at once."""

from __future__ import annotations

from collections.abc import Sequence, Set

from platform_assets.publishing import ledger
from platform_assets.warehouse.errors import IncompatibleTable
from platform_assets.warehouse.protocol import PARTITION_NAME, ColumnDef, Session, TableName
from platform_assets.wording import counted

NAMED = 5
"""Partitions that a message names."""

BESIDE = "__retyped"
"""What is added to a table's name for the one that takes its place."""


def fitting_table(session: Session, table: TableName, columns: Sequence[ColumnDef], *, retypes: bool) -> TableName:
    """The table, made to fit the columns; an empty one beside it, if that cannot be and ``retypes`` allows it.

    Raises ``IncompatibleTable`` if it cannot be made to fit and another one is not allowed.
    """
    try:
        session.ensure_table(table, columns)
    except IncompatibleTable:
        if not retypes:
            raise
    else:
        return table
    beside = TableName(table.schema, f"{table.name}{BESIDE}")
    # a run that died may have left one
    session.execute(f"DROP TABLE IF EXISTS {ledger.name(session, beside)}")
    session.ensure_table(beside, columns)
    return beside


def refuse_losses(session: Session, table: TableName, partitions: Set[str]) -> None:
    """Raises ``IncompatibleTable`` if the table holds another partition than these, which would be lost."""
    rows = session.execute(f"SELECT DISTINCT {PARTITION_NAME} FROM {ledger.name(session, table)}")
    lost = sorted({row[0] for row in rows} - partitions)
    if lost:
        named = f"{', '.join(lost[:NAMED])}{', ...' if len(lost) > NAMED else ''}"
        raise IncompatibleTable(
            f"{table}: the type of a column can only change for all partitions at once, and "
            f"{counted(len(lost), 'partition')} cannot be published under the new one: {named}. Nothing was published. "
            "Mend them, or delete their rows from the table, then run it again"
        )
