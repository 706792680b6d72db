"""The plan for Snowflake: the statements of ``snowflake_statements`` against the record.

Snowflake commits each statement by itself. All of them may be carried out again, so an apply that was killed is given
again. A grant that somebody else has revoked is not seen: the record alone is compared. A table that was made anew has
neither grants nor policies, so the record holds when each was made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from platform_assets.access.model import Wanted
from platform_assets.access.plan import Change, Engine, Item, Made, Plan, Sign
from platform_assets.access.snowflake_statements import Statement, statements
from platform_assets.warehouse.protocol import Session, TableName

NOTHING: Mapping[TableName, str] = {}
UNDONE = ("masked", "tagged", "future", "table", "schema", "database", "policy")
"""Kinds of items in the order in which they are taken away: a policy is free once no column has it."""


def plan(session: Session, wanted: Wanted, record: dict[Item, Made]) -> Plan:
    """What has to be done; nothing is changed."""
    database = str(session.execute("SELECT current_database()")[0][0])
    rows = session.execute(
        'SELECT "TABLE_SCHEMA", "TABLE_NAME", CAST("CREATED" AS VARCHAR) FROM information_schema."TABLES"'
    )
    created = {TableName(schema, name): at for schema, name, at in rows}
    return difference(statements(wanted, database=database), record, created, wanted.notes)


def difference(
    wanted: Sequence[Statement],
    record: Mapping[Item, Made],
    created: Mapping[TableName, str] = NOTHING,
    notes: Sequence[str] = (),
) -> Plan:
    """The statements between the record and what is wanted; ``created`` tells one table from a later one of its name.

    ``made`` of the record is the statement that undoes.
    """
    items = {statement.item for statement in wanted}
    gone = [(item, made) for item, made in record.items() if item not in items and made.made]
    places = {kind: place for place, kind in enumerate(UNDONE)}
    gone.sort(key=lambda each: (places.get(each[0].kind, len(places)), each[0]))
    early = [Change(Sign.REMOVE, made.made) for item, made in gone if item.kind != "policy"]
    late = [Change(Sign.REMOVE, made.made) for item, made in gone if item.kind == "policy"]
    changes = []
    for statement in wanted:
        before = record.get(statement.item)
        if before is None:
            changes.append(Change(Sign.ADD, statement.make))
        elif before.definition != _definition(statement, created):
            changes.append(Change(Sign.CHANGE, statement.remake or statement.make))
    made = {each.item: Made(_definition(each, created), each.undo) for each in wanted}
    return Plan((*early, *changes, *late), made, tuple(notes))


def _definition(statement: Statement, created: Mapping[TableName, str]) -> str:
    at = created.get(TableName(statement.item.schema, statement.item.table))
    return f"{statement.make}\n{at}" if at else statement.make


SNOWFLAKE = Engine(plan, transactional=False)
