"""The scopes of a query, and what their columns are made from, down to the tables upstream. Pure.

Which rows a scope has is in ``rows``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from platform_assets.dbt.planning.canonical import canonical, short

Source = tuple[str, str]
"""A column upstream: the unique id of the node, and the column's name in lower case, or EVERY."""

EVERY = "*"
"""All columns of a table whose columns are not known."""


@dataclass(frozen=True)
class Column:
    """One column of a result: its canonical text, the columns upstream that it is made from, and its SQL to show."""

    text: str
    sources: frozenset[Source]
    sql: str


@dataclass
class Rows:
    """Which rows a part of a query has. ``base`` and ``filters`` are of one that only filters another."""

    identity: str
    sources: frozenset[Source]
    base: str = ""
    filters: frozenset[str] = frozenset()


@dataclass
class Scopes(ABC):
    """The scopes of one query. ``names`` are unique ids of nodes by schema and name of their tables, lower case."""

    root: Any
    names: Mapping[tuple[str, str], str]
    upstream: Mapping[str, Sequence[str]]
    dialect: str
    tables: set[str] = field(default_factory=set)
    _columns: dict[int, dict[str, Column]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.of_expression = {id(scope.expression): scope for scope in self.root.traverse()}

    @abstractmethod
    def rows(self, scope: Any) -> Rows:
        """The rows of a scope, or of a table."""

    def columns(self, scope: Any) -> dict[str, Column]:
        """The columns of a scope by name, in their order."""
        from sqlglot import exp

        key = id(scope)
        if key not in self._columns:
            self._columns[key] = {}
            if isinstance(scope.expression, exp.SetOperation):
                self._columns[key] = self._columns_of_union(scope)
            elif isinstance(scope.expression, exp.Select):
                self._columns[key] = {
                    name: column for each in scope.expression.expressions for name, column in self._column(scope, each)
                }
        return self._columns[key]

    def _columns_of_union(self, scope: Any) -> dict[str, Column]:
        left, right = (self.columns(part) for part in scope.union_scopes)
        by_name = scope.expression.args.get("by_name")
        others = right if by_name else dict(zip(left, right.values(), strict=False))
        found = {
            name: Column(
                short(column.text, others[name].text) if name in others else column.text,
                column.sources | (others[name].sources if name in others else frozenset()),
                column.sql,
            )
            for name, column in left.items()
        }
        return {**found, **{name: column for name, column in right.items() if by_name and name not in found}}

    def _column(self, scope: Any, projection: Any) -> list[tuple[str, Column]]:
        from sqlglot import exp

        text, sources = self.text(projection, scope)
        if projection.is_star:
            sources |= {source for name in scope.selected_sources for source in self.of_source(scope, name, EVERY)[1]}
            text += " ".join(sorted(f"{node}.{column}" for node, column in sources))
            return [(EVERY, Column(text, sources, "*"))]
        inner = projection.this if isinstance(projection, exp.Alias) else projection
        windows = {window.name.lower(): window for window in scope.expression.args.get("windows") or ()}
        for window in inner.find_all(exp.Window):
            if window.alias.lower() in windows:
                more, found = self.text(windows[window.alias.lower()], scope)
                text, sources = short(text, more), sources | found
        shown = _unqualified(inner).sql(dialect=self.dialect, comments=False)
        return [(projection.alias_or_name.lower(), Column(text, sources, shown))]

    def text(self, node: Any, scope: Any) -> tuple[str, frozenset[Source]]:
        """The canonical text of an expression within a scope, and the columns upstream that it reads."""
        from sqlglot import exp

        sources: set[Source] = set()

        def special(part: Any) -> str | None:
            if isinstance(part, exp.Column) and not isinstance(part.this, exp.Star):
                text, found = self.reference(scope, part)
                sources.update(found)
                return text
            inner = part.unnest() if isinstance(part, exp.Subquery) else part
            below = self.of_expression.get(id(inner)) if isinstance(inner, exp.Query) else None
            if below is not None and below is not scope:
                rows, columns = self.rows(below), self.columns(below).values()
                sources.update(rows.sources, *(column.sources for column in columns))
                return short("query", rows.identity, *(column.text for column in columns))
            return self.table(part) if isinstance(part, exp.Table) else None

        text = canonical(node, special)
        return (text if isinstance(node.unalias(), exp.Column) else short(text)), frozenset(sources)

    def reference(self, scope: Any, column: Any) -> tuple[str, frozenset[Source]]:
        """A column as it is named within a scope, followed to the tables upstream."""
        name, table = column.name.lower(), column.table
        if not table:
            unknown = [each for each in scope.selected_sources if not self._knows_columns(scope, each)]
            found = [source for each in unknown for source in self.of_source(scope, each, name)[1]]
            return f"?.{name}", frozenset(found)
        if table in scope.selected_sources:
            text, sources = self.of_source(scope, table, name)
            return (text if len(scope.selected_sources) == 1 else f"{self.place(scope, table)}.{text}"), sources
        if scope.parent is not None:
            text, sources = self.reference(scope.parent, column)
            return f"outer {text}", sources
        return f"{table}.{name}", frozenset()

    def of_source(self, scope: Any, alias: str, name: str) -> tuple[str, frozenset[Source]]:
        """The column ``name`` of one source of a scope, without saying of which."""
        from sqlglot import exp

        source = scope.selected_sources[alias][1]
        if isinstance(source, exp.Table):
            node = self.table(source)
            return name, frozenset({(node, name)}) if node in self.tables else frozenset()
        if not isinstance(source.expression, exp.Query):
            return name, self.rows(source).sources
        columns = self.columns(source)
        found = columns.get(name) or columns.get(EVERY)
        if found is None:
            return name, frozenset()
        if name not in columns:
            # of a table whose columns are not known
            return name, frozenset((node, name if column == EVERY else column) for node, column in found.sources)
        return found.text, found.sources

    def place(self, scope: Any, alias: str) -> str:
        """Which source of a scope an alias stands for: the rows it has, and a number where others have the same."""
        identity = self.rows(scope.selected_sources[alias][1]).identity if alias in scope.selected_sources else alias
        same = [
            other for other, (_, source) in scope.selected_sources.items() if self.rows(source).identity == identity
        ]
        number = same.index(alias) if alias in same else 0
        return f"{identity}#{number}" if number else identity

    def table(self, table: Any) -> str:
        """The unique id of a table that is a node; its own name, or the text of a function, otherwise."""
        from sqlglot import exp

        node = self.names.get((table.db.lower(), table.name.lower()))
        if node is not None:
            self.tables.add(node)
            return node
        if isinstance(table.this, exp.Identifier):
            return f"{table.db}.{table.name}".lower()
        return canonical(table.this, lambda _: None)

    def _knows_columns(self, scope: Any, alias: str) -> bool:
        from sqlglot import exp

        source = scope.selected_sources[alias][1]
        return not isinstance(source, exp.Table) or bool(self.upstream.get(self.table(source)))


def _unqualified(expression: Any) -> Any:
    """A copy without the names of tables, to be shown."""
    from sqlglot import exp

    shown = expression.copy()
    for column in shown.find_all(exp.Column):
        column.set("table", None)
    return shown
