"""Where alerts are kept: what was read of the event log, incidents, and notices until every channel has taken them.

A file of SQLite beside the instance's own, or tables in the PostgreSQL database of the instance. What is read and what
follows from it is written in one transaction, so that a router that is killed has told nothing twice and lost nothing.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from platform_assets.alerts.incidents import Incident, Status
from platform_assets.alerts.tables import INCIDENTS, METADATA, MUTES, OUTBOX, SEEN, STATE, THREADS
from platform_assets.instance.kept_engine import KeptEngine

_stores: dict[tuple[str, int], AlertStore] = {}
_lock = threading.Lock()

FILE = "alerts.db"
WATCHDOG_SEEN = "watchdog seen"
"""The state with the time at which a watchdog looked last."""


def store_at(url: str) -> AlertStore:
    """The store at a URL of SQLAlchemy; its tables are made where there are none. Connections are kept for the next."""
    with _lock:
        key = (url, os.getpid())
        if key not in _stores:
            _stores[key] = AlertStore(_kept_sqlite(url) if url.startswith("sqlite") else _kept(url))
    _stores[key].make_tables()
    return _stores[key]


def sqlite_url(folder: Path) -> str:
    """The URL of the file in ``folder``."""
    return f"sqlite:///{folder / FILE}"


def _kept_sqlite(url: str) -> Callable[[], sa.Engine]:
    return KeptEngine(url, str(sa.make_url(url).database)).engine


def _kept(url: str) -> Callable[[], sa.Engine]:
    engine = sa.create_engine(url, pool_pre_ping=True, pool_size=1, max_overflow=-1)
    return lambda: engine


@contextmanager
def _locked(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that no other writer of alerts overlaps."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('platform_alerts'))"))
        yield connection
        connection.commit()


class AlertStore:
    """The tables of alerts in one database."""

    def __init__(self, engine: Callable[[], sa.Engine]) -> None:
        self._engine = engine

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """All or nothing, and nobody else in between. A caller that raises leaves nothing."""
        with _locked(self._engine()) as connection:
            yield Transaction(connection)

    def make_tables(self) -> None:
        """Make those that are not there; a database may have been replaced since the last look."""
        engine = self._engine()
        if engine.dialect.name == "sqlite":
            with engine.connect() as connection:
                # a reader waits for no writer; the mode is kept in the file
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        with _locked(engine) as connection:
            METADATA.create_all(connection)


class Transaction:
    """What can be read and written in one transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def state(self, name: str) -> Any:
        """A value that was kept under a name; None if there is none."""
        found = self._connection.execute(sa.select(STATE.c.value).where(STATE.c.name == name)).scalar()
        return None if found is None else json.loads(found)

    def keep_state(self, name: str, value: Any) -> None:
        self._upsert(STATE, ("name",), [{"name": name, "value": json.dumps(value, sort_keys=True)}])

    def drop_state(self, name: str) -> None:
        self._connection.execute(sa.delete(STATE).where(STATE.c.name == name))

    def seen(self, location: str) -> frozenset[int]:
        """Events that were read for a code location already and may come once more."""
        query = sa.select(SEEN.c.event).where(SEEN.c.location == location)
        return frozenset(self._connection.execute(query).scalars())

    def keep_seen(self, location: str, events: Collection[int], *, from_event: int) -> None:
        """Add ``events`` of a code location, and forget those before ``from_event``."""
        self._connection.execute(sa.delete(SEEN).where(SEEN.c.location == location, SEEN.c.event < from_event))
        rows = [{"location": location, "event": event} for event in sorted(events)]
        if rows:
            self._connection.execute(SEEN.insert(), rows)

    def incidents(self, *, resolved_since: dt.datetime | None = None) -> list[Incident]:
        """Those that are not resolved, and those resolved since then; in the order in which they began."""
        wanted = INCIDENTS.c.status != Status.RESOLVED
        if resolved_since is not None:
            # one that is resolved and has something left that failed because of it is not over
            wanted = wanted | INCIDENTS.c.resolved.is_(None) | (INCIDENTS.c.resolved >= resolved_since.isoformat())
        rows = self._connection.execute(
            sa.select(INCIDENTS.c.body).where(wanted).order_by(INCIDENTS.c.opened, INCIDENTS.c.id)
        ).scalars()
        return [Incident.from_dict(json.loads(body)) for body in rows]

    def incident(self, name: str) -> Incident | None:
        """The incident of an id."""
        body = self._connection.execute(sa.select(INCIDENTS.c.body).where(INCIDENTS.c.id == name)).scalar()
        return None if body is None else Incident.from_dict(json.loads(body))

    def latest_incidents(self, most: int) -> list[Incident]:
        """The newest ones, whatever their status; the newest first."""
        query = sa.select(INCIDENTS.c.body).order_by(INCIDENTS.c.opened.desc(), INCIDENTS.c.id).limit(most)
        return [Incident.from_dict(json.loads(body)) for body in self._connection.execute(query).scalars()]

    def keep_incidents(self, incidents: Iterable[Incident]) -> None:
        rows = [
            {"id": incident.id, "status": incident.status.value, "opened": incident.opened.isoformat(),
             "resolved": incident.resolved.isoformat() if incident.resolved and not incident.affected else None,
             "body": json.dumps(incident.to_dict(), sort_keys=True)}
            for incident in incidents
        ]  # fmt: skip
        self._upsert(INCIDENTS, ("id",), rows)

    def add_to_outbox(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Notices to be sent: ``incident``, ``number``, ``channel``, ``event``, ``body`` and ``due`` of each."""
        given = [dict(row) for row in rows]
        if given:
            self._connection.execute(OUTBOX.insert(), given)

    def drop_unsent(self, incident: str, *, event: str | None = None, channel: str | None = None) -> int:
        """Drop what no attempt has been made to send, of one event and channel if they are given. How many it were."""
        where = [OUTBOX.c.incident == incident, OUTBOX.c.sent.is_(None), OUTBOX.c.attempts == 0]
        where += [OUTBOX.c.event == event] if event is not None else []
        where += [OUTBOX.c.channel == channel] if channel is not None else []
        return self._connection.execute(sa.delete(OUTBOX).where(*where)).rowcount

    def told(self, incident: str) -> list[str]:
        """The channels that a notice of the incident was written for, in the order in which they were first."""
        query = sa.select(OUTBOX.c.channel).where(OUTBOX.c.incident == incident).order_by(OUTBOX.c.id)
        return list(dict.fromkeys(self._connection.execute(query).scalars()))

    def claim(self, now: float, until: float, most: int, *, without: Sequence[str] = ()) -> list[Mapping[str, Any]]:
        """Up to ``most`` notices that are due, of each incident and channel the first that was not sent.

        Channels ``without`` are left out. The rows are nobody else's until ``until``. Each has ``thread`` besides the
        columns of the outbox, and ``attempts`` counts this one: with more than one, an earlier one may have arrived.
        """
        first = (
            sa.select(sa.func.min(OUTBOX.c.id).label("id"))
            .where(OUTBOX.c.sent.is_(None))
            .group_by(OUTBOX.c.incident, OUTBOX.c.channel)
            .subquery()
        )
        query = (
            sa.select(OUTBOX, sa.func.coalesce(THREADS.c.thread, "").label("thread"))
            .join(first, first.c.id == OUTBOX.c.id)
            .outerjoin(THREADS, (THREADS.c.incident == OUTBOX.c.incident) & (THREADS.c.channel == OUTBOX.c.channel))
            .where(OUTBOX.c.due <= now, OUTBOX.c.claimed_until <= now, OUTBOX.c.channel.not_in(without))
            .order_by(OUTBOX.c.id)
            .limit(most)
        )
        found = [dict(row) for row in self._connection.execute(query).mappings()]
        if found:
            self._connection.execute(
                sa.update(OUTBOX)
                .where(OUTBOX.c.id.in_([row["id"] for row in found]))
                .values(claimed_until=until, attempts=OUTBOX.c.attempts + 1)
            )
        return [{**row, "attempts": row["attempts"] + 1, "claimed_until": until} for row in found]

    def next_due(self, *, without: Sequence[str] = ()) -> float | None:
        """When the next notice is to be sent that nobody has claimed, but for some channels; None if there is none."""
        return self._connection.execute(
            sa.select(sa.func.min(OUTBOX.c.due)).where(
                OUTBOX.c.sent.is_(None), OUTBOX.c.claimed_until == 0.0, OUTBOX.c.channel.not_in(without)
            )
        ).scalar()

    def sent(self, row: Mapping[str, Any], thread: str, at: float) -> None:
        self._connection.execute(
            sa.update(OUTBOX).where(OUTBOX.c.id == row["id"]).values(sent=at, claimed_until=0.0, problem="")
        )
        if thread:
            given = {"incident": row["incident"], "channel": row["channel"], "thread": thread}
            self._upsert(THREADS, ("incident", "channel"), [given])

    def not_sent(self, row: Mapping[str, Any], problem: str, due: float) -> None:
        self._connection.execute(
            sa.update(OUTBOX).where(OUTBOX.c.id == row["id"]).values(due=due, claimed_until=0.0, problem=problem)
        )

    def put_back(self, row: Mapping[str, Any], due: float, problem: str = "") -> None:
        """Undo the claim of a notice that nobody has tried to send; ``problem`` is what it waits for, if anything."""
        values = {"due": due, "claimed_until": 0.0, "problem": problem or row["problem"]}
        self._connection.execute(
            sa.update(OUTBOX).where(OUTBOX.c.id == row["id"]).values(attempts=OUTBOX.c.attempts - 1, **values)
        )

    def wake(self, channel: str, now: float) -> None:
        """What waits because a channel did not take it is due now."""
        waits = (OUTBOX.c.channel == channel, OUTBOX.c.sent.is_(None), OUTBOX.c.problem != "", OUTBOX.c.due > now)
        self._connection.execute(sa.update(OUTBOX).where(*waits).values(due=now))

    def reroute(self, known: Collection[str], to: str) -> None:
        """Give what is for channels that are not ``known`` any more to another one; what it has already is dropped."""
        gone = [OUTBOX.c.sent.is_(None), OUTBOX.c.channel.not_in(list(known))]
        other = OUTBOX.alias()
        has = sa.exists().where(
            other.c.incident == OUTBOX.c.incident, other.c.number == OUTBOX.c.number, other.c.channel == to
        )
        self._connection.execute(sa.delete(OUTBOX).where(*gone, has))
        first = sa.select(sa.func.min(OUTBOX.c.id)).where(*gone).group_by(OUTBOX.c.incident, OUTBOX.c.number)
        self._connection.execute(
            sa.update(OUTBOX).where(OUTBOX.c.id.in_(first)).values(channel=to, claimed_until=0.0, due=0.0, problem="")
        )
        self._connection.execute(sa.delete(OUTBOX).where(*gone))

    def prune(self, before: dt.datetime) -> int:
        """Forget incidents that were over before, and what was sent of them. How many it were."""
        over = sa.select(INCIDENTS.c.id).where(
            INCIDENTS.c.status == Status.RESOLVED, INCIDENTS.c.resolved < before.isoformat()
        )
        self._connection.execute(sa.delete(THREADS).where(THREADS.c.incident.in_(over)))
        self._connection.execute(
            sa.delete(OUTBOX).where(OUTBOX.c.sent < before.timestamp(), OUTBOX.c.incident.in_(over))
        )
        self._connection.execute(sa.delete(MUTES).where(MUTES.c.until < before.timestamp()))
        return self._connection.execute(sa.delete(INCIDENTS).where(INCIDENTS.c.id.in_(over))).rowcount

    def problems(self, attempts: int) -> dict[str, str]:
        """The channels that have not taken a notice in so many attempts, and why. One whose sender was killed has no
        reason: that is no fault of the channel."""
        query = sa.select(OUTBOX.c.channel, OUTBOX.c.problem).where(
            OUTBOX.c.sent.is_(None), OUTBOX.c.problem != "", OUTBOX.c.attempts >= attempts
        )
        return dict(self._connection.execute(query).tuples().all())

    def unsent(self) -> list[Mapping[str, Any]]:
        """What no channel has taken yet, the oldest first."""
        query = sa.select(OUTBOX).where(OUTBOX.c.sent.is_(None)).order_by(OUTBOX.c.id)
        return [dict(row) for row in self._connection.execute(query).mappings()]

    def mutes(self, now: float) -> dict[str, Mapping[str, Any]]:
        """Subjects of which nothing is told for some time, with ``until``, ``who`` and ``why``."""
        query = sa.select(MUTES).where(MUTES.c.until > now)
        return {row["subject"]: dict(row) for row in self._connection.execute(query).mappings()}

    def mute(self, subject: str, *, until: float, who: str, why: str) -> None:
        self._upsert(MUTES, ("subject",), [{"subject": subject, "until": until, "who": who, "why": why}])

    def _upsert(self, table: sa.Table, key: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
        if not rows:
            return
        insert = (sqlite if self._connection.dialect.name == "sqlite" else postgresql).insert(table)
        values = {name: insert.excluded[name] for name in rows[0] if name not in key}
        self._connection.execute(insert.on_conflict_do_update(index_elements=list(key), set_=values), list(rows))
