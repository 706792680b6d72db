"""Tables of a Snowflake warehouse: described, made, changed.

Each statement that changes a table is one of its own, and commits. All of them may be carried out twice, by two
sessions at once too: the second one finds what the first one made.
"""

from __future__ import annotations

from collections.abc import Sequence

from platform_assets.warehouse.errors import IncompatibleTable, SessionMisused, StatementFailed
from platform_assets.warehouse.protocol import ColumnDef, TableName
from platform_assets.warehouse.schema import TableChange, plan_change
from platform_assets.warehouse.snowflake.statements import Statements
from platform_assets.warehouse.snowflake.types import type_of, word_of


def described(session: Statements, table: TableName) -> tuple[ColumnDef, ...] | None:
    """The columns of a table or view with their descriptions, in order; None when there is none."""
    rows = session.execute(
        "SELECT column_name, data_type, numeric_precision, numeric_scale, comment FROM information_schema.columns "
        "WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position",
        [table.schema, table.name],
    )
    return tuple(
        ColumnDef(name, word_of(f"{kind}({precision},{scale})" if kind == "NUMBER" else kind), comment or "")
        for name, kind, precision, scale, comment in rows
    ) or None  # fmt: skip


def columns_of(session: Statements, table: TableName) -> tuple[ColumnDef, ...] | None:
    """As :func:`described`, without descriptions, and quicker."""
    try:
        rows = session.execute(f"DESCRIBE TABLE {session.quote(table.schema, table.name)}")
    except StatementFailed:
        return None
    return tuple(ColumnDef(row[0], word_of(row[1])) for row in rows) or None


def ensure_table(session: Statements, table: TableName, columns: Sequence[ColumnDef]) -> None:
    """See ``Session.ensure_table``."""
    wanted = [ColumnDef(c.name, word_of(type_of(c.type)), c.description) for c in columns]
    existing = described(session, table)
    if existing is None:
        _change(session, f"CREATE SCHEMA IF NOT EXISTS {session.quote(table.schema)}")
        body = ", ".join(_definition(session, column) for column in columns)
        _change(session, f"CREATE TABLE IF NOT EXISTS {session.quote(table.schema, table.name)} ({body})")
        existing = described(session, table) or ()
    _alter(session, table, plan_change(table, existing, wanted), existing)
    _comment(session, table, wanted, existing)


def replace_table(session: Statements, table: TableName, by: TableName) -> None:
    """Give each of two tables the other's name, in one statement; then drop the old one."""
    name, other = session.quote(table.schema, table.name), session.quote(by.schema, by.name)
    session.execute(f"ALTER TABLE {name} SWAP WITH {other}")
    session.execute(f"DROP TABLE {other}")


def _change(session: Statements, statement: str) -> None:
    if session.in_transaction:
        raise SessionMisused("what makes or changes a table would commit the transaction")
    session.execute(statement)


def _definition(session: Statements, column: ColumnDef) -> str:
    comment = f" COMMENT {session.text(column.description)}" if column.description else ""
    return f"{session.quote(column.name)} {type_of(column.type)}{comment}"


def _alter(session: Statements, table: TableName, change: TableChange, existing: Sequence[ColumnDef]) -> None:
    target, present = session.quote(table.schema, table.name), {column.name: column.type for column in existing}
    for column in change.widened:
        if _places(present.get(column.name, "")) != _places(column.type):
            raise IncompatibleTable(
                f"{table}: {column.name} is {present.get(column.name)} there, {column.type} is asked for. Snowflake "
                "widens no number to other decimal places: `platform-assets reload` makes a feed's table anew."
            )
    for column in change.added:
        _change(session, f"ALTER TABLE {target} ADD COLUMN IF NOT EXISTS {_definition(session, column)}")
    for column in change.widened:
        name = session.quote(column.name)
        _change(session, f"ALTER TABLE {target} ALTER COLUMN {name} SET DATA TYPE {type_of(column.type)}")


def _places(word: str) -> str:
    """The decimal places of a number's type."""
    kind = type_of(word) if word else ""
    return kind.rpartition(",")[2] if kind.startswith("NUMBER") else ""


def _comment(session: Statements, table: TableName, wanted: Sequence[ColumnDef], existing: Sequence[ColumnDef]) -> None:
    said = {column.name.lower(): column.description for column in existing}
    for column in wanted:
        if column.name.lower() in said and column.description != said[column.name.lower()]:
            name = session.quote(table.schema, table.name, column.name)
            _change(session, f"COMMENT ON COLUMN {name} IS {session.text(column.description)}")
