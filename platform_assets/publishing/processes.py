"""Who holds a lease, and whether that one is certainly gone.

A holder is written as ``machine/pid/start/nonce``. On the same machine a holder whose process no longer runs
is dead at once; on another machine only the lease's expiry can tell. Nothing here touches the warehouse.
"""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import subprocess
import threading
import uuid
from pathlib import Path

_active: dict[str, int] = {}
"""Names at work in this process, with the thread that works under each."""


def new_holder() -> str:
    """A holder for one piece of work of this process; :func:`retire` it when the work ends, however it ends.

    Raises OSError when the process cannot find out about itself, for lack of a file descriptor.
    """
    holder = f"{_machine()}/{os.getpid()}/{_started(os.getpid())}/{uuid.uuid4().hex[:12]}"
    _active[holder] = threading.get_ident()
    return holder


def retire(holder: str) -> None:
    _active.pop(holder, None)


def is_of_this_thread(holder: str) -> bool:
    """Whether the calling thread itself works under this holder: waiting for it would never end."""
    return _active.get(holder) == threading.get_ident() and not is_dead(holder)


def is_dead(holder: str) -> bool:
    """True only when it is certain that nobody works under this holder any more."""
    parts = holder.rsplit("/", 3)
    if len(parts) != 4 or parts[0] != _machine() or not parts[1].isdigit():
        return False
    pid = int(parts[1])
    if holder in _active and pid == os.getpid():
        return False
    try:
        started = _started(pid)
    except OSError:
        return False
    return started != parts[2] or pid == os.getpid()


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
    """When process ``pid`` started, as text that differs for a process that reuses the id; empty when it is gone.

    Raises OSError when that cannot be found out: no file descriptor, or a process that the system hides.
    """
    if Path("/proc/self").exists():
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except FileNotFoundError:
            # a system may hide the processes of other users: then this is refused in place of saying that it is gone
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 0)
            return ""
        except ProcessLookupError:
            return ""
        # the command's name may hold spaces and parentheses; a zombie still has a line but writes no more
        fields = text.rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return "-".join(shown.stdout.split())
