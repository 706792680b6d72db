"""A preloaded process as its launcher sees it: started, asked for runs, current or not."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from platform_assets.launching.code_state import state_of_code

GROWTH_BYTES = 256 * 2**20
"""How much a process may grow by what its runs import; it runs nothing itself."""

NUMERIC_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Numeric libraries start their threads when they are imported; a process that forks may have none."""


class NotWarm(Exception):
    """The run cannot be started from a preloaded process; the message says why."""


class NoAnswer(NotWarm):
    """It is there, and says nothing."""


class PreloadedProcess:
    """One preloaded process. ``seconds`` bounds how long its loading, and each answer, may take."""

    def __init__(
        self, origin: str, instance: str, modules: Path, *, python: str, variables: Mapping[str, str], seconds: float
    ) -> None:
        """Start it and wait until it has loaded. Raises NotWarm if it cannot, or may not be forked."""
        ours, theirs = socket.socketpair()
        target = json.dumps({"origin": origin, "instance": instance, "modules": str(modules)})
        environment = {**dict.fromkeys(NUMERIC_THREADS, "1"), **os.environ, **variables}
        with theirs:
            self._process = subprocess.Popen(
                [python or sys.executable, "-m", "platform_assets.launching.preloaded", str(theirs.fileno()), target],
                pass_fds=[theirs.fileno()],
                env=environment,
                stdin=subprocess.DEVNULL,
            )
        ours.settimeout(seconds)
        self._channel, self._buffer, self._lock = ours, b"", threading.Lock()
        self.runs = 0
        try:
            loaded = self._answer()
        except NotWarm:
            self.close()
            raise
        self._loaded_bytes = self._bytes()
        self._roots = [Path(root) for root in loaded["roots"]]
        self._digest = loaded["digest"]

    def _bytes(self) -> int:
        try:
            return int(psutil.Process(self._process.pid).memory_info().rss)
        except psutil.Error:
            return 0

    def has_grown(self) -> bool:
        """Whether its memory is much more than what it was when it had loaded."""
        return self._bytes() > self._loaded_bytes + GROWTH_BYTES

    def is_current(self) -> bool:
        """Whether it runs, and no file of the code has changed since it loaded them."""
        return self._process.poll() is None and state_of_code(self._roots).digest == self._digest

    def start(self, run_id: str, known: Callable[[int], object]) -> None:
        """Fork a process for the run, which begins once ``known`` was called with its id.

        Raises NotWarm if there is none now; then the run has not begun, and does not begin later.
        """
        with self._lock:
            self.runs += 1
            self._say({"run": run_id})
            pid = int(self._answer()["pid"])
            try:
                known(pid)
                self._say({"go": pid})
                self._answer()  # of the run's process itself, which holds the other end until it begins or ends
            except BaseException as error:
                self.close()  # with its launcher gone, it lets go of the process that waits
                if isinstance(error, NoAnswer):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                raise

    def close(self) -> None:
        """Let go of it: it ends once its last run is over."""
        self._channel.close()

    def _say(self, message: dict[str, Any]) -> None:
        try:
            self._channel.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise NotWarm(f"the preloaded process is gone ({error.strerror})") from error

    def _answer(self) -> dict[str, Any]:
        while b"\n" not in self._buffer:
            try:
                received = self._channel.recv(65536)
            except TimeoutError as error:
                raise NoAnswer("the preloaded process did not answer in time") from error
            except OSError as error:
                raise NotWarm(f"the preloaded process is gone ({error.strerror})") from error
            if not received:
                raise NotWarm("the preloaded process is gone")
            self._buffer += received
        line, _, self._buffer = self._buffer.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        if "refused" in answer:
            raise NotWarm(answer["refused"])
        return answer
