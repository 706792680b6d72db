"""Which rows the scopes of a query have: its tables, joins, filters, grouping and limits. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from platform_assets.dbt.planning.canonical import canonical, short
from platform_assets.dbt.planning.scopes import Column, Rows, Scopes, Source

_NAMES = {
    "from_": "tables", "joins": "join", "where": "filter", "having": "filter", "qualify": "filter", "group": "grouping",
    "offset": "limit", "laterals": "join",
}  # fmt: skip
"""Kinds of clauses, by sqlglot's words, where they differ."""
_OF_COLUMNS = {"expressions", "windows", "with_", "order", "kind", "hint"}
"""Parts of a query that say nothing of its rows, or are read with the columns."""


@dataclass(frozen=True)
class Shape:
    """What a query makes. ``rows`` is equal for equal rows, ``clauses`` counts what decides about them, by kind.

    ``row_sources`` are the columns upstream that decide which rows there are, ``tables`` the nodes that are read.
    """

    columns: Mapping[str, Column]
    rows: str
    clauses: Mapping[str, Counter[str]]
    row_sources: frozenset[Source]
    tables: frozenset[str]


@dataclass
class ScopeReader(Scopes):
    """Reads the rows of each scope; ``clauses`` counts what it has met, by kind."""

    clauses: dict[str, Counter[str]] = field(default_factory=dict)
    _rows: dict[int, Rows] = field(default_factory=dict)
    _under_way: set[int] = field(default_factory=set)

    def shape(self) -> Shape:
        rows, columns = self.rows(self.root), self.columns(self.root)
        return Shape(columns, rows.identity, self.clauses, rows.sources, frozenset(self.tables))

    def rows(self, scope: Any) -> Rows:
        """The rows of a scope, or of a table."""
        key = id(scope)
        if key not in self._rows:
            if key in self._under_way:
                return Rows("recursive", frozenset())
            self._under_way.add(key)
            self._rows[key] = self._rows_of(scope)
            self._under_way.discard(key)
        return self._rows[key]

    def _rows_of(self, scope: Any) -> Rows:
        from sqlglot import exp

        if isinstance(scope, exp.Table):
            return Rows(self.table(scope), frozenset())
        expression = scope.expression
        if isinstance(expression, exp.SetOperation):
            return self._rows_of_union(scope, expression)
        if not isinstance(expression, exp.Select):
            text, sources = self.text(expression, scope)
            return Rows(text, sources)
        return self._rows_of_select(scope, expression)

    def _rows_of_union(self, scope: Any, expression: Any) -> Rows:
        from sqlglot import exp

        parts = [self.rows(part) for part in scope.union_scopes]
        sources = frozenset().union(*(part.sources for part in parts))
        word = f"{type(expression).__name__} {bool(expression.args.get('distinct'))} {expression.args.get('by_name')}"
        texts = [word, *(part.identity for part in parts)]
        self._count("set operation", word)
        if expression.args.get("distinct") or not isinstance(expression, exp.Union):
            # which rows are equal depends on every column
            for column in self.columns(scope).values():
                texts.append(column.text)
                sources |= column.sources
        for clause in ("limit", "offset"):
            if expression.args.get(clause) is not None:
                texts.append(self.text(expression.args[clause], scope)[0])
                self._count("limit", texts[-1])
        return Rows(short(*texts), sources)

    def _rows_of_select(self, scope: Any, select: Any) -> Rows:
        from sqlglot import exp

        texts, sources = [], frozenset[Source]()
        for name, (_, source) in sorted(scope.selected_sources.items()):
            texts.append(f"source {self.place(scope, name)}")
            sources |= self.rows(source).sources
        simple = len(texts) == 1
        filters: set[str] = set()
        for clause, value in sorted(select.args.items()):
            if clause in _OF_COLUMNS or not value:
                continue
            for each in value if isinstance(value, list) else [value]:
                counted = self._keys(scope, each) if clause == "group" else [each]
                for part in counted:
                    self._count_clause(clause, part)
                if clause == "from_":
                    continue
                text, found = self._clause(scope, clause, each)
                sources |= found
                texts.append(f"{clause} {text}")
                if clause == "where":
                    parts = each.this.flatten() if isinstance(each.this, exp.And) else [each.this]
                    filters = {self.text(part, scope)[0] for part in parts}
                else:
                    simple = False
        for text, found in self._rows_by_columns(scope, select):
            texts.append(text)
            sources |= found
            simple = False
        if not simple or any(projection.find(exp.Window) for projection in select.expressions):
            return Rows(short(*texts), sources)
        below = self.rows(next(iter(scope.selected_sources.values()))[1])
        base, everything = below.base or below.identity, below.filters | filters
        if not everything:
            return Rows(base, sources, base)
        return Rows(short("filtered", base, *sorted(everything)), sources, base, everything)

    def _clause(self, scope: Any, clause: str, node: Any) -> tuple[str, frozenset[Source]]:

        if clause == "joins":
            # a join is inner if it says nothing else, and every side is an outer one
            said = [str(node.args.get(word) or "") for word in ("method", "side", "kind")]
            words = [word for word in said if word and word not in ("INNER", "OUTER")]
            on, sources = self.text(node.args["on"], scope) if node.args.get("on") is not None else ("", frozenset())
            return f"{' '.join(words)} {self.place(scope, node.alias_or_name)} {on}", sources
        if clause == "group":
            texts, sources = [], frozenset[Source]()
            for key in self._keys(scope, node):
                text, found = self.text(key, scope)
                texts.append(text)
                sources |= found
            more = [
                self.text(each, scope)[0]
                for name, value in sorted(node.args.items())
                if name not in ("expressions", "all") and value
                for each in (value if isinstance(value, list) else [value])
            ]
            return ", ".join([*sorted(set(texts)), *more]), sources
        return self.text(node, scope)

    def _keys(self, scope: Any, group: Any) -> list[Any]:
        """What is grouped by: of GROUP BY ALL the columns that aggregate nothing."""
        from sqlglot import exp

        if not group.args.get("all"):
            return list(group.expressions)
        return [each for each in scope.expression.expressions if not each.find(exp.AggFunc)]

    def _rows_by_columns(self, scope: Any, select: Any) -> list[tuple[str, frozenset[Source]]]:
        """What the select list says of the rows: that there is one of them, or a list is unfolded, or copies go."""
        from sqlglot import exp

        found: list[tuple[str, frozenset[Source]]] = []
        unfolding = (exp.UDTF, exp.Explode, exp.GenerateSeries)
        for projection in select.expressions:
            if projection.find(*unfolding):
                found.append(self.text(projection, scope))
            aggregates = [each for each in projection.find_all(exp.AggFunc) if not each.find_ancestor(exp.Window)]
            if aggregates and not select.args.get("group") and ("aggregated", frozenset()) not in found:
                found.append(("aggregated", frozenset()))
        distinct = select.args.get("distinct")
        if distinct:
            found += [(column.text, column.sources) for column in self.columns(scope).values()]
        by_order = any(select.args.get(word) for word in ("limit", "offset")) or (distinct and distinct.args.get("on"))
        if by_order and select.args.get("order"):
            found.append(self.text(select.args["order"], scope))
        return found

    def _count_clause(self, clause: str, node: Any) -> None:
        from sqlglot import exp

        def special(part: Any) -> str | None:
            if isinstance(part, exp.Column):
                return str(part.name.lower())
            if isinstance(part, exp.Table):
                return self.table(part)
            return "query" if isinstance(part, exp.Query) else None

        self._count(_NAMES.get(clause, clause), canonical(node, special))

    def _count(self, kind: str, text: str) -> None:
        self.clauses.setdefault(kind, Counter())[text] += 1
