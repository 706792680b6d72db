"""The view of a table in which classified columns are masked: texts are `***`, all else is null, nulls stay null."""

from __future__ import annotations

from collections.abc import Callable

from platform_assets.access.model import GovernedColumn, GovernedTable
from platform_assets.access.plan import AccessRefused
from platform_assets.sql.dialects import Dialect
from platform_assets.sql.identifiers import quoted, quoted_path
from platform_assets.sql.literals import literal
from platform_assets.warehouse.protocol import TableName

STARS = "***"


def masked_query(table: GovernedTable, dialect: Dialect, in_clear: Callable[[GovernedColumn], str | None]) -> str:
    """The query of the view. ``in_clear`` gives the condition under which a reader sees a column; None for never."""
    columns = ", ".join(_column(column, dialect, in_clear) for column in table.columns)
    return f"SELECT {columns} FROM {quoted_path(table.name.schema, table.name.name, dialect=dialect)}"


def refuse_foreign_view(view: TableName) -> AccessRefused:
    """The error for a table or view that stands where a masked view is to be, and was not made here."""
    return AccessRefused(
        f"{view} is there, and was not made by `platform-assets warehouse apply`: rename or drop it, then run again. "
        "Nothing was changed."
    )


def _column(column: GovernedColumn, dialect: Dialect, in_clear: Callable[[GovernedColumn], str | None]) -> str:
    name = quoted(column.name, dialect)
    if not column.is_masked:
        return name
    condition = in_clear(column)
    clear = f"WHEN {condition} THEN {name} " if condition else ""
    if column.type == "VARCHAR":
        return f"CASE {clear}WHEN {name} IS NOT NULL THEN {literal(STARS, dialect)} END AS {name}"
    # of the column's own type, whatever that becomes
    return f"CASE {clear or f'WHEN false THEN {name} '}END AS {name}"
