"""Who holds a lease, and whether that one is certainly gone.

A holder is written as ``machine/pid/start/nonce``. On the same machine a holder whose process no longer runs
is dead at once; on another machine only the lease's expiry can tell. Nothing here touches the warehouse.
"""

from __future__ import annotations

import functools
import os
import platform
import subprocess
import uuid
from pathlib import Path

_active: set[str] = set()


def new_holder() -> str:
    """A holder for one piece of work of this process; :func:`retire` it when the work ends, however it ends."""
    holder = f"{_machine()}/{os.getpid()}/{_started(os.getpid())}/{uuid.uuid4().hex[:12]}"
    _active.add(holder)
    return holder


def retire(holder: str) -> None:
    _active.discard(holder)


def is_dead(holder: str) -> bool:
    """True only when it is certain that nobody works under this holder any more."""
    parts = holder.rsplit("/", 3)
    if len(parts) != 4 or parts[0] != _machine() or not parts[1].isdigit():
        return False
    pid = int(parts[1])
    if pid == os.getpid() and parts[2] == _started(pid):
        return holder not in _active
    return _started(pid) != parts[2]


@functools.cache
def _machine() -> str:
    """This machine, this boot and this namespace of process ids: pids mean the same only where all are equal."""
    marks = [platform.node()]
    boot = Path("/proc/sys/kernel/random/boot_id")
    namespace = Path("/proc/self/ns/pid")
    if boot.exists():
        marks.append(boot.read_text().strip()[:8])
    if namespace.exists():
        marks.append(str(namespace.stat().st_ino))
    return ":".join(marks)


def _started(pid: int) -> str:
    """When process ``pid`` started, as text that differs for a process that reuses the id; empty when it is gone."""
    if Path("/proc/self/stat").exists():
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return ""
        # the command's name may hold spaces and parentheses; a zombie still has a line but writes no more
        fields = text.rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return "-".join(shown.stdout.split())
