"""Lease owners that are processes of a machine: how they are named, and whether they are alive.

An owner is written as ``machine/pid/start/nonce``. Of the machine that asks, it is known whether the process runs;
of another one, nothing is known. Nothing here touches the warehouse.
"""

from __future__ import annotations

import os
import threading
import uuid

from platform_assets.machine import machine, started

_active: dict[str, int] = {}
"""Names at work in this process, with the thread that works under each."""


def new_owner() -> str:
    """An owner for one piece of work of this process; :func:`retire` it when the work ends, however it ends.

    Raises OSError when the process cannot find out about itself, for lack of a file descriptor.
    """
    owner = f"{machine()}/{os.getpid()}/{started(os.getpid())}/{uuid.uuid4().hex[:12]}"
    _active[owner] = threading.get_ident()
    return owner


def retire(owner: str) -> None:
    """End the work of ``owner``: from here on it is dead, for this process at once and for others when it exits."""
    _active.pop(owner, None)


def is_of_this_thread(owner: str) -> bool:
    """Whether the calling thread itself works under this name: waiting for it would never end."""
    return _active.get(owner) == threading.get_ident() and LocalProcesses().is_alive(owner) is True


class LocalProcesses:
    """Liveness of owners by process id and start time, for the machine that asks; see ``owners.Liveness``."""

    def is_alive(self, owner: str) -> bool | None:
        """None for an owner elsewhere, and where the system does not let a process be looked at."""
        parts = owner.rsplit("/", 3)
        if len(parts) != 4 or parts[0] != machine() or not parts[1].isdigit():
            return None
        pid = int(parts[1])
        if pid == os.getpid() and owner in _active:
            return True
        try:
            since = started(pid)
        except OSError:
            return None
        return since == parts[2] and pid != os.getpid()
