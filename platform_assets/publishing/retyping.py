"""A published table whose columns get other types: made anew in the transaction that fills it, or not at all."""

from __future__ import annotations

from collections.abc import Sequence, Set

from platform_assets.failpoints import failpoint
from platform_assets.publishing import ledger
from platform_assets.warehouse.errors import IncompatibleTable
from platform_assets.warehouse.protocol import PARTITION, ColumnDef, Session, TableName
from platform_assets.wording import counted

NAMED = 5
"""Partitions that a message names."""


def fit_table(session: Session, table: TableName, columns: Sequence[ColumnDef], *, retypes: bool) -> bool:
    """Make the table fit the columns; True if that can only be done by making it anew, and ``retypes`` allows it.

    Raises ``IncompatibleTable`` if it can only be done so and is not allowed.
    """
    try:
        session.ensure_table(table, columns)
    except IncompatibleTable:
        if not retypes:
            raise
        return True
    return False


def make_anew(session: Session, table: TableName, columns: Sequence[ColumnDef], partitions: Set[str]) -> None:
    """Make the table anew, empty, inside the transaction that fills it with these ``partitions``.

    Raises ``IncompatibleTable`` if it holds another partition, which would be lost.
    """
    target = ledger.name(session, table)
    held = {row[0] for row in session.execute(f"SELECT DISTINCT {PARTITION} FROM {target}")}
    lost = sorted(held - partitions)
    if lost:
        named = f"{', '.join(lost[:NAMED])}{', ...' if len(lost) > NAMED else ''}"
        raise IncompatibleTable(
            f"{table}: the type of a column can only change for all partitions at once, and "
            f"{counted(len(lost), 'partition')} cannot be published under the new one: {named}. Nothing was published. "
            "Mend them, or delete their rows from the table, then run it again"
        )
    session.execute(f"DROP TABLE {target}")
    session.ensure_table(table, columns)
    failpoint("publish.made_anew")
