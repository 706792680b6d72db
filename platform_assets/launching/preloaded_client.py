"""A preloaded process as its launcher sees it: started, asked for runs, current or not."""

from __future__ import annotations

import json
import os
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


class CannotFork(Exception):
    """The run cannot be started from a preloaded process; the message says why."""


class Gone(CannotFork):
    """It has ended, or was killed."""


class Refused(CannotFork):
    """It says itself that it does not load the code, or did not begin the run."""


class NoAnswer(CannotFork):
    """It is there, and says nothing."""


class PreloadedProcess:
    """One preloaded process. ``seconds`` bounds how long its loading, and each answer, may take."""

    def __init__(
        self, origin: str, instance: str, modules: Path, *, python: str, variables: Mapping[str, str], seconds: float
    ) -> None:
        """Start it and wait until it has loaded. Raises CannotFork if it cannot, or may not be forked."""
        self._lock = threading.Lock()
        self._buffer = b""
        self.runs = 0
        environment = {**dict.fromkeys(NUMERIC_THREADS, "1"), **os.environ, **variables}
        try:
            self._channel, theirs = socket.socketpair()
        except OSError as error:
            raise CannotFork(f"no preloaded process can be spoken with ({error.strerror})") from error
        self._channel.settimeout(seconds)
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [python or sys.executable, "-m", "platform_assets.launching.preloaded", str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                )
            # this may hold the passwords of the instance's storage: not as an argument, which all may read
            self._say({"origin": origin, "instance": instance, "modules": str(modules)})
            loaded = self._answer("", "ready")
        except OSError as error:
            self.close()
            raise CannotFork(f"{python or sys.executable} cannot be started ({error.strerror})") from error
        except NoAnswer:
            self.close()
            self._process.kill()
            raise
        except CannotFork:
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

        Raises CannotFork if there is none now; then the run has not begun, and does not begin later.
        """
        with self._lock:
            self.runs += 1
            try:
                self._say({"run": run_id})
                pid = int(self._answer(run_id, "pid")["pid"])
                known(pid)
                self._say({"go": pid})
                self._answer(run_id, "begun")
            except NoAnswer:
                self._make_it_answer(run_id)
            except Refused:
                raise
            except BaseException:
                self.close()  # with its launcher gone, it lets go of the process that waits
                raise

    def _make_it_answer(self, run_id: str) -> None:
        """Find out whether the run has begun from a process that has stopped to answer: without it, it does not begin.

        Raises CannotFork if it has not.
        """
        self._process.kill()
        try:
            # what waits for its go-ahead ends by that; only one that has had it can still say that it has begun
            self._answer(run_id, "begun")
        finally:
            self.close()

    def close(self) -> None:
        """Let go of it: it ends once its last run is over."""
        self._channel.close()

    def _say(self, message: dict[str, Any]) -> None:
        try:
            self._channel.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise Gone(f"the preloaded process is gone ({error.strerror})") from error

    def _answer(self, run_id: str, wanted: str) -> dict[str, Any]:
        """The next message about the run that has ``wanted``; what is said of other runs is of the past."""
        while True:
            answer = self._message()
            if answer.get("run", "") != run_id:
                continue
            if "refused" in answer:
                raise Refused(answer["refused"])
            if wanted in answer:
                return answer

    def _message(self) -> dict[str, Any]:
        while b"\n" not in self._buffer:
            try:
                received = self._channel.recv(65536)
            except TimeoutError as error:
                raise NoAnswer("the preloaded process did not answer in time") from error
            except OSError as error:
                raise Gone(f"the preloaded process is gone ({error.strerror})") from error
            if not received:
                raise Gone("the preloaded process is gone")
            self._buffer += received
        line, _, self._buffer = self._buffer.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message
