"""Ending work that does not run in Python's main thread, or not in Python at all, when its run is cancelled.

A signal (SIGINT, SIGTERM) becomes an exception in the main thread alone, and only between two steps of Python. Whoever
has work elsewhere passes it on: :func:`repeatedly` asks the work to end until it has. How a statement of DuckDB that
the main thread runs is ended is in ``warehouse.duckdb.interrupts``.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

from platform_assets.logs import in_this_context, logger

log = logger(__name__)

EVERY_SECONDS = 0.05

TIME_OVER = signal.SIGURG
"""Sent to the main thread when the time limit of its step is over. Without a handler nothing comes of it."""

time_is_over = threading.Event()
"""Set while the step that this process executes is past its time limit."""


class Cancelled(BaseException):
    """The work of this thread was cancelled by another one. No ``Exception``: nothing may take it for a failure.

    A thread raises it itself, where nothing is half done. Python can raise it in another thread, in the middle of an
    import too, whose lock is then held for ever.
    """


class TimeLimitExceeded(BaseException):
    """The step that the main thread executes is past its time limit. The text names the limit.

    No ``Exception``: whoever goes on after a failure must not go on after this.
    """


@contextlib.contextmanager
def repeatedly(end: Callable[[], object]) -> Iterator[None]:
    """Call ``end`` again and again, in a thread of its own, while the block waits for the work to be over.

    Once is not enough: DuckDB forgets an interrupt that comes between two statements.
    """
    over = threading.Event()

    def call() -> None:
        while not over.is_set():
            try:
                end()
            except Exception as error:
                # what is to end may be half closed at any moment; the next call finds it closed
                log.debug("an interrupt did not arrive: %s", error)
            over.wait(EVERY_SECONDS)

    thread = threading.Thread(target=in_this_context(call), name="interrupts", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
