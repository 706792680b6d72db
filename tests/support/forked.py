"""Processes for campaigns that need hundreds of them: forked from one that has imported everything, not started anew.

Starting Python and importing what a writer needs takes 0.7 CPU seconds, forking 0.01. What is forked has opened
nothing, and ends without Python's own end, which would wait for a thread that DuckDB has as soon as it is imported.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.publishing.writer"])


class _Lines:
    """A text stream of which each line is sent."""

    def __init__(self, to: Connection) -> None:
        self._to, self._line = to, ""

    def write(self, text: str) -> int:
        *whole, self._line = (self._line + text).split("\n")
        for line in whole:
            self._to.send(line)
        return len(text)

    def flush(self) -> None:
        """Each line is sent when it ends."""


def _run(to: Connection, environment: Mapping[str, str], work: Callable[..., object], arguments: Sequence[str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    sys.stdout = _Lines(to)  # type: ignore[assignment]
    work(*arguments)


class Forked:
    """A process that does ``work``, a function of a module, with ``arguments``; what it prints is read line by line."""

    def __init__(
        self, work: Callable[..., object], arguments: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        # what is forked would have the environment of the moment at which its server was started
        given = {**os.environ, **(environment or {})}
        self._lines, to = _CONTEXT.Pipe(duplex=False)
        self._process = _CONTEXT.Process(target=_run, args=(to, given, work, list(arguments)), daemon=True)
        self._process.start()
        to.close()

    def readline(self) -> str:
        """The next line, without its end; nothing at the end of the process."""
        try:
            return str(self._lines.recv())
        except EOFError:
            return ""

    def poll(self) -> int | None:
        return self._process.exitcode

    def kill(self) -> None:
        if self._process.pid is not None and self._process.is_alive():
            os.kill(self._process.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Its exit code, negative for a signal."""
        self._process.join()
        code = self._process.exitcode
        assert code is not None
        return code
