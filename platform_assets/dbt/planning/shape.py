"""What the SQL of a model makes: which rows there are, and each column's expression, as texts that can be compared.

A column of a subquery or of a common table expression is followed to the tables upstream, so it does not matter how
these are named or nested. What decides which rows there are (tables, joins, filters, grouping, limits) is kept apart
from the columns. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from platform_assets.dbt.lineage import qualified_tree
from platform_assets.dbt.planning.rows import ScopeReader, Shape
from platform_assets.warehouse.protocol import ColumnDef, TableName

EPHEMERAL = "__dbt__cte__"
EPHEMERAL_SCHEMA = "__dbt__ephemeral"
"""dbt puts an ephemeral model into the SQL as a CTE of this prefix; it is taken for a table of this schema."""


class UnreadableSql(ValueError):
    """SQL of which it cannot be told by column what it makes."""


def shape_of(sql: str, *, dialect: str, nodes: Mapping[TableName, str], upstream: Mapping[str, Sequence[str]]) -> Shape:
    """The shape of a compiled model. ``nodes`` are unique ids by table, ``upstream`` the known columns by unique id.

    Raises:
        UnreadableSql: if sqlglot cannot read it, or it has a part that is not followed.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError
    from sqlglot.optimizer.scope import build_scope

    names = {(table.schema.lower(), table.name.lower()): node for table, node in nodes.items()}
    known = {
        table: [ColumnDef(column, "VARCHAR") for column in upstream[node]]
        for table, node in nodes.items()
        if upstream.get(node)
    }
    try:
        tree = _without_ephemeral(sqlglot.parse_one(sql, dialect=dialect))
        qualified, _ = qualified_tree(tree, dialect=dialect, upstream=known)
        scope = None if tree.find(exp.Pivot) else build_scope(qualified)
        shape = ScopeReader(scope, names, upstream, dialect).shape() if scope is not None else None
    except (SqlglotError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        # what sqlglot raises on SQL that it does not know well
        raise UnreadableSql(" ".join(str(error).split())[:200]) from error
    if shape is None or not shape.columns:
        raise UnreadableSql("it is no select, or has a pivot")
    return shape


def _without_ephemeral(tree: Any) -> Any:
    from sqlglot import exp

    found = tree.args.get("with_")
    if found is not None:
        left = [cte for cte in found.expressions if not cte.alias.startswith(EPHEMERAL)]
        if left:
            found.set("expressions", left)
        else:
            tree.set("with_", None)
    for table in tree.find_all(exp.Table):
        if table.name.startswith(EPHEMERAL) and not table.db:
            table.set("db", exp.to_identifier(EPHEMERAL_SCHEMA))
    return tree
