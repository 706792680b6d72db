"""Connections to SFTP servers, kept for a short while by the process that has made them."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import paramiko

AT_ONCE = 4
"""Connections to a server at a time, of one process: servers turn away more than some ten that are being made."""

IDLE = 20.0
"""Seconds after which a connection is not used again: a server may have closed it."""

Identity = tuple[str, int]
"""A server, and a number for who asks it."""


@dataclass
class Connection:
    """A session of a server; the client is kept, as the session ends with it."""

    client: paramiko.SSHClient
    session: paramiko.SFTPClient
    used: float = field(default_factory=time.monotonic)

    @property
    def is_fresh(self) -> bool:
        channel = self.session.get_channel()
        return time.monotonic() - self.used < IDLE and channel is not None and not channel.closed


class Connections:
    """Connections of this process that wait for their next use; not those of the process that it was forked from."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._waiting: dict[Identity, list[Connection]] = {}
        self._room: dict[Identity, threading.Semaphore] = {}

    @contextlib.contextmanager
    def one(self, server: Identity, connect: Callable[[], Connection]) -> Iterator[paramiko.SFTPClient]:
        """A connection that nobody else uses meanwhile; it is closed if anything happens."""
        with self._lock:
            if self._pid != os.getpid():
                self._pid, self._waiting, self._room = os.getpid(), {}, {}
            room = self._room.setdefault(server, threading.Semaphore(AT_ONCE))
        with room:
            connection = self._fresh(server) or connect()
            try:
                yield connection.session
            except FileNotFoundError:
                self._give_back(server, connection)
                raise
            except BaseException:
                connection.client.close()
                raise
            self._give_back(server, connection)

    def _fresh(self, server: Identity) -> Connection | None:
        with self._lock:
            waiting = self._waiting.get(server, [])
            while waiting:
                connection = waiting.pop()
                if connection.is_fresh:
                    return connection
                connection.client.close()
        return None

    def _give_back(self, server: Identity, connection: Connection) -> None:
        connection.used = time.monotonic()
        with self._lock:
            self._waiting.setdefault(server, []).append(connection)


connections = Connections()
