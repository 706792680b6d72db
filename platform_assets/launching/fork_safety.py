"""Whether a process may be forked: not with threads, whose locks a copy keeps, nor with sockets that copies share."""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
from pathlib import Path

PROC = Path("/proc/self")


class ForkSafety:
    """What this process has beyond its first thread, the threads of allocators, and the sockets that it began with."""

    def __init__(self) -> None:
        self._native = 0
        self._sockets = _sockets()

    def import_native(self) -> None:
        """Import DuckDB, whose allocator starts a thread that takes care of a fork itself."""
        before = _threads()
        importlib.import_module("duckdb")
        self._native = _threads() - before

    def reason_against_forking(self) -> str | None:
        """Why this process may not be copied; None if it may."""
        if _threads() - 1 - self._native > 0:
            names = ", ".join(t.name for t in threading.enumerate() if t is not threading.main_thread())
            return f"what it has imported runs another thread ({names or 'of a native library'}), which a copy has not"
        if _sockets() - self._sockets:
            return "what it has imported keeps a connection open, which its copies would share"
        return None


def _threads() -> int:
    """How many threads this process has, those of native libraries among them, but for those of jemalloc.

    jemalloc, which PyArrow brings, stops its threads before a fork and begins new ones. Without /proc only Python's are
    known.
    """
    if not PROC.exists():
        return threading.active_count()
    names = []
    for task in (PROC / "task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            names.append((task / "comm").read_text().strip())
    return len([name for name in names if name != "jemalloc_bg_thd"])


def _sockets() -> frozenset[str]:
    """The sockets that are open; none where there is no /proc."""
    found = set()
    if PROC.exists():
        for name in os.listdir(PROC / "fd"):  # noqa: PTH208  # names alone, for they may be gone
            with contextlib.suppress(FileNotFoundError):
                target = os.readlink(PROC / "fd" / name)  # noqa: PTH115
                if target.startswith("socket:"):
                    found.add(target)
    return frozenset(found)
