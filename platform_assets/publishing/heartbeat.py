"""The heartbeat of a lease owner: its leases are renewed while it works or waits, by a thread of their own.

A beat never holds up the work. It takes the warehouse only if it is free at that moment; while the work itself, dbt
or somebody else has it, the beat is left out.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from platform_assets.logs import in_this_context, logger
from platform_assets.warehouse.errors import WarehouseBusy
from platform_assets.warehouse.protocol import Session, Warehouse

log = logger(__name__)

BEATS_PER_LEASE = 3
"""How many beats fall into the time for which a lease stands: one may be left out, or two, before it expires."""

HEARTBEAT = "lease heartbeat"
"""Name of the thread."""


@contextlib.contextmanager
def heartbeat(warehouse: Warehouse, renew: Callable[[Session], object], *, seconds: float) -> Iterator[None]:
    """Call ``renew`` every third of the ``seconds`` that a lease lasts, until the block ends."""
    if seconds <= 0:
        yield  # a lease without length is not kept
        return
    over = threading.Event()

    def beat() -> None:
        while not over.wait(seconds / BEATS_PER_LEASE):
            try:
                with warehouse.session(purpose="renewing leases", wait_seconds=0) as session:
                    if not over.is_set():
                        renew(session)
            except WarehouseBusy:
                continue
            except Exception as error:
                # of whatever kind it was: a thread that ended here would let the lease expire, and nobody would know
                log.warning("leases could not be renewed this time: %s: %s", type(error).__name__, error)

    thread = threading.Thread(target=in_this_context(beat), name=HEARTBEAT, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        # no thread can be started: the lease then lasts as long as it was taken for
        log.warning("no heartbeat: %s", error)
        yield
        return
    try:
        yield
    finally:
        over.set()
        # waits for a beat that is under way, which is one short statement; nobody uses the warehouse after the block
        thread.join()
