"""Ctrl-C with something to be done before it interrupts: a run is to be marked as being canceled first.

Dagster has signal handlers of its own while it executes a run, and libraries have threads that take signals too. So the
work is done by a forked process in a group of its own, which a terminal does not interrupt; nor does it interrupt the
processes that the work has started. The first process waits for it, and passes on by a pipe that it is to end. If the
first process is killed, the pipe is closed, which means the same.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator

FROM_A_SHELL = "from a shell"
"""The object that a command is given if it is the process's own."""

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Canceled(Exception):
    """Ctrl-C has ended it."""


class Interrupts:
    """In the process that works: ``received`` tells that it is to end.

    ``before`` is called once, in a thread of its own, and then the main thread is interrupted. Until it is set there
    is nothing to be ended, and the process exits at once. ``reader`` is the end of a pipe; without it nothing comes.
    """

    def __init__(self, reader: int | None = None) -> None:
        self.received = False
        self.before: Callable[[], object] | None = None
        self._main = threading.get_ident()
        if reader is not None:
            threading.Thread(target=self._wait, args=(reader,), name="ctrl-c", daemon=True).start()

    def _wait(self, reader: int) -> None:
        word = os.read(reader, 1)
        self.received = True
        if self.before is None:
            os._exit(1)
        try:
            self.before()
        finally:
            signal.pthread_kill(self._main, signal.SIGINT)
        if word:
            # a second time nothing is waited for
            os.read(reader, 1)
            os._exit(130)


def in_a_process_of_its_own() -> Interrupts:
    """Go on in a forked process, whose exit code becomes that of this one; returns in the forked one only.

    To be called before libraries are imported that start threads.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(writer)
        os.setpgid(0, 0)
        # a terminal may stop a process of the background that writes
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        # a shell that starts a command in the background lets it ignore this one, which would be ignored here too
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return Interrupts(reader)
    os.close(reader)

    def end(*_: object) -> None:
        # it may be over already
        with contextlib.suppress(BrokenPipeError):
            os.write(writer, b"x")

    for number in ENDING:
        signal.signal(number, end)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        sys.stderr.write(f"the run's process was ended by {signal.Signals(-code).name}\n")
    sys.stderr.flush()
    os._exit(code if code >= 0 else 1)


@contextlib.contextmanager
def interruptible(given: object) -> Iterator[Interrupts]:
    """For a command with work before and after its runs: what ends the block after Ctrl-C is ``Canceled``.

    Libraries make failures of their own of it. A command that is ``given`` as one from a shell goes on in a process of
    its own; one that a program calls is not forked. Libraries that start threads are imported in the block.
    """
    interrupts = in_a_process_of_its_own() if given == FROM_A_SHELL else Interrupts()
    interrupts.before = _nothing
    try:
        yield interrupts
    except KeyboardInterrupt:
        raise Canceled from None
    except Exception:
        if interrupts.received:
            raise Canceled from None
        raise


def _nothing() -> None:
    """Outside of a run nothing is to be marked before the main thread is interrupted."""
