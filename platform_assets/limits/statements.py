"""Statements that a step runs on connections of its own, ended from another thread.

Sessions of the platform end their statements themselves. Other people's code holds connections of DuckDB, SQLite or
PostgreSQL in its variables; a call that waits for one of these does not look at exceptions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType

from platform_assets.logs import logger

log = logger(__name__)

_ENDED_BY = {
    ("duckdb", "DuckDBPyConnection"): "interrupt",
    ("_duckdb", "DuckDBPyConnection"): "interrupt",
    ("sqlite3", "Connection"): "interrupt",
    ("psycopg2.extensions", "connection"): "cancel",
    ("psycopg", "Connection"): "cancel",
}
"""The method that ends the statement of a connection, by module and name of its class."""


class Call:
    """The call that a thread is in at this moment, on behalf of what ``outermost`` has called."""

    def __init__(self, thread: int, outermost: CodeType) -> None:
        self._thread, self._outermost = thread, outermost
        self._place = next(self._places(), None)
        self._found = self._statements()

    def end(self) -> None:
        """End its statements. To be called again until the step has ended: DuckDB forgets an interrupt.

        What is cancelled on a server is left alone once the call has returned. In this process the threads of DuckDB
        go on with a query whose call has returned, and whoever closes the connection waits for them.
        """
        returned = self._place not in list(self._places())
        for name, end in self._found:
            if returned and name == "cancel":
                continue
            try:
                end()
            except Exception as error:
                # it may be closed at any moment; the next call finds it closed
                log.debug("a statement could not be ended: %s", type(error).__name__)

    def _statements(self) -> list[tuple[str, Callable[[], object]]]:
        found: dict[int, tuple[str, Callable[[], object]]] = {}
        for frame in self._frames():
            for value in list(frame.f_locals.values()):
                for held in (value, getattr(value, "connection", None) if _is_cursor(value) else None):
                    for name in _methods(type(held)):
                        found[id(held)] = (name, getattr(held, name))
        return list(found.values())

    def _places(self) -> Iterator[tuple[int, int]]:
        return ((id(frame), frame.f_lasti) for frame in self._frames())

    def _frames(self) -> Iterator[FrameType]:
        frame = sys._current_frames().get(self._thread)
        while frame is not None and frame.f_code is not self._outermost:
            yield frame
            frame = frame.f_back


def _is_cursor(value: object) -> bool:
    return type(value).__name__.lower() == "cursor"


def _methods(kind: type) -> Iterator[str]:
    for base in kind.__mro__:
        if (base.__module__, base.__name__) in _ENDED_BY:
            yield _ENDED_BY[base.__module__, base.__name__]
            return
