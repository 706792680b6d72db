"""What `platform-assets warehouse apply` has made on a table, carried over when the table is made anew or altered.

A view that uses a column keeps PostgreSQL from changing it, and a new table has no grants. Masked views are dropped
for the change and made anew, in the same transaction; grants are given again. What does not fit the new columns is left
out: nobody reads more than before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from platform_assets.logs import logger
from platform_assets.warehouse.errors import StatementFailed
from platform_assets.warehouse.postgres.statements import Statements
from platform_assets.warehouse.protocol import TableName

log = logger(__name__)

MASKED_VIEW = "Masked view, made by platform-assets warehouse apply: "
"""How the comment of a view begins that may be dropped and made anew; its query follows, without the types that
PostgreSQL writes into it. Only views of the session's own role are taken for such."""
_VIEWS = """
SELECT DISTINCT n.nspname, v.relname, obj_description(v.oid, 'pg_class')
FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_rewrite AS w ON w.oid = d.objid
    JOIN pg_catalog.pg_class AS v ON v.oid = w.ev_class JOIN pg_catalog.pg_namespace AS n ON n.oid = v.relnamespace
    JOIN pg_catalog.pg_class AS c ON c.oid = d.refobjid JOIN pg_catalog.pg_namespace AS s ON s.oid = c.relnamespace
WHERE d.classid = CAST('pg_rewrite' AS regclass) AND d.refclassid = CAST('pg_class' AS regclass) AND v.relkind = 'v'
    AND s.nspname = ? AND c.relname = ? AND starts_with(obj_description(v.oid, 'pg_class'), ?)
    AND v.relowner = CAST(CAST(current_user AS regrole) AS oid)
"""
_GRANTS = """
SELECT a.privilege_type, '', CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END, a.is_grantable
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN aclexplode(c.relacl) AS a LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
WHERE n.nspname = ? AND c.relname = ? AND a.grantee <> c.relowner
UNION ALL
SELECT a.privilege_type, t.attname, CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END,
    a.is_grantable
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute AS t ON t.attrelid = c.oid AND NOT t.attisdropped
    CROSS JOIN aclexplode(t.attacl) AS a LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
WHERE n.nspname = ? AND c.relname = ? AND a.grantee <> c.relowner
"""


@dataclass(frozen=True)
class Governed:
    """The masked views of a table with the statements that make each anew, and those that give its grants again."""

    views: tuple[tuple[TableName, tuple[str, ...]], ...]
    grants: tuple[str, ...]


def governed(session: Statements, table: TableName) -> Governed:
    """What is on the table now."""
    views = session.execute(_VIEWS, [table.schema, table.name, MASKED_VIEW])
    return Governed(tuple(_view(session, TableName(*row[:2]), row[2]) for row in views), _grants(session, table))


def drop_views(session: Statements, found: Governed) -> None:
    """Take the masked views away, within the transaction of the change."""
    for view, _ in found.views:
        session.execute(f"DROP VIEW {session.quote(view.schema, view.name)}")


def make_again(session: Statements, found: Governed, *, grants: bool) -> None:
    """Make the views anew, and with ``grants`` give those on the table; a statement that no longer fits is left out."""
    for statement in found.grants if grants else ():
        _tried(session, [statement])
    for view, statements in found.views:
        if not _tried(session, statements):
            log.warning("%s no longer fits its table and was dropped: run `platform-assets warehouse apply`", view)


def _tried(session: Statements, statements: Sequence[str]) -> bool:
    session.execute("SAVEPOINT governed")
    try:
        for statement in statements:
            session.execute(statement)
    except StatementFailed:
        session.execute("ROLLBACK TO SAVEPOINT governed")
        return False
    session.execute("RELEASE SAVEPOINT governed")
    return True


def _view(session: Statements, view: TableName, comment: str) -> tuple[TableName, tuple[str, ...]]:
    name, query = session.quote(view.schema, view.name), comment.removeprefix(MASKED_VIEW)
    made = (f"CREATE VIEW {name} AS {query}", f"COMMENT ON VIEW {name} IS {session.text(comment)}")
    return view, (*made, *_grants(session, view))


def _grants(session: Statements, table: TableName) -> tuple[str, ...]:
    name = session.quote(table.schema, table.name)
    rows = session.execute(_GRANTS, [table.schema, table.name, table.schema, table.name])
    return tuple(
        f"GRANT {privilege}{f' ({session.quote(column)})' if column else ''} ON {name} TO {grantee}"
        f"{' WITH GRANT OPTION' if grantable else ''}"
        for privilege, column, grantee, grantable in rows
    )
