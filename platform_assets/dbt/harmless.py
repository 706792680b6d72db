"""Which columns of a query may be shown: those made of columns that somebody has said to be no personal data.

A column of a model is followed through the SQL of the models to the raw tables. What cannot be followed, and what
nobody has said anything of, is not shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from platform_assets.dbt.lineage import whole_lineage
from platform_assets.warehouse.protocol import ColumnDef, TableName

Said = Callable[[TableName, str], bool | None]
"""Whether a column is harmless; None where the SQL of its table has to tell. Names of columns are in lower case."""


@dataclass(frozen=True)
class Sample:
    """The first failing rows of a test; ``left_out`` are the columns that are personal or not known to be harmless."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    left_out: tuple[str, ...]


class HarmlessColumns:
    """The answer for queries over ``tables``, whose columns are given; ``sql`` is that of the models among them."""

    def __init__(
        self,
        dialect: str,
        tables: Mapping[TableName, Sequence[ColumnDef]],
        sql: Mapping[TableName, str],
        said: Said,
    ) -> None:
        self._dialect, self._tables, self._sql, self._said = dialect, tables, sql, said
        self._known: dict[TableName, dict[str, bool]] = {}

    def of_query(self, sql: str) -> dict[str, bool]:
        """Each column that ``sql`` selects, in lower case, with whether it is harmless; empty if that is not known."""
        from sqlglot.errors import SqlglotError

        try:
            found = whole_lineage(sql, dialect=self._dialect, upstream=self._tables)
        except (SqlglotError, ValueError, AttributeError, RecursionError):
            # what sqlglot raises on SQL that it does not know well
            return {}
        return {
            column: sources is not None and all(self._is_harmless(table, name) for table, name in sources)
            for column, sources in found.items()
            if column != "*"
        }

    def _is_harmless(self, table: TableName, column: str) -> bool:
        said = self._said(table, column)
        if said is not None:
            return said
        if table not in self._known:
            self._known[table] = {}  # a model that reads itself tells nothing
            self._known[table] = self.of_query(self._sql[table]) if table in self._sql else {}
        return self._known[table].get(column, False)
