"""Descriptions of contracts as comments of tables and columns; those that are there already cost no statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from platform_assets.access.model import GovernedTable, Wanted
from platform_assets.access.plan import Change, Sign
from platform_assets.sql.literals import literal
from platform_assets.warehouse.protocol import Session, TableName


def comment_changes(session: Session, wanted: Wanted, comments: Mapping[TableName, str]) -> Iterator[Change]:
    """The comments that differ; ``comments`` are those that tables have now."""
    for table in wanted.tables:
        if table.has_contract:
            yield from _of_table(session, table, comments.get(table.name, ""))


def _of_table(session: Session, table: GovernedTable, now: str) -> Iterator[Change]:
    target = session.quote(table.name.schema, table.name.name)
    if table.description and table.description != now:
        yield Change(_sign(now), f"COMMENT ON TABLE {target} IS {literal(table.description, session.dialect)}")
    for column in table.columns:
        if column.description is not None and column.description != column.comment:
            text = literal(column.description, session.dialect)
            yield Change(_sign(column.comment), f"COMMENT ON COLUMN {target}.{session.quote(column.name)} IS {text}")


def _sign(now: str) -> Sign:
    return Sign.CHANGE if now else Sign.ADD
