"""From the access file and the tables of the warehouse to what an engine has to carry out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from platform_assets.access.labels import table_labels
from platform_assets.access.model import (
    Access,
    GovernedColumn,
    GovernedTable,
    Reach,
    RoleAccess,
    Wanted,
)
from platform_assets.contracts.model import Contract
from platform_assets.publishing.retyping import BESIDE
from platform_assets.warehouse.protocol import PARTITION_COLUMN, ColumnDef, Session, TableName
from platform_assets.wording import counted

NAMED = 5


@dataclass(frozen=True)
class Tables:
    """The project's tables: those of assets, the contracts of raw ones, and labels of columns of the others.

    ``labels`` are by column in lower case.
    """

    of_assets: Mapping[str, TableName]
    contracts: Mapping[TableName, Contract]
    labels: Mapping[TableName, Mapping[str, frozenset[str]]] = field(default_factory=dict)


def resolve(session: Session, access: Access, tables: Tables, selected: Mapping[str, Iterable[str]]) -> Wanted:
    """What is wanted in this warehouse; ``selected`` are the assets of each selection in the file."""
    schemas = _schemas(session)
    known: dict[str, list[TableName]] = {}
    notes: list[str] = []
    absent: dict[str, set[str]] = {}

    def reached(reach: Reach) -> tuple[frozenset[str], frozenset[TableName]]:
        there = frozenset(schema for schema in reach.schemas if schema in schemas)
        absent.setdefault("schema", set()).update(set(reach.schemas) - there)
        found = {table for schema in there for table in _tables_of(session, schema, known)}
        for asset in selected.get(reach.assets, ()):
            table = tables.of_assets.get(asset)
            if table is None:
                continue
            if table.schema in schemas and table in _tables_of(session, table.schema, known):
                found.add(table)
            else:
                absent.setdefault("table", set()).add(str(table))
        return there, frozenset(found)

    roles = []
    for role in access.roles:
        (read_schemas, read_tables), (write_schemas, write_tables) = reached(role.read), reached(role.write)
        roles.append(
            RoleAccess(role.name, role.description, role.sees, read_schemas, read_tables, write_schemas, write_tables)
        )
    for what, names in absent.items():
        if names:
            some = ", ".join(sorted(names)[:NAMED])
            notes.append(f"{counted(len(names), what)} not there yet, apply again later: {some}")
    every = sorted({table for role in roles for table in (*role.read_tables, *role.write_tables)})
    governed = tuple(_governed(session, table, access, tables) for table in every)
    return Wanted(tuple(roles), governed, frozenset(schemas), tuple(notes))


def _governed(session: Session, table: TableName, access: Access, tables: Tables) -> GovernedTable:
    contract = tables.contracts.get(table)
    described = session.describe(table) or ()
    if contract is None:
        labels = tables.labels.get(table, {})
        return GovernedTable(
            table,
            tuple(
                GovernedColumn(c.name, c.type, labels.get(c.name.lower(), frozenset()) - access.public, None)
                for c in described
            ),
        )
    said = {column.name.lower(): column.description for column in contract.columns}
    said[PARTITION_COLUMN[0]] = ""
    return GovernedTable(
        table,
        tuple(_column(contract, column, said.get(column.name.lower()), access) for column in described),
        has_contract=True,
        description=contract.description,
    )


def _column(contract: Contract, column: ColumnDef, said: str | None, access: Access) -> GovernedColumn:
    labels = table_labels(contract, column.name) - access.public
    return GovernedColumn(column.name, column.type, labels, said or None, column.description)


def _schemas(session: Session) -> set[str]:
    rows = session.execute(
        "SELECT schema_name FROM information_schema.schemata WHERE catalog_name = current_database()"
    )
    return {row[0] for row in rows}


def _tables_of(session: Session, schema: str, known: dict[str, list[TableName]]) -> list[TableName]:
    """The tables and views of a schema; those that a run left half-way are none."""
    if schema not in known:
        rows = session.execute(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_catalog = current_database() AND table_schema = ?",
            [schema],
        )
        known[schema] = [TableName(schema, row[0]) for row in rows if not row[0].endswith(BESIDE)]
    return known[schema]
