"""The plan for DuckDB: masked views and comments. It has no roles: who can read its files reads all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from platform_assets.access.comments import comment_changes
from platform_assets.access.masked_views import masked_query, refuse_foreign_view
from platform_assets.access.model import Wanted
from platform_assets.access.plan import Change, Engine, Item, Made, Plan, Sign, listed
from platform_assets.sql.dialects import Dialect
from platform_assets.warehouse.protocol import Session, TableName

_RELATIONS = """
SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal AND database_name = current_database()
UNION ALL SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = current_database()
"""
_COMMENTS = """
SELECT schema_name, table_name, coalesce(comment, '') FROM duckdb_tables() WHERE database_name = current_database()
"""


def plan(session: Session, wanted: Wanted, record: dict[Item, Made]) -> Plan:
    """What has to be done; nothing is changed. Raises ``AccessRefused`` for a view of somebody else."""
    there = {Item("view", schema=schema, table=name) for schema, name in session.execute(_RELATIONS)}
    views = {
        Item("view", schema=t.masked_name.schema, table=t.masked_name.name): masked_query(
            t, Dialect.DUCKDB, lambda _: None
        )
        for t in wanted.tables
        if t.is_masked
    }
    for item in views:
        if item in there and item not in record:
            raise refuse_foreign_view(TableName(item.schema, item.table))
    gone = {item for item in record if item.kind == "view" and item not in views and item in there}
    comments = {TableName(schema, table): text for schema, table, text in session.execute(_COMMENTS)}
    changes = [
        *(Change(Sign.REMOVE, f"DROP VIEW {session.quote(item.schema, item.table)}") for item in sorted(gone)),
        *_views(session, wanted, views, there, record),
        *comment_changes(session, wanted, comments),
    ]
    roles = listed([role.name for role in wanted.roles])
    note = (
        f"DuckDB has no roles: whoever can read its file reads all columns. Grants are not carried out ({roles}); the "
        "masked views and the comments are"
    )
    return Plan(tuple(changes), {item: Made(query) for item, query in views.items()}, (*wanted.notes, note))


def _views(
    session: Session, wanted: Wanted, views: Mapping[Item, str], there: set[Item], record: Mapping[Item, Made]
) -> Iterator[Change]:
    stale = sorted(item for item, query in views.items() if item not in there or record[item].definition != query)
    for schema in sorted({item.schema for item in stale} - wanted.schemas):
        yield Change(Sign.ADD, f"CREATE SCHEMA {session.quote(schema)}")
    for item in stale:
        sign = Sign.CHANGE if item in there else Sign.ADD
        yield Change(sign, f"CREATE OR REPLACE VIEW {session.quote(item.schema, item.table)} AS {views[item]}")


DUCKDB = Engine(plan)
