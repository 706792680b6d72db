"""What PostgreSQL's catalog says: roles, grants by the owners of objects, masked views, comments."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from platform_assets.access.model import Wanted
from platform_assets.access.plan import Item, Made
from platform_assets.sql.literals import literal
from platform_assets.warehouse.protocol import Session, TableName

AT_ONCE = 1000
"""Columns that one statement asks about."""
_GRANTS = """
SELECT 'schema', r.rolname, n.nspname, '', '', a.privilege_type
FROM pg_catalog.pg_namespace AS n, aclexplode(n.nspacl) AS a, pg_catalog.pg_roles AS r
WHERE r.oid = a.grantee AND a.grantor = n.nspowner AND r.rolname IN ({roles})
UNION ALL
SELECT 'table', r.rolname, n.nspname, c.relname, '', a.privilege_type
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace, aclexplode(c.relacl) AS a,
    pg_catalog.pg_roles AS r
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND r.oid = a.grantee AND a.grantor = c.relowner AND r.rolname IN ({roles})
UNION ALL
SELECT 'column', r.rolname, n.nspname, c.relname, t.attname, a.privilege_type
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute AS t ON t.attrelid = c.oid, aclexplode(t.attacl) AS a, pg_catalog.pg_roles AS r
WHERE NOT t.attisdropped AND r.oid = a.grantee AND a.grantor = c.relowner AND r.rolname IN ({roles})
UNION ALL
SELECT 'default', r.rolname, n.nspname, '', '', a.privilege_type
FROM pg_catalog.pg_default_acl AS d JOIN pg_catalog.pg_namespace AS n ON n.oid = d.defaclnamespace,
    aclexplode(d.defaclacl) AS a, pg_catalog.pg_roles AS r
WHERE d.defaclobjtype = 'r' AND d.defaclrole = CAST(current_user AS regrole) AND r.oid = a.grantee
    AND r.rolname IN ({roles})
"""
_VIEWS = """
SELECT n.nspname, c.relname, c.relkind = 'v', CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) ELSE '' END
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ({schemas}) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""
_COMMENTS = """
SELECT n.nspname, c.relname, coalesce(obj_description(c.oid, 'pg_class'), '')
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ({schemas})
"""


@dataclass(frozen=True)
class Catalog:
    """``roles`` are those that exist, each with whether it is a superuser. ``views`` have the text of their query, or
    None for a relation that is no view."""

    roles: Mapping[str, bool]
    grants: frozenset[Item]
    views: Mapping[Item, str | None]
    comments: Mapping[TableName, str]


def read_catalog(session: Session, wanted: Wanted, record: Mapping[Item, Made]) -> Catalog:
    """What is there of all that is wanted or recorded."""
    roles = {role.name for role in wanted.roles} | {item.role for item in record if item.role}
    masked = {t.masked_name.schema for t in wanted.tables} | {item.schema for item in record if item.kind == "view"}
    comments = session.execute(_COMMENTS.format(schemas=_texts(session, {t.name.schema for t in wanted.tables})))
    grants = {Item(*row) for row in session.execute(_GRANTS.format(roles=_texts(session, roles)))}
    there = dict(
        session.execute(
            f"SELECT rolname, rolsuper FROM pg_catalog.pg_roles WHERE rolname IN ({_texts(session, roles)})"
        )
    )
    return Catalog(
        there,
        frozenset(grants | {Item("role", role) for role in there}),
        _views(session, masked),
        {TableName(schema, table): text for schema, table, text in comments},
    )


def with_views(session: Session, record: dict[Item, Made]) -> dict[Item, Made]:
    """The record with the queries of its views as the catalog has them."""
    views = _views(session, {item.schema for item in record if item.kind == "view"})
    return {
        item: Made(made.definition, views.get(item) or "") if item.kind == "view" else made
        for item, made in record.items()
    }


_GRANTED = """
SELECT r.rolname, k.s, k.t, k.c FROM (VALUES {values}) AS k(s, t, c)
JOIN pg_catalog.pg_class AS o ON o.oid = CAST(format('%I.%I', k.s, k.t) AS regclass)
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = o.oid AND a.attname = k.c
CROSS JOIN LATERAL (
    SELECT grantee FROM aclexplode(o.relacl) WHERE privilege_type = 'SELECT'
    UNION SELECT grantee FROM aclexplode(a.attacl) WHERE privilege_type = 'SELECT'
) AS g
JOIN pg_catalog.pg_roles AS r ON r.oid = g.grantee
WHERE r.oid <> o.relowner AND NOT r.rolsuper AND r.rolname NOT IN ({listed})
"""


def clear_readers(session: Session, wanted: Wanted) -> list[tuple[str, TableName, str]]:
    """Roles that can read a column which the access file does not let them see: by whose grant ever."""
    rows = [
        (role.name, table.name.schema, table.name.name, column.name)
        for role in wanted.roles
        for table in wanted.tables
        if table.is_masked
        for column in table.columns
        if not (role.may_see(column) and table.name in role.read_tables) and column.is_masked
    ]
    found = []
    for start in range(0, len(rows), AT_ONCE):
        values = ", ".join(
            f"({', '.join(literal(part, session.dialect) for part in row)})" for row in rows[start : start + AT_ONCE]
        )
        found += session.execute(
            f"SELECT k.r, k.s, k.t, k.c FROM (VALUES {values}) AS k(r, s, t, c) "
            "JOIN pg_catalog.pg_roles AS r ON r.rolname = k.r "
            "WHERE has_column_privilege(r.oid, CAST(format('%I.%I', k.s, k.t) AS regclass), k.c, 'SELECT')"
        )
    found += _granted_by_others(session, wanted)
    return [(role, TableName(schema, table), column) for role, schema, table, column in found]


def _granted_by_others(session: Session, wanted: Wanted) -> list[tuple[str, str, str, str]]:
    """Roles that the access file does not name, and masked columns that somebody has granted to them."""
    listed = _texts(session, [role.name for role in wanted.roles])
    rows = [
        (table.name.schema, table.name.name, column.name)
        for table in wanted.tables
        if table.is_masked
        for column in table.columns
        if column.is_masked
    ]
    found: list[tuple[str, str, str, str]] = []
    for start in range(0, len(rows), AT_ONCE):
        values = ", ".join(
            f"({', '.join(literal(part, session.dialect) for part in row)})" for row in rows[start : start + AT_ONCE]
        )
        found += session.execute(_GRANTED.format(values=values, listed=listed))
    return found


def _views(session: Session, schemas: Collection[str]) -> dict[Item, str | None]:
    return {
        Item("view", schema=schema, table=name): query if is_view else None
        for schema, name, is_view, query in session.execute(_VIEWS.format(schemas=_texts(session, schemas)))
    }


def _texts(session: Session, values: Collection[str]) -> str:
    return ", ".join(literal(value, session.dialect) for value in sorted(values)) or "NULL"
