"""Leases with fencing tokens: at most one writer per (asset, partition), and no writer after it was replaced.

A lease is taken for all partitions of a piece of work in one statement, or for none, so two writers with
overlapping sets cannot wait for each other in a circle. Taking it adds one to the partition's token; a writer
checks, inside the transaction that publishes, that it still holds the newest. Expiry therefore only decides
when others may take over, never who is right.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from platform_assets.publishing.errors import LeaseHeld, LeaseLost
from platform_assets.publishing.holders import is_dead, is_of_this_thread, new_holder, retire
from platform_assets.publishing.ledger import LEASES, Key, name, stage_keys
from platform_assets.warehouse.errors import StorageFault
from platform_assets.warehouse.protocol import Session, Warehouse

log = logging.getLogger(__name__)

LEASE_SECONDS = 60.0
"""How long a lease lasts without renewal: what another machine waits for after a writer there was killed."""

WAIT_SECONDS = 600.0
"""How long a writer waits for the lease of another one."""

RETRY_SECONDS = 10.0
"""The longest pause between two tries to give leases back."""

GIVING_BACK = "give leases back"
"""Name of a thread that goes on giving leases back after an error."""

Taken = TypeVar("Taken")


@dataclass(frozen=True)
class Lease:
    """What a writer holds: one fencing token for each (asset, partition)."""

    holder: str
    run_id: str
    seconds: float
    tokens: Mapping[Key, int]


@dataclass(frozen=True)
class Busy:
    """A lease that somebody else holds, until ``expires_at`` (UTC) unless it is renewed."""

    asset: str
    partition: str
    run_id: str
    holder: str
    expires_at: dt.datetime


def acquire(session: Session, keys: Sequence[Key], *, holder: str, run_id: str, seconds: float) -> Lease | list[Busy]:
    """Take the lease on all ``keys``, or return who holds some of them. To be called inside a transaction."""
    leases, wanted, now = name(session, LEASES), stage_keys(session, keys), session.now()
    _clear_dead(session)
    session.execute(
        f"INSERT INTO {leases} SELECT k.asset, k.partition_key, 0, NULL, '', CAST(? AS TIMESTAMP) FROM {wanted} AS k "
        f"WHERE NOT EXISTS (SELECT 1 FROM {leases} AS l WHERE l.asset = k.asset AND l.partition_key = k.partition_key)",
        [now],
    )
    held = session.execute(
        f"SELECT l.asset, l.partition_key, l.run_id, l.holder, l.expires_at FROM {leases} AS l WHERE {_among(wanted)} "
        f"AND l.holder IS NOT NULL AND l.expires_at > ?",
        [now],
    )
    if held:
        return [Busy(*row) for row in held]
    session.execute(
        f"UPDATE {leases} AS l SET token = token + 1, holder = ?, run_id = ?, expires_at = ? WHERE {_among(wanted)}",
        [holder, run_id, now + dt.timedelta(seconds=seconds)],
    )
    rows = session.execute(f"SELECT asset, partition_key, token FROM {leases} WHERE holder = ?", [holder])
    return Lease(holder, run_id, seconds, {(asset, partition): token for asset, partition, token in rows})


def renew(session: Session, lease: Lease) -> None:
    """Prove that every token is still the newest, and push the expiry out.

    To be called inside the transaction that publishes: the update also keeps other writers off these rows until
    it commits. Raises ``LeaseLost``, naming a partition and the run that took it over.
    """
    leases = name(session, LEASES)
    expires = session.now() + dt.timedelta(seconds=lease.seconds)
    session.execute(f"UPDATE {leases} SET expires_at = ? WHERE holder = ?", [expires, lease.holder])
    rows = session.execute(f"SELECT asset, partition_key, token FROM {leases} WHERE holder = ?", [lease.holder])
    held = {(asset, partition): token for asset, partition, token in rows}
    lost = [key for key, token in lease.tokens.items() if held.get(key) != token]
    if not lost:
        return
    asset, partition = lost[0]
    successor = session.execute(
        f"SELECT run_id FROM {leases} WHERE asset = ? AND partition_key = ?", [asset, partition]
    )
    by = f"run {successor[0][0]}" if successor else "another writer"
    raise LeaseLost(
        f"{asset}, partition {partition}: the lease of run {lease.run_id} expired and {by} took it over ({len(lost)} "
        f"of {len(lease.tokens)} partitions lost). Nothing of this attempt was published; run it again if {by} did not "
        f"publish what you expect."
    )


def release(session: Session, holder: str) -> None:
    """Give back all that ``holder`` has; tokens stay, so an old one never becomes the newest again."""
    session.execute(f"UPDATE {name(session, LEASES)} SET holder = NULL WHERE holder = ?", [holder])


def take(
    warehouse: Warehouse,
    attempt: Callable[[Session], Taken | list[Busy]],
    *,
    run_id: str,
    wait_seconds: float,
    purpose: str,
) -> Taken:
    """Repeat ``attempt``, each time in a session of its own, until it returns something else than who is in the way.

    Between attempts the warehouse is free for the one that is waited for. Raises ``LeaseHeld`` after
    ``wait_seconds``.
    """
    deadline, delay, told = time.monotonic() + wait_seconds, 0.05, False
    while True:
        with warehouse.session(purpose=purpose) as session:
            taken = attempt(session)
        if not isinstance(taken, list):
            return taken
        first, more = taken[0], f" and {len(taken) - 1} partitions more" if len(taken) > 1 else ""
        held = (
            f"{first.asset}, partition {first.partition}{more}: run {first.run_id} is writing it (holder "
            f"{first.holder}, lease until {first.expires_at:%Y-%m-%d %H:%M:%S} UTC)"
        )
        if any(is_of_this_thread(busy.holder) for busy in taken):
            raise LeaseHeld(f"{held}. That is this very thread, which cannot wait for itself: end that work first.")
        if time.monotonic() >= deadline:
            raise LeaseHeld(
                f"{held}. Run {run_id} waited {wait_seconds:g} s for it; wait for that run or end it, then run again."
            )
        if not told:
            log.info("run %s waits: %s", run_id, held)
            told = True
        time.sleep(min(delay, max(0.0, deadline - time.monotonic())))
        delay = min(delay * 1.5, 1.0)


class Holder:
    """A name under which leases are held, for the length of a ``with`` block.

    Work that ends well releases its leases itself, in the transaction that publishes. After an error they are given
    back here. Where that fails too (no file descriptor, a full disk), the name counts as dead at once for this
    process, and a thread gives the leases back as soon as the warehouse can be used again, for all others.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        try:
            self.warehouse, self.name = warehouse, new_holder()
        except OSError as error:
            raise StorageFault(f"no lease can be taken: {error}. Nothing was changed; run again.") from error

    def __enter__(self) -> Holder:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is not None and not self._given_back():
                # a thread needs no file descriptor; it ends with the process, whose death gives back as well
                with contextlib.suppress(RuntimeError):  # where there can be no thread either, the process's end serves
                    threading.Thread(target=self._give_back_later, name=GIVING_BACK, daemon=True).start()
        finally:
            retire(self.name)

    def _give_back_later(self) -> None:
        delay = 0.1
        while not self._given_back():
            time.sleep(delay)
            delay = min(delay * 2, RETRY_SECONDS)

    def _given_back(self) -> bool:
        """Whether it was done, or there is nothing left to give back to. Raises nothing: another error is under way."""
        try:
            with self.warehouse.session(read_only=True, purpose="giving leases back") as session:
                if session.describe(LEASES) is None:
                    return True  # nothing was ever taken, or the warehouse is gone
            with self.warehouse.session(purpose="giving leases back") as session, session.transaction():
                release(session, self.name)
        except Exception as error:
            log.warning("the leases of %s could not be given back yet: %s", self.name, error)
            return False
        return True


def _clear_dead(session: Session) -> None:
    """Give back what processes of this machine held that died, on whatever asset and partition."""
    holders = session.execute(f"SELECT DISTINCT holder FROM {name(session, LEASES)} WHERE holder IS NOT NULL")
    for (holder,) in holders:
        if is_dead(holder):
            release(session, holder)


def _among(wanted: str) -> str:
    return f"EXISTS (SELECT 1 FROM {wanted} AS k WHERE k.asset = l.asset AND k.partition_key = l.partition_key)"
