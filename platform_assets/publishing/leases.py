"""Leases with fencing tokens: at most one writer per (asset, partition), and no writer after it was replaced.

A lease is taken for all partitions of a piece of work, or for none, so two writers with overlapping sets cannot wait
for each other in a circle. Taking it adds one to the partition's token; a writer checks, inside the transaction that
publishes, that it still holds the newest. Expiry and liveness therefore only decide when others may take over, never
who is right:

| the owner is | its lease is taken over |
|---|---|
| dead | at once |
| alive | never, expired or not |
| unknown (another machine) | when it has expired |
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from platform_assets.failures import Kind
from platform_assets.logs import logger
from platform_assets.publishing import owners
from platform_assets.publishing.errors import LeaseLost, PublishingError
from platform_assets.publishing.ledger import LEASES, Key, name, stage_keys
from platform_assets.warehouse.protocol import Session

log = logger(__name__)

LEASE_SECONDS = 60.0
"""How long a lease lasts without renewal: what another machine waits for after a writer there was killed."""


@dataclass(frozen=True)
class Lease:
    """What a writer holds: one fencing token for each (asset, partition)."""

    owner: str
    run_id: str
    seconds: float
    tokens: Mapping[Key, int]


@dataclass(frozen=True)
class Busy:
    """A lease that somebody else holds, until ``expires_at`` (UTC) unless it is renewed."""

    asset: str
    partition: str
    run_id: str
    owner: str
    expires_at: dt.datetime


class NotFree(PublishingError):
    """Some of the leases that were asked for are somebody else's: ``busy``, of which there is at least one.

    It rolls back the transaction that asked; whoever waits for the leases catches it.
    """

    kind = Kind.INFRASTRUCTURE
    code = "lease:not_free"

    def __init__(self, busy: Sequence[Busy]) -> None:
        self.busy = list(busy)
        super().__init__(f"{len(self.busy)} leases are not free")


def acquire(session: Session, keys: Sequence[Key], *, owner: str, run_id: str, seconds: float) -> Lease:
    """Take the lease on all ``keys``.

    To be called inside a transaction, which ``NotFree`` has to roll back. Writers take leases one after the other. A
    row that a transaction is changing is not free: its owner publishes at this moment, whatever its expiry says.
    """
    leases, wanted = name(session, LEASES), stage_keys(session, keys)
    session.take_turn("platform.leases")
    now = session.now()
    owners_now = _clear_dead(session)
    alive = owners_now.alive
    expired = _expired(session, wanted, owner, now) if owners_now.unknown else []
    session.execute(
        f'INSERT INTO {leases} ("asset", "partition_key", "token", "holder", "run_id", "expires_at") '
        f'SELECT k."asset", k."partition_key", 0, NULL, \'\', CAST(? AS TIMESTAMP) FROM {wanted} AS k '
        f"WHERE NOT EXISTS (SELECT 1 FROM {leases} AS l WHERE {_SAME})",
        [now],
    )
    kept = f' AND l."holder" NOT IN ({", ".join("?" for _ in alive)})' if alive else ""
    free = session.kept(
        f'SELECT l."asset", l."partition_key" FROM {leases} AS l WHERE {_among(wanted)} '
        f'AND (l."holder" IS NULL OR (l."expires_at" <= ?{kept}))'
    )
    mine = {(asset, partition) for asset, partition in session.execute(free, [now, *alive])}
    if mine >= set(keys):
        session.execute(
            f'UPDATE {leases} AS l SET "token" = l."token" + 1, "holder" = ?, "run_id" = ?, "expires_at" = ? '
            f"WHERE {_among(wanted)}",
            [owner, run_id, now + dt.timedelta(seconds=seconds)],
        )
    rows = session.execute(
        f'SELECT l."asset", l."partition_key", l."run_id", coalesce(l."holder", \'\'), l."expires_at", l."token" '
        f"FROM {leases} AS l WHERE {_among(wanted)}"
    )
    busy = [Busy(*row[:5]) for row in sorted(rows) if (row[0], row[1]) not in mine]
    if busy:
        raise NotFree(busy)
    for holder, run in sorted(owners_now.dead):
        log.warning("took over the leases of run %s: its process is dead (lease owner %s)", run, holder)
    for holder, run in expired:
        log.warning("took over leases of run %s, which were not renewed in time (lease owner %s)", run, holder)
    return Lease(owner, run_id, seconds, {(row[0], row[1]): row[5] for row in rows})


def renew(session: Session, lease: Lease) -> None:
    """Prove that every token is still the newest, and push the expiry out.

    To be called inside the transaction that publishes: the update also keeps other writers off these rows until
    it commits. Raises ``LeaseLost``, naming a partition and the run that took it over.
    """
    leases = name(session, LEASES)
    extend(session, lease.owner, lease.seconds)
    rows = session.execute(f'SELECT "asset", "partition_key", "token" FROM {leases} WHERE "holder" = ?', [lease.owner])
    held = {(asset, partition): token for asset, partition, token in rows}
    lost = [key for key, token in lease.tokens.items() if held.get(key) != token]
    if not lost:
        return
    asset, partition = lost[0]
    successor = session.execute(
        f'SELECT "run_id" FROM {leases} WHERE "asset" = ? AND "partition_key" = ?', [asset, partition]
    )
    by = f"run {successor[0][0]}" if successor else "another writer"
    raise LeaseLost(
        f"{asset}, partition {partition}: the lease of run {lease.run_id} expired and {by} took it over ({len(lost)} "
        f"of {len(lease.tokens)} partitions lost). Nothing of this attempt was published; run it again if {by} did not "
        f"publish what you expect."
    )


def extend(session: Session, owner: str, seconds: float) -> None:
    """Push the expiry of all that ``owner`` still has to ``seconds`` from now."""
    expires = session.now() + dt.timedelta(seconds=seconds)
    session.execute(f'UPDATE {name(session, LEASES)} SET "expires_at" = ? WHERE "holder" = ?', [expires, owner])


def release(session: Session, owner: str) -> None:
    """Give back all that ``owner`` has; tokens stay, so an old one never becomes the newest again."""
    session.execute(f'UPDATE {name(session, LEASES)} SET "holder" = NULL WHERE "holder" = ?', [owner])


@dataclass
class _Owners:
    """The names of owners that are alive, and of those of whom nothing is known; the dead with their runs."""

    alive: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    dead: set[tuple[str, str]] = field(default_factory=set)


def _clear_dead(session: Session) -> _Owners:
    """Give back what dead owners have, on whatever asset and partition; who owned leases until now."""
    found = session.execute(
        f'SELECT DISTINCT "holder", "run_id" FROM {name(session, LEASES)} WHERE "holder" IS NOT NULL'
    )
    result = _Owners()
    for owner in dict.fromkeys(holder for holder, _ in found):
        known = owners.is_alive(owner)
        if known:
            result.alive.append(owner)
        elif known is False:
            release(session, owner)
            result.dead |= {(holder, run) for holder, run in found if holder == owner}
        else:
            result.unknown.append(owner)
    return result


def _expired(session: Session, wanted: str, owner: str, now: dt.datetime) -> list[tuple[str, str]]:
    """Other owners, with their runs, whose leases on what is wanted have expired."""
    rows = session.execute(
        f'SELECT DISTINCT l."holder", l."run_id" FROM {name(session, LEASES)} AS l '
        f'WHERE {_among(wanted)} AND l."holder" <> ? AND l."expires_at" <= ?',
        [owner, now],
    )
    return sorted((holder, run) for holder, run in rows)


_SAME = 'k."asset" = l."asset" AND k."partition_key" = l."partition_key"'


def _among(wanted: str) -> str:
    return f"EXISTS (SELECT 1 FROM {wanted} AS k WHERE {_SAME})"
