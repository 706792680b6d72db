"""The processes that a step has started, and how they are ended: SIGTERM first, SIGKILL two seconds later."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Collection
from pathlib import Path

import psutil

from platform_assets.machine import started

KILL_AFTER_SECONDS = 2.0

_SHARED = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")
"""Helpers of Python that serve the whole process, whichever step was the first to need them."""
_HAS_BOOT_CLOCK = hasattr(time, "CLOCK_BOOTTIME") and Path("/proc/self/stat").exists()


def now() -> float:
    """This moment on the clock by which the starts of processes are compared."""
    if _HAS_BOOT_CLOCK:
        return float(int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK")))
    return time.time() - 1


def descendants(since: float) -> list[psutil.Process]:
    """The processes below this one that have started since :func:`now` was ``since``.

    One that has left its parent (a daemon) is not found.
    """
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if _start(process) >= since and not any(word in " ".join(process.cmdline()) for word in _SHARED):
                found.append(process)
    return found


def _start(process: psutil.Process) -> float:
    if _HAS_BOOT_CLOCK:
        text = started(process.pid)
        if not text:
            raise psutil.NoSuchProcess(process.pid)
        return float(text)
    return process.create_time()


class Ending:
    """Ends processes that were found by :func:`descendants`, and those that they start meanwhile."""

    def __init__(self, processes: Collection[psutil.Process]) -> None:
        self._processes = list(processes)
        self._since: float | None = None

    def step(self) -> bool:
        """Do what is due; True once all of them are gone. To be called every few hundredths of a second."""
        self._processes = [process for process in self._processes if _runs(process)]
        if not self._processes:
            return True
        if self._since is None:
            self._since = time.monotonic()
            self._all(psutil.Process.terminate)
        elif time.monotonic() - self._since >= KILL_AFTER_SECONDS:
            self.kill()
        return False

    def kill(self) -> None:
        """End them without asking, with all that they have started."""
        for process in list(self._processes):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                self._processes += process.children(recursive=True)
        self._all(psutil.Process.kill)

    def _all(self, end: Callable[[psutil.Process], None]) -> None:
        for process in self._processes:
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                end(process)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
