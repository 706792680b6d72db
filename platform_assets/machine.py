"""This machine, and when its processes started: what tells whether somebody who left a name is still there."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import subprocess
from pathlib import Path


@functools.cache
def machine() -> str:
    """This machine, this boot and this namespace of process ids: pids mean the same only where all are equal."""
    marks = [platform.node()]
    boot = Path("/proc/sys/kernel/random/boot_id")
    namespace = Path("/proc/self/ns/pid")
    if boot.exists():
        marks.append(boot.read_text().strip()[:8])
    if namespace.exists():
        marks.append(str(namespace.stat().st_ino))
    return ":".join(marks)


def started(pid: int) -> str:
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
