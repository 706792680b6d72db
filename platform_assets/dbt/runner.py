"""dbt in this process: one command at a time, and its connections closed before the next.

Two invocations at once in one process fail, and a child forked while dbt's connection is open loses its writes
without a word: hence one lock, and every connection closed before the lock is given back.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from platform_assets.cancellation import TIME_OVER, repeatedly, time_is_over
from platform_assets.dbt.quick_start import quicken

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult

_one_at_a_time = threading.RLock()
_ENDING = (signal.SIGINT, signal.SIGTERM, TIME_OVER)


def run_dbt(
    arguments: Sequence[str],
    manifest: Any = None,
    environment: Mapping[str, str] | None = None,
    callbacks: Sequence[Callable[[Any], None]] = (),
) -> dbtRunnerResult:
    """One dbt command; its connections are closed when this returns, whatever happened.

    ``environment`` holds variables that are set for the length of the call; ``callbacks`` are given dbt's events.
    An interrupt ends dbt's statements, and is raised from here when they have ended, as what the caller's own signal
    handlers make of it.
    """
    from dbt.cli.main import dbtRunner

    quicken()
    with _one_at_a_time, _variables(environment or {}), _interrupts_reach_dbt():
        try:
            result = dbtRunner(manifest=manifest, callbacks=list(callbacks)).invoke(list(arguments))
        finally:
            _close_connections()
    if result.exception is not None and not isinstance(result.exception, Exception):
        # dbt's runner returns even a KeyboardInterrupt as a result
        raise result.exception
    return result


@contextmanager
def _interrupts_reach_dbt() -> Iterator[None]:
    """SIGINT, SIGTERM and TIME_OVER as the KeyboardInterrupt that dbt knows, and afterwards as what they were to be.

    dbt cancels its statements and waits for its threads on a KeyboardInterrupt alone. Of any other exception they
    outlive the call, and go on writing when the warehouse has long been somebody else's.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    ending = ExitStack()

    def interrupt(number: int, _: FrameType | None) -> None:
        if number == TIME_OVER and not time_is_over.is_set():
            return
        received.append(number)
        # a second one would end dbt's wait for its threads
        if len(received) == 1:
            ending.enter_context(repeatedly(_cancel_statements))
            raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _ENDING}
    try:
        with ending:
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if received:
            signal.raise_signal(received[0])


def _cancel_statements() -> None:
    """End every statement that dbt has under way: dbt does it once, which a thread between two statements survives."""
    from dbt.adapters.contracts.connection import ConnectionState
    from dbt.adapters.factory import FACTORY

    for adapter in list(FACTORY.adapters.values()):
        # not dbt's `cancel_open`, which opens connections that are not open yet
        for connection in list(adapter.connections.thread_connections.values()):
            if connection.state == ConnectionState.OPEN:
                adapter.connections.cancel(connection)


def _close_connections() -> None:
    # dbt-duckdb keeps the database open in a class attribute after the command has ended
    from dbt.adapters.factory import FACTORY, reset_adapters

    for adapter in list(FACTORY.adapters.values()):
        adapter.connections.cleanup_all()
        database = getattr(type(adapter.connections), "_ENV", None)
        if database is not None:
            # forgotten alone, it stays open as long as the traceback of an interrupt refers to it
            database.close()
        close_all = getattr(type(adapter.connections), "close_all_connections", None)
        if close_all is not None:
            close_all()
    reset_adapters()


@contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
