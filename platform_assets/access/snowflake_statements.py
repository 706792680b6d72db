"""Statements of Snowflake for roles, grants, tags, masking policies and comments: texts from values, no connection.

A policy masks one classification, or several together, in columns of one type; it names the roles that see them. Each
statement may be carried out again. Who runs them: the plan in ``snowflake``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from platform_assets.access.masked_views import STARS
from platform_assets.access.model import GovernedColumn, GovernedTable, RoleAccess, Wanted
from platform_assets.access.plan import Item
from platform_assets.publishing.ledger import SCHEMA
from platform_assets.sql.dialects import Dialect
from platform_assets.sql.identifiers import quoted, quoted_path
from platform_assets.sql.literals import literal

SNOWFLAKE = Dialect.SNOWFLAKE
TAG = "classification"
WRITE = ("INSERT", "UPDATE", "DELETE")
_TYPES = {
    "VARCHAR": "VARCHAR", "BIGINT": "NUMBER", "INTEGER": "NUMBER", "SMALLINT": "NUMBER", "HUGEINT": "NUMBER",
    "DECIMAL": "NUMBER", "DOUBLE": "FLOAT", "FLOAT": "FLOAT", "BOOLEAN": "BOOLEAN", "DATE": "DATE", "TIME": "TIME",
    "TIMESTAMP": "TIMESTAMP_NTZ", "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_TZ", "JSON": "VARCHAR", "BLOB": "BINARY",
}  # fmt: skip
"""The type of a policy for a column of the platform's type."""


@dataclass(frozen=True)
class Statement:
    """``make`` carries an item out, and tells one version of it from another; ``undo`` takes it away, if it can be.

    ``remake`` changes an earlier version; ``make`` where it is empty.
    """

    item: Item
    make: str
    undo: str = ""
    remake: str = ""


def statements(wanted: Wanted, *, database: str) -> list[Statement]:
    """Everything that is to be there, in the order in which it is made."""
    return [
        *(_role(role) for role in wanted.roles),
        *_tag(wanted),
        *_policies(wanted),
        *(each for table in wanted.tables for each in _columns(table)),
        *(each for role in wanted.roles for each in _grants(role, database)),
        *(each for table in wanted.tables for each in _comments(table)),
    ]


def policy_name(column: GovernedColumn) -> str:
    """The name of the masking policy for a column's classifications and type."""
    labels = "_".join(sorted(column.labels))
    plain = re.sub(r"\W+", "_", labels).strip("_")
    # two classifications that differ in their signs alone have policies of their own
    mark = "" if plain == labels else f"_{hashlib.sha256(labels.encode()).hexdigest()[:8]}"
    return f"mask_{plain}{mark}_{policy_type(column).lower()}"


def policy_type(column: GovernedColumn) -> str:
    """The type that a policy for the column takes and gives."""
    return _TYPES.get(column.type.partition("(")[0].strip(), "VARIANT")


def policy_body(column: GovernedColumn, roles: Sequence[RoleAccess]) -> str:
    """The expression of a policy, over ``val``: clear for the roles that may see it, also where they are inherited."""
    tests = [f"IS_ROLE_IN_SESSION({literal(role.name, SNOWFLAKE)})" for role in roles if role.may_see(column)]
    clear = f"WHEN {' OR '.join(tests)} THEN val " if tests else ""
    if policy_type(column) == "VARCHAR":
        return f"CASE {clear}WHEN val IS NOT NULL THEN {literal(STARS, SNOWFLAKE)} END"
    return f"CASE {clear}ELSE NULL END" if tests else f"CAST(NULL AS {policy_type(column)})"


def _role(role: RoleAccess) -> Statement:
    about = f" COMMENT = {literal(role.description, SNOWFLAKE)}" if role.description else ""
    return Statement(Item("role", role.name), f"CREATE ROLE IF NOT EXISTS {quoted(role.name, SNOWFLAKE)}{about}")


def _tag(wanted: Wanted) -> Iterator[Statement]:
    if any(table.is_masked for table in wanted.tables):
        name = quoted_path(SCHEMA, TAG, dialect=SNOWFLAKE)
        about = literal("Classification of a column by its contract", SNOWFLAKE)
        yield Statement(Item("tag", schema=SCHEMA, table=TAG), f"CREATE TAG IF NOT EXISTS {name} COMMENT = {about}")


def _policies(wanted: Wanted) -> Iterator[Statement]:
    found = {policy_name(c): c for table in wanted.tables for c in table.columns if c.is_masked}
    for name, column in sorted(found.items()):
        policy, body = quoted_path(SCHEMA, name, dialect=SNOWFLAKE), policy_body(column, wanted.roles)
        kind = policy_type(column)
        yield Statement(
            Item("policy", schema=SCHEMA, table=name),
            f"CREATE MASKING POLICY IF NOT EXISTS {policy} AS (val {kind}) RETURNS {kind} -> {body}",
            undo=f"DROP MASKING POLICY IF EXISTS {policy}",
            remake=f"ALTER MASKING POLICY {policy} SET BODY -> {body}",
        )


def _columns(table: GovernedTable) -> Iterator[Statement]:
    for column in table.columns:
        if column.is_masked:
            at = (table.name.schema, table.name.name, column.name)
            start = f"ALTER TABLE {_name(table)} MODIFY COLUMN {quoted(column.name, SNOWFLAKE)}"
            tag, word = quoted_path(SCHEMA, TAG, dialect=SNOWFLAKE), ", ".join(sorted(column.labels))
            yield Statement(
                Item("tagged", "", *at),
                f"{start} SET TAG {tag} = {literal(word, SNOWFLAKE)}",
                undo=f"{start} UNSET TAG {tag}",
            )
            policy = quoted_path(SCHEMA, policy_name(column), dialect=SNOWFLAKE)
            yield Statement(
                Item("masked", "", *at),
                f"{start} SET MASKING POLICY {policy} FORCE",
                undo=f"{start} UNSET MASKING POLICY",
            )


def _grants(role: RoleAccess, database: str) -> Iterator[Statement]:
    used = {t.schema for t in (*role.read_tables, *role.write_tables)} | role.read_schemas | role.write_schemas
    if used:
        on = f"USAGE ON DATABASE {quoted(database, SNOWFLAKE)}"
        yield _grant(Item("database", role.name, privilege="USAGE"), on)
    for schema in sorted(used):
        yield _grant(Item("schema", role.name, schema, privilege="USAGE"), f"USAGE ON SCHEMA {_path(schema)}")
    for schemas, tables, privileges in (
        (role.read_schemas, role.read_tables, ("SELECT",)),
        (role.write_schemas, role.write_tables, WRITE),
    ):
        for privilege in privileges:
            for schema in sorted(schemas):
                for kind in ("TABLES", "VIEWS") if privilege == "SELECT" else ("TABLES",):
                    yield _grant(
                        Item("future", role.name, schema, kind, privilege=privilege),
                        f"{privilege} ON FUTURE {kind} IN SCHEMA {_path(schema)}",
                    )
            for table in sorted(tables):
                yield _grant(
                    Item("table", role.name, table.schema, table.name, privilege=privilege),
                    f"{privilege} ON TABLE {_path(table.schema, table.name)}",
                )
    for schema in sorted(role.write_schemas):
        yield _grant(
            Item("schema", role.name, schema, privilege="CREATE TABLE"), f"CREATE TABLE ON SCHEMA {_path(schema)}"
        )


def _grant(item: Item, what: str) -> Statement:
    role = quoted(item.role, SNOWFLAKE)
    return Statement(item, f"GRANT {what} TO ROLE {role}", undo=f"REVOKE {what} FROM ROLE {role}")


def _comments(table: GovernedTable) -> Iterator[Statement]:
    at = (table.name.schema, table.name.name)
    if table.has_contract and table.description:
        text = literal(table.description, SNOWFLAKE)
        yield Statement(Item("comment", "", *at), f"COMMENT ON TABLE {_name(table)} IS {text}")
    for column in table.columns:
        if column.description is not None and column.description != column.comment:
            text = literal(column.description, SNOWFLAKE)
            name = f"{_name(table)}.{quoted(column.name, SNOWFLAKE)}"
            yield Statement(Item("comment", "", *at, column.name), f"COMMENT ON COLUMN {name} IS {text}")


def _name(table: GovernedTable) -> str:
    return _path(table.name.schema, table.name.name)


def _path(*parts: str) -> str:
    return quoted_path(*parts, dialect=SNOWFLAKE)
