"""What an engine's plan is made of: things that exist or are to exist, and the statements between the two.

A plan takes away only what the record says was made here. The record is the table `platform.access`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from platform_assets.access.model import Wanted
from platform_assets.failpoints import failpoint
from platform_assets.failures import Kind, PlatformError
from platform_assets.publishing import ledger
from platform_assets.warehouse.protocol import Session

ROWS_AT_ONCE = 1000
TURN = "platform.access"


class AccessRefused(PlatformError):
    """The plan would change or need what is not the platform's; the message says what and what to do."""

    kind = Kind.MISCONFIGURED
    code = "access:refused"


@dataclass(frozen=True, order=True)
class Item:
    """One thing that exists or is to exist: a grant, a view, a role. ``kind`` says which fields count."""

    kind: str
    role: str = ""
    schema: str = ""
    table: str = ""
    column: str = ""
    privilege: str = ""


class Sign(StrEnum):
    ADD = "+"
    CHANGE = "~"
    REMOVE = "-"


@dataclass(frozen=True)
class Change:
    """One statement, and what it means."""

    sign: Sign
    sql: str


@dataclass(frozen=True)
class Made:
    """What the record knows of an item: its ``definition``, and how the catalog had it."""

    definition: str = ""
    made: str = ""


@dataclass(frozen=True)
class Plan:
    """Statements in their order. ``record`` is what the record holds once they were carried out.

    ``notes`` are for people: what is not in the warehouse yet, and what others have granted.
    """

    changes: tuple[Change, ...]
    record: dict[Item, Made] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def count(self, sign: Sign) -> int:
        return sum(change.sign is sign for change in self.changes)


Say = Callable[[Change], object]
"""Called with each statement that was carried out."""

Planner = Callable[[Session, Wanted, "dict[Item, Made]"], Plan]
"""Compares what is wanted with what is there; reads only. The dictionary is the record."""


@dataclass(frozen=True)
class Engine:
    """How an engine plans. ``transactional``: its statements are undone with the transaction that they are in.

    ``catalog`` gives items of the record how the catalog has them once they were made.
    """

    plan: Planner
    transactional: bool = True
    catalog: Callable[[Session, dict[Item, Made]], dict[Item, Made]] | None = None


def recorded(session: Session) -> dict[Item, Made]:
    """What the record holds; nothing in a warehouse of before there was one."""
    if session.columns(ledger.ACCESS) is None:
        return {}
    names = ", ".join(session.quote(column.name) for column in ledger.ACCESS_COLUMNS)
    rows = session.execute(f"SELECT {names} FROM {ledger.name(session, ledger.ACCESS)}")
    return {Item(*row[:6]): Made(*row[6:]) for row in rows}


def apply(session: Session, engine: Engine, wanted: Callable[[], Wanted], say: Say) -> Plan:
    """Carry out the difference, and record it: all of it in one transaction, or statement by statement where the
    engine has no other way; then a second call goes on where the first one ended.

    The plan is made after others that apply one have ended, and ``wanted`` is asked then.
    """
    if not engine.transactional:
        return _one_by_one(session, engine, wanted, say)
    with session.transaction():
        session.take_turn(TURN)
        before = recorded(session)
        plan = engine.plan(session, wanted(), before)
        _carry_out(session, plan, say)
        after = engine.catalog(session, plan.record) if engine.catalog is not None else plan.record
        _record(session, before, after)
        failpoint("access.before_commit")
    failpoint("access.committed")
    return plan


def _carry_out(session: Session, plan: Plan, say: Say) -> None:
    for change in plan.changes:
        session.execute(change.sql)
        failpoint("access.statement")
        say(change)


def _one_by_one(session: Session, engine: Engine, wanted: Callable[[], Wanted], say: Say) -> Plan:
    before = recorded(session)
    plan = engine.plan(session, wanted(), before)
    _carry_out(session, plan, say)
    with session.transaction():
        _record(session, before, plan.record)
    return plan


def _record(session: Session, before: dict[Item, Made], after: dict[Item, Made]) -> None:
    if before == after:
        return
    table = ledger.name(session, ledger.ACCESS)
    session.execute(f"DELETE FROM {table}")
    names = ", ".join(session.quote(column.name) for column in ledger.ACCESS_COLUMNS)
    rows = [
        (item.kind, item.role, item.schema, item.table, item.column, item.privilege, made.definition, made.made)
        for item, made in sorted(after.items())
    ]
    for start in range(0, len(rows), ROWS_AT_ONCE):
        staged = session.stage_rows(ledger.ACCESS_COLUMNS, rows[start : start + ROWS_AT_ONCE])
        session.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM {staged} AS s")


def columns_together(items: Collection[Item]) -> list[tuple[Item, list[str]]]:
    """Grants on columns as one for each role, table and privilege, with the columns in order."""
    found: dict[Item, list[str]] = {}
    for item in sorted(items):
        whole = Item(item.kind, item.role, item.schema, item.table, "", item.privilege)
        found.setdefault(whole, []).extend([item.column] if item.column else [])
    return list(found.items())


def listed(names: Sequence[str], most: int = 5) -> str:
    """Names for a message, not more than ``most`` of them."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
