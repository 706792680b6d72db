"""The plan for PostgreSQL: group roles, grants by schema, table and column, masked views, comments.

Of the grants that are there only those that the record has, or that its default privileges have made, are revoked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from platform_assets.access.comments import comment_changes
from platform_assets.access.masked_views import refuse_foreign_view
from platform_assets.access.model import Wanted
from platform_assets.access.plan import AccessRefused, Change, Engine, Item, Made, Plan, Sign, columns_together, listed
from platform_assets.access.postgres_catalog import Catalog, clear_readers, read_catalog, with_views
from platform_assets.access.postgres_wanted import wanted_grants, wanted_views
from platform_assets.sql.literals import literal
from platform_assets.warehouse.postgres.governed import MASKED_VIEW
from platform_assets.warehouse.protocol import Session, TableName


def plan(session: Session, wanted: Wanted, record: dict[Item, Made]) -> Plan:
    """What has to be done; nothing is changed. Raises ``AccessRefused`` for what only a person can decide."""
    catalog = read_catalog(session, wanted, record)
    _refuse_superusers(wanted, catalog)
    grants, views = wanted_grants(wanted), wanted_views(wanted)
    stale = {item for item, query in views.items() if _differs(item, query, catalog, record)}
    dropped = {item for item in record if item.kind == "view" and item not in views and item in catalog.views}
    ours = {item for item in record if item.kind != "view"} | _by_default(record, catalog)
    taken = {item for item in ours - grants if item in catalog.grants and item.kind != "role"}
    gone = {(item.schema, item.table) for item in stale | dropped}
    whole = {(item.role, item.schema, item.table, item.privilege) for item in taken if item.kind == "table"}
    # a view that is made anew loses its grants; so do columns when the grant on their table is revoked
    left = {
        item
        for item in catalog.grants - taken
        if (item.schema, item.table) not in gone
        and not (item.kind == "column" and (item.role, item.schema, item.table, item.privilege) in whole)
    }
    taken = {item for item in taken if (item.schema, item.table) not in gone}
    added = grants - left
    changes = [
        *_revokes(session, taken),
        *(_drop(session, item, Sign.REMOVE) for item in sorted(dropped)),
        *_roles(session, wanted, catalog),
        *_schemas(session, stale, wanted),
        *_views(session, stale, views, catalog),
        *_grants(session, added),
        *comment_changes(session, wanted, catalog.comments),
    ]
    kept = {item: Made() for item in grants if item in added or item in ours}
    made = {
        item: record[item] if item in record and item not in stale else Made(query) for item, query in views.items()
    }
    return Plan(tuple(changes), {**kept, **made}, (*wanted.notes, *_notes(session, wanted, record, taken)))


def _differs(item: Item, query: str, catalog: Catalog, record: Mapping[Item, Made]) -> bool:
    """Whether a view is not there as it is wanted. Raises ``AccessRefused`` for one of somebody else."""
    if item not in catalog.views:
        return True
    if item not in record or catalog.views[item] is None:
        raise refuse_foreign_view(TableName(item.schema, item.table))
    return record[item] != Made(query, catalog.views[item] or "")


def _refuse_superusers(wanted: Wanted, catalog: Catalog) -> None:
    found = [role.name for role in wanted.roles if catalog.roles.get(role.name)]
    if found:
        raise AccessRefused(
            f"{listed(found)}: a superuser of the server, from whom nothing can be kept. Name another role in the "
            "access file. Nothing was changed."
        )


def _by_default(record: Mapping[Item, Made], catalog: Catalog) -> set[Item]:
    """Grants on tables that came after default privileges of the record."""
    by_default = {(item.role, item.schema, item.privilege) for item in record if item.kind == "default"}
    return {
        item
        for item in catalog.grants
        if item.kind == "table" and (item.role, item.schema, item.privilege) in by_default
    }


def _roles(session: Session, wanted: Wanted, catalog: Catalog) -> Iterator[Change]:
    for role in wanted.roles:
        if role.name not in catalog.roles:
            yield Change(Sign.ADD, f"CREATE ROLE {session.quote(role.name)} NOLOGIN")
            if role.description:
                text = literal(role.description, session.dialect)
                yield Change(Sign.ADD, f"COMMENT ON ROLE {session.quote(role.name)} IS {text}")


def _schemas(session: Session, views: set[Item], wanted: Wanted) -> Iterator[Change]:
    for schema in sorted({item.schema for item in views} - wanted.schemas):
        yield Change(Sign.ADD, f"CREATE SCHEMA {session.quote(schema)}")


def _views(session: Session, stale: set[Item], views: Mapping[Item, str], catalog: Catalog) -> Iterator[Change]:
    for item in sorted(stale):
        sign = Sign.ADD
        if item in catalog.views:
            sign = Sign.CHANGE
            yield _drop(session, item, sign)
        name = session.quote(item.schema, item.table)
        yield Change(sign, f"CREATE VIEW {name} AS {views[item]}")
        yield Change(sign, f"COMMENT ON VIEW {name} IS {literal(MASKED_VIEW + views[item], session.dialect)}")


def _drop(session: Session, item: Item, sign: Sign) -> Change:
    return Change(sign, f"DROP VIEW {session.quote(item.schema, item.table)}")


def _grants(session: Session, items: set[Item]) -> Iterator[Change]:
    for item, columns in _ordered(items):
        yield Change(Sign.ADD, _sentence(session, "GRANT", item, columns, "TO"))


def _revokes(session: Session, items: set[Item]) -> Iterator[Change]:
    for item, columns in _ordered(items):
        yield Change(Sign.REMOVE, _sentence(session, "REVOKE", item, columns, "FROM"))


def _ordered(items: set[Item]) -> list[tuple[Item, list[str]]]:
    return columns_together({item for item in items if item.kind in ("schema", "default", "table", "column")})


def _sentence(session: Session, verb: str, item: Item, columns: list[str], preposition: str) -> str:
    role, schema = session.quote(item.role), session.quote(item.schema)
    if item.kind == "default":
        return f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} {verb} {item.privilege} ON TABLES {preposition} {role}"
    if item.kind == "schema":
        return f"{verb} {item.privilege} ON SCHEMA {schema} {preposition} {role}"
    what = f"{item.privilege} ({', '.join(map(session.quote, columns))})" if columns else item.privilege
    return f"{verb} {what} ON {session.quote(item.schema, item.table)} {preposition} {role}"


def _notes(session: Session, wanted: Wanted, record: Mapping[Item, Made], taken: set[Item]) -> Iterator[str]:
    pending = {(item.role, item.schema, item.table) for item in taken}
    readers: dict[tuple[str, str], list[str]] = {}
    for role, table, column in clear_readers(session, wanted):
        if (role, table.schema, table.name) not in pending:
            readers.setdefault((role, str(table)), []).append(column)
    for (role, name), columns in sorted(readers.items()):
        yield (
            f"{role} can read {name} ({listed(columns)}) in clear by a grant that was not made here, or by a role that "
            "it is a member of: revoke that by hand"
        )
    for role in sorted({item.role for item in record if item.kind == "role"} - {r.name for r in wanted.roles}):
        yield f"{role} is no longer in the access file: its grants are revoked, and the role itself is left"


POSTGRES = Engine(plan, catalog=with_views)
