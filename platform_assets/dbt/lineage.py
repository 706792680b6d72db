"""Which upstream columns each column of a model is made from, read off its compiled SQL. Pure but for the cache.

sqlglot takes tens of milliseconds a model, so a result is kept in the target folder until the project or the columns
upstream change. What is not in the SQL (filters, join keys) is no lineage of a column.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from platform_assets.lake.layout import write_durably
from platform_assets.logs import logger
from platform_assets.warehouse.protocol import ColumnDef, TableName

log = logger(__name__)

Lineage = dict[str, list[tuple[TableName, str]]]
"""Column -> the columns of upstream tables that its values come from, in order."""


def column_lineage(sql: str, *, dialect: str, upstream: Mapping[TableName, Sequence[ColumnDef]]) -> Lineage:
    """The lineage of each column that ``sql`` selects; names are lower case, unquoted.

    Raises:
        sqlglot.errors.SqlglotError: if sqlglot cannot read the SQL, or a column cannot be told from another.
    """
    found = _leaves(sql, dialect, upstream)
    return {column: sorted({leaf for leaf in leaves if leaf is not None}, key=str) for column, leaves in found.items()}


def whole_lineage(sql: str, *, dialect: str, upstream: Mapping[TableName, Sequence[ColumnDef]]) -> dict[str, Any]:
    """As :func:`column_lineage`, with None for a column of which some value may come from elsewhere.

    An empty list stands for a column that is made of no other, such as `count(*)`.
    """
    found = _leaves(sql, dialect, upstream)
    return {column: None if None in leaves else sorted(leaves, key=str) for column, leaves in found.items()}


def _leaves(
    sql: str, dialect: str, upstream: Mapping[TableName, Sequence[ColumnDef]]
) -> dict[str, set[tuple[TableName, str] | None]]:
    """What each column of a query is made of; None among it for what is no column of a table ``upstream``."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.lineage import lineage
    from sqlglot.optimizer.scope import build_scope

    names = {(table.schema.lower(), table.name.lower()): table for table in upstream}
    qualified, schema = qualified_tree(sqlglot.parse_one(sql, dialect=dialect), dialect=dialect, upstream=upstream)
    scope = build_scope(qualified)
    found: dict[str, set[tuple[TableName, str] | None]] = {}
    for column in qualified.named_selects:
        leaves = found.setdefault(column.lower(), set())
        for step in lineage(column, qualified, schema=schema, dialect=dialect, scope=scope).walk():
            if step.downstream:
                continue
            leaf = step.expression.find(exp.Table)
            known = names.get((leaf.db.lower(), leaf.name.lower())) if leaf is not None else None
            if known is not None:
                leaves.add((known, exp.to_column(step.name).name.lower()))
            elif not _is_of_no_column(step.expression):
                leaves.add(None)
    return found


def _is_of_no_column(expression: Any) -> bool:
    """Whether it is a plain value or a count of rows."""
    from sqlglot import exp

    value = expression.this if isinstance(expression, exp.Alias) else expression
    value = value.this if isinstance(value, exp.Cast) else value
    counts_rows = isinstance(value, exp.Count) and isinstance(value.this, exp.Star)
    return counts_rows or isinstance(value, (exp.Literal, exp.Boolean, exp.Null))


def qualified_tree(tree: Any, *, dialect: str, upstream: Mapping[TableName, Sequence[ColumnDef]]) -> tuple[Any, Any]:
    """A parsed query with every column named by its table, and sqlglot's schema of ``upstream``; ``tree`` is changed.

    Raises:
        sqlglot.errors.SqlglotError: if a column cannot be told from another.
    """
    from sqlglot import exp
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.schema import MappingSchema

    for node in tree.find_all(exp.Table):
        node.set("catalog", None)  # the file's name in DuckDB: the same table may be reached with and without it
    schema = MappingSchema(dialect=dialect)
    for table, columns in upstream.items():
        types = {column.name.lower(): column.type for column in columns}
        schema.add_table(exp.table_(table.name.lower(), db=table.schema.lower()), types, dialect=dialect)
    return qualify(tree, dialect=dialect, schema=schema, validate_qualify_columns=False, identify=False), schema


def cached_lineage(
    folder: Path,
    unique_id: str,
    sql: str,
    *,
    fingerprint: str,
    dialect: str,
    upstream: Mapping[TableName, Sequence[ColumnDef]],
) -> Lineage | None:
    """:func:`column_lineage`, kept in ``folder`` while ``fingerprint`` and ``upstream`` stay; None if it is not known.

    The fingerprint is the project's: the compiled SQL itself names the partitions of the run, and lineage does not
    depend on them.
    """
    from sqlglot.errors import SqlglotError

    columns = {str(table): [(c.name, c.type) for c in upstream[table]] for table in sorted(upstream, key=str)}
    key = hashlib.sha256(json.dumps([fingerprint, dialect, columns]).encode()).hexdigest()
    path = folder / f"{unique_id}.json"
    with contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        # a file that a power cut has emptied, or that another version wrote, is as good as none
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["key"] == key:
            return _read(kept["columns"])
    try:
        found: Lineage | None = column_lineage(sql, dialect=dialect, upstream=upstream)
    except (SqlglotError, ValueError, AttributeError, RecursionError) as error:
        # what sqlglot raises on SQL that it does not know well
        log.warning("%s: its column lineage is not known: %s", unique_id, " ".join(str(error).split())[:200])
        found = None
    folder.mkdir(parents=True, exist_ok=True)
    write_durably(path, json.dumps({"key": key, "columns": _written(found)}).encode())
    return found


def _written(lineage: Lineage | None) -> Any:
    if lineage is None:
        return None
    return {column: [[t.schema, t.name, name] for t, name in sources] for column, sources in lineage.items()}


def _read(columns: Any) -> Lineage | None:
    if columns is None:
        return None
    return {c: [(TableName(schema, name), column) for schema, name, column in found] for c, found in columns.items()}
