"""Statements that a signal can end, and values bound to them.

A library that waits for a server does not look for signals. In the main thread, where Python raises what a signal
handler raises, calls therefore run in a thread beside it, and an interrupt cancels them on the server.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from platform_assets.cancellation import repeatedly
from platform_assets.sql.dialects import Dialect
from platform_assets.sql.literals import literal

Result = TypeVar("Result")

_TEXT, _ESCAPED = r"'(?:[^']|'')*'", r"'(?:[^'\\]|\\.|'')*'"
_OTHERS = r"|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|\?"
_PARTS = {
    Dialect.POSTGRES: re.compile(_TEXT + _OTHERS, re.DOTALL),
    Dialect.SNOWFLAKE: re.compile(_ESCAPED + _OTHERS, re.DOTALL),
}


def bound(sql: str, parameters: Sequence[object], dialect: Dialect) -> str:
    """``sql`` with a literal for each ``?`` that stands outside of texts, names and comments."""
    values = iter(parameters)
    return _PARTS[dialect].sub(lambda part: literal(next(values), dialect) if part[0] == "?" else part[0], sql)


class Runner:
    """Makes the calls of one connection; ``cancel`` ends the one that is under way, from another thread."""

    def __init__(self, cancel: Callable[[], object]) -> None:
        self._cancel = cancel
        self._beside: ThreadPoolExecutor | None = None

    def run(self, call: Callable[[], Result], end: Callable[[], object] | None = None) -> Result:
        """What ``call`` returns or raises. What a signal handler raises meanwhile is raised once the call has ended.

        ``end`` ends what the call does besides its statement.
        """
        if threading.current_thread() is not threading.main_thread():
            return call()
        if self._beside is None:
            self._beside = ThreadPoolExecutor(1, thread_name_prefix="warehouse")
        future: Future[Result] = self._beside.submit(call)
        try:
            return future.result()
        except BaseException:
            if not future.done():
                with repeatedly(self._cancel):
                    if end is not None:
                        end()
                    wait([future])
            raise

    def close(self) -> None:
        """End the thread, if there is one."""
        if self._beside is not None:
            self._beside.shutdown(wait=False)
