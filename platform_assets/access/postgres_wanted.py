"""What PostgreSQL is to have: grants and masked views, as items, from roles and tables."""

from __future__ import annotations

from collections.abc import Iterator

from platform_assets.access.masked_views import masked_query
from platform_assets.access.model import MASKED, GovernedColumn, GovernedTable, RoleAccess, Wanted
from platform_assets.access.plan import Item
from platform_assets.sql.dialects import Dialect
from platform_assets.sql.literals import literal

READ = "SELECT"
WRITE = ("INSERT", "UPDATE", "DELETE")
USAGE, CREATE = "USAGE", "CREATE"


def wanted_views(wanted: Wanted) -> dict[Item, str]:
    """The query of each masked view: of every table that has a column which not everybody may see."""
    return {
        Item("view", schema=table.masked_name.schema, table=table.masked_name.name): _query(wanted, table)
        for table in wanted.tables
        if table.is_masked and any(table.name in role.read_tables for role in wanted.roles)
    }


def wanted_grants(wanted: Wanted) -> set[Item]:
    """All grants, on what exists and on the masked views."""
    return {item for role in wanted.roles for item in _of_role(role, wanted)}


def _of_role(role: RoleAccess, wanted: Wanted) -> Iterator[Item]:
    name = role.name
    yield Item("role", name)
    used = {table.schema for table in (*role.read_tables, *role.write_tables)}
    for schema in used | role.read_schemas | role.write_schemas:
        yield Item("schema", name, schema, privilege=USAGE)
    for schema in role.write_schemas:
        yield Item("schema", name, schema, privilege=CREATE)
        for privilege in WRITE:
            yield Item("default", name, schema, privilege=privilege)
    for table in role.write_tables:
        for privilege in WRITE:
            yield Item("table", name, table.schema, table.name, privilege=privilege)
    if role.sees is None:
        for schema in role.read_schemas:
            yield Item("default", name, schema, privilege=READ)
    for governed in wanted.tables:
        if governed.name in role.read_tables:
            yield from _reading(role, governed)


def _reading(role: RoleAccess, table: GovernedTable) -> Iterator[Item]:
    name, at = role.name, table.name
    if role.sees is None or not (table.has_contract or table.is_masked):
        yield Item("table", name, at.schema, at.name, privilege=READ)
    else:
        # by columns: one that comes later is not read before its classification was looked at
        for column in table.columns:
            if role.may_see(column):
                yield Item("column", name, at.schema, at.name, column.name, READ)
    if table.is_masked:
        yield Item("schema", name, f"{at.schema}{MASKED}", privilege=USAGE)
        yield Item("table", name, f"{at.schema}{MASKED}", at.name, privilege=READ)


def _query(wanted: Wanted, table: GovernedTable) -> str:
    def in_clear(column: GovernedColumn) -> str | None:
        roles = wanted.readers_in_clear(table, column)
        # who asks, not who owns the view
        tests = (f"pg_has_role(current_user, {literal(role, Dialect.POSTGRES)}, 'USAGE')" for role in roles)
        return " OR ".join(tests) or None

    return masked_query(table, Dialect.POSTGRES, in_clear)
