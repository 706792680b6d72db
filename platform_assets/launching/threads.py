"""Whether a process may be forked: it may not with other threads, whose locks a copy would keep for ever."""

from __future__ import annotations

import importlib
import threading
from pathlib import Path


class Threads:
    """The threads of this process beyond its first one and those of allocators, which take part in a fork."""

    def __init__(self) -> None:
        self._native = 0

    def import_native(self) -> None:
        """Import DuckDB, whose allocator starts a thread that takes care of a fork itself."""
        before = _count()
        importlib.import_module("duckdb")
        self._native = _count() - before

    def reason_against_forking(self) -> str | None:
        """Why this process may not be copied; None if it may."""
        count = _count() - 1 - self._native
        if count <= 0:
            return None
        names = ", ".join(t.name for t in threading.enumerate() if t is not threading.main_thread())
        return f"its definitions have started {count} threads ({names or 'of a native library'})"


def _count() -> int:
    """How many threads this process has, those of native libraries among them, but for those of jemalloc.

    jemalloc, which PyArrow brings, stops its threads before a fork and begins new ones.
    """
    tasks = Path("/proc/self/task")
    if not tasks.exists():
        return threading.active_count()
    names = [(task / "comm").read_text().strip() for task in tasks.iterdir()]
    return len([name for name in names if name != "jemalloc_bg_thd"])
