"""Knowing that Ctrl-C has come, whatever became of it: Dagster and DuckDB make failures of their own of it.

For commands that execute runs in this process. What they have finished stays, and what they were at is canceled.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

from platform_assets.cli.ctrl_c import in_a_process_of_its_own

FROM_A_SHELL = "from a shell"
"""The object that a command is given if it is the process's own."""

_interrupted: list[bool] = []
"""One entry for each block of :func:`noticed_ctrl_c` that this process is in, read from its pipe when asked."""
_readers: list[int] = []


def _nothing() -> None:
    """Nothing is done before Ctrl-C interrupts the process."""


class Canceled(Exception):
    """Ctrl-C has ended it."""


def was_interrupted() -> bool:
    """Whether Ctrl-C has come since the block of :func:`noticed_ctrl_c` began; False outside of one."""
    if not _readers:
        return False
    with contextlib.suppress(BlockingIOError):
        if signal.SIGINT in os.read(_readers[-1], 4096):
            _interrupted[-1] = True
    return _interrupted[-1]


@contextlib.contextmanager
def noticed_ctrl_c(given: object) -> Iterator[None]:
    """What ends the block after Ctrl-C is ``Canceled``. Signals are seen by the main thread's blocks only.

    A command that is ``given`` as one from a shell goes on in a process of its own, so that Ctrl-C does not interrupt
    the processes that Dagster starts. Libraries that start threads are imported in the block.
    """
    if given == FROM_A_SHELL:
        in_a_process_of_its_own().before = _nothing
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = os.pipe()
    for end in (reader, writer):
        os.set_blocking(end, False)
    _readers.append(reader)
    _interrupted.append(False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield
    except Exception as error:
        if was_interrupted() and not isinstance(error, Canceled):
            raise Canceled from None
        raise
    except KeyboardInterrupt:
        raise Canceled from None
    finally:
        signal.set_wakeup_fd(before)
        _readers.pop()
        _interrupted.pop()
        os.close(reader)
        os.close(writer)
