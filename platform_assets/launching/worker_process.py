"""The process of one run as others know it: a tag of the run that names the machine, the process and when it began.

Whoever terminates a run, or asks whether it is alive, may be another process than the one that launched it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
from dataclasses import asdict, dataclass

from platform_assets.machine import machine, started

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def is_this_machine(host: str | None) -> bool:
    """Whether the host of a code server means the machine that asks."""
    return host in (*_LOOPBACK, socket.gethostname())


@dataclass(frozen=True)
class WorkerProcess:
    """A process of ``machine``. ``began`` tells it from a later one that was given the same id."""

    machine: str
    pid: int
    began: str

    @classmethod
    def of(cls, pid: int) -> WorkerProcess:
        """The process ``pid`` of this machine, which is running now."""
        return cls(machine(), pid, started(pid))

    @classmethod
    def from_tag(cls, text: str | None) -> WorkerProcess | None:
        """What :meth:`to_tag` gave; None for anything else."""
        try:
            return cls(**json.loads(text or ""))
        except (ValueError, TypeError):
            return None

    def to_tag(self) -> str:
        """The value of the tag."""
        return json.dumps(asdict(self))

    @property
    def is_here(self) -> bool:
        """Whether it ran on this machine, before its last start or the restart of a container perhaps."""
        return self.machine.split(":")[0] == machine().split(":")[0]

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs. Process ids mean nothing elsewhere, nor after a restart."""
        return self.machine == machine() and bool(self.began) and started(self.pid) == self.began

    def interrupt(self) -> bool:
        """Interrupt it as Ctrl-C would; whether there was a process to interrupt."""
        if not self.is_alive:
            return False
        try:
            os.kill(self.pid, signal.SIGINT)
        except ProcessLookupError:
            return False
        return True
