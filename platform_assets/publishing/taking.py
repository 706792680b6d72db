"""Work under leases: an owner for the length of a block, waiting for other writers, and giving leases back.

What a lease is and when it may be taken over is in ``leases``.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from platform_assets.logs import in_this_context, logger
from platform_assets.publishing.errors import LeaseHeld
from platform_assets.publishing.heartbeat import heartbeat
from platform_assets.publishing.leases import Busy, NotFree, extend, release
from platform_assets.publishing.ledger import LEASES
from platform_assets.publishing.migrations import ledger_session
from platform_assets.publishing.processes import is_of_this_thread, new_owner, retire
from platform_assets.warehouse.errors import StorageFault
from platform_assets.warehouse.protocol import Session, Warehouse

log = logger(__name__)

WAIT_SECONDS = 600.0
"""How long a writer waits for the lease of another one."""

RETRY_SECONDS = 10.0
"""The longest pause between two tries to give leases back."""

GIVE_BACK_SECONDS = 2.0
"""How long work that ends in an error, or was cancelled, waits for the warehouse to give its leases back."""

GIVING_BACK = "give leases back"
"""Name of a thread that goes on giving leases back after an error."""

Taken = TypeVar("Taken")


@contextlib.contextmanager
def lease_owner(warehouse: Warehouse, *, lease_seconds: float) -> Iterator[str]:
    """A name to hold leases under, for the length of a block; they are renewed by a heartbeat until it ends.

    Work that ends well releases its leases itself, in the transaction that publishes. After an error they are given
    back here. Where that fails too (no file descriptor, a full disk), the name counts as dead at once for this
    process, and a thread gives the leases back as soon as the warehouse can be used again, for all others.
    """
    try:
        owner = new_owner()
    except OSError as error:
        raise StorageFault(f"no lease can be taken: {error}. Nothing was changed; run again.") from error
    try:
        with heartbeat(warehouse, lambda session: extend(session, owner, lease_seconds), seconds=lease_seconds):
            yield owner
    except BaseException:
        if not _given_back(warehouse, owner):
            # a thread needs no file descriptor; it ends with the process, whose death gives back as well
            with contextlib.suppress(RuntimeError):  # where there can be no thread either, the process's end serves
                later = in_this_context(_give_back_later)
                threading.Thread(target=later, args=(warehouse, owner), name=GIVING_BACK, daemon=True).start()
        raise
    finally:
        retire(owner)


def take(
    warehouse: Warehouse,
    attempt: Callable[[Session], Taken],
    *,
    run_id: str,
    wait_seconds: float,
    purpose: str,
) -> Taken:
    """Repeat ``attempt``, each time in a session of its own, until it no longer raises ``NotFree``.

    Between attempts the warehouse is free for the one that is waited for. Raises ``LeaseHeld`` after
    ``wait_seconds``.
    """
    started, delay, reported = time.monotonic(), 0.05, False
    deadline = started + wait_seconds
    while True:
        try:
            with ledger_session(warehouse, purpose=purpose) as session:
                taken = attempt(session)
        except NotFree as not_free:
            busy = not_free.busy
        else:
            if reported:
                log.info("run %s goes on after %.1f s", run_id, time.monotonic() - started)
            return taken
        held = _in_words(busy)
        if any(is_of_this_thread(lease.owner) for lease in busy):
            raise LeaseHeld(f"{held}. That is this very thread, which cannot wait for itself: end that work first.")
        if time.monotonic() >= deadline:
            raise LeaseHeld(
                f"{held}. Run {run_id} waited {wait_seconds:g} s for it; wait for that run or end it, then run again."
            )
        if not reported:
            log.info("run %s waits: %s", run_id, held)
            reported = True
        time.sleep(min(delay, max(0.0, deadline - time.monotonic())))
        delay = min(delay * 1.5, 1.0)


def _in_words(busy: list[Busy]) -> str:
    first, more = busy[0], f" and {len(busy) - 1} partitions more" if len(busy) > 1 else ""
    return (
        f"{first.asset}, partition {first.partition}{more}: run {first.run_id} is writing it (lease owner "
        f"{first.owner}, lease until {first.expires_at:%Y-%m-%d %H:%M:%S} UTC)"
    )


def _give_back_later(warehouse: Warehouse, owner: str) -> None:
    delay = 0.1
    while not _given_back(warehouse, owner):
        time.sleep(delay)
        delay = min(delay * 2, RETRY_SECONDS)


def _given_back(warehouse: Warehouse, owner: str) -> bool:
    """Whether it was done, or there is nothing left to give back to. Raises nothing: another error is under way."""
    try:
        with warehouse.session(read_only=True, purpose=GIVING_BACK, wait_seconds=GIVE_BACK_SECONDS) as session:
            if session.columns(LEASES) is None:
                return True  # nothing was ever taken, or the warehouse is gone
        with warehouse.session(purpose=GIVING_BACK, wait_seconds=GIVE_BACK_SECONDS) as session, session.transaction():
            release(session, owner)
    except Exception as error:
        log.warning("the leases of %s could not be given back yet: %s", owner, error)
        return False
    return True
