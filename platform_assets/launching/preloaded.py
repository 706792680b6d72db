"""The process that has a code location loaded, and forks itself for each run: ``python -m ...launching.preloaded``.

It speaks with its launcher over the socket whose descriptor it is given, a line of JSON each way:

- it begins with ``{"ready": true, ...}``, or with ``{"refused": reason}`` and ends;
- ``{"run": run_id}`` is answered with ``{"pid": ...}`` once the run's process exists. It begins with ``{"go": pid}``,
  and ends without having begun if that does not come: a launcher that heard nothing may start the run elsewhere.

It runs no user code but the definitions, opens no database, and has one thread: a fork copies no other, and locks that
others hold would stay held in the copy for ever. What a run imported it imports too, so that the next one has it. It
ends when its launcher is gone and its last run is over.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from platform_assets.logs import logger

log = logger(__name__)


def main(descriptor: int, target: str) -> None:
    """Load what ``target`` (JSON: ``origin``, ``instance``, ``modules``) names; fork until the launcher is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the runs; they set their own handlers
    channel = socket.socket(fileno=descriptor)
    wanted = json.loads(target)
    process = Preloaded(channel, wanted["instance"], Path(wanted["modules"]))
    try:
        started = process.load(wanted["origin"])
    except BaseException as error:
        # whatever the project's code raises: the run is then started cold, and fails with the error in its own log
        process.say({"refused": f"the code location cannot be loaded ({type(error).__name__})"})
        raise
    process.say(started)
    if "ready" in started:
        process.serve()


class Preloaded:
    """The loaded process and its runs."""

    def __init__(self, channel: socket.socket, instance: str, modules: Path) -> None:
        self.channel = channel
        self.instance = instance
        self.modules = modules
        self.children: dict[int, int] = {}
        """The pipe on which each run's process says what it imported, by process id."""
        self.run_ids: dict[int, str] = {}
        self.waiting: dict[int, int] = {}
        """The pipe over which a run's process is told to begin, by process id."""
        self._native = 0

    def say(self, message: dict[str, Any]) -> None:
        self.channel.sendall(json.dumps(message).encode() + b"\n")

    def load(self, origin: str) -> dict[str, Any]:
        """Import what earlier runs imported, and the definitions; the first message to the launcher."""
        from platform_assets.launching._compat import load_repository

        began_ns = time.time_ns()
        self._native = _threads_of_duckdb()
        from platform_assets.launching.code_state import TooManyFiles, roots_of_code, state_of_code

        folder = load_repository(origin)
        remembered = self._remembered()
        self._import(sorted(name for name in remembered if not name.startswith("-") and f"-{name}" not in remembered))
        roots = roots_of_code(folder)
        try:
            state = state_of_code(roots)
        except TooManyFiles as error:
            return {"refused": str(error)}
        if (reason := self._reason_against_forking()) is not None:
            return {"refused": reason}
        # a file that was changed while it was loaded: nobody knows which text was taken, and the next run loads it anew
        digest = state.digest if state.newest_ns < began_ns else ""
        gc.collect()
        gc.freeze()  # what is loaded is never looked at again, and its pages stay shared with the runs
        return {"ready": True, "roots": [str(root) for root in roots], "digest": digest}

    def serve(self) -> None:
        """Fork for each request; reap what has ended. Ends with the launcher, once no run is left."""
        buffer, connected = b"", True
        while connected or self.children:
            watched: list[Any] = [*self.children.values()]
            if connected:
                watched.append(self.channel)
            readable, _, _ = select.select(watched, [], [], 1.0)
            for end in readable:
                if end is self.channel:
                    received = self._received()
                    connected = bool(received)
                    *lines, buffer = (buffer + received).split(b"\n")
                    for line in lines:
                        self._answer(json.loads(line))
                    if not connected:
                        self._release_none()
            for pid, end in list(self.children.items()):
                if end in readable:
                    self._ended(pid, end)

    def _received(self) -> bytes:
        """What the launcher has sent; nothing when it is gone, however it went."""
        try:
            return self.channel.recv(65536)
        except ConnectionError:
            return b""

    def _answer(self, request: dict[str, Any]) -> None:
        if "run" in request:
            self._fork(request["run"])
        elif (gate := self.waiting.pop(request["go"], None)) is not None:
            # one that was killed before it began is reported when it is reaped
            with contextlib.suppress(BrokenPipeError):
                os.write(gate, b"g")
            os.close(gate)

    def _release_none(self) -> None:
        """Let the processes go that nobody told to begin: their launcher is gone, or has given them up."""
        while self.waiting:
            os.close(self.waiting.popitem()[1])

    def _fork(self, run_id: str) -> None:
        if (reason := self._reason_against_forking()) is not None:
            self.say({"refused": reason})
            return
        reader, writer = os.pipe()
        begin, gate = os.pipe()
        try:
            pid = os.fork()
        except OSError as error:
            for end in (reader, writer, begin, gate):
                os.close(end)
            self.say({"refused": f"no process could be made ({error.strerror})"})
            return
        if pid == 0:
            os.close(gate)
            self._become_run(run_id, writer, begin)
        os.close(writer)
        os.close(begin)
        self.children[pid], self.run_ids[pid], self.waiting[pid] = reader, run_id, gate
        with contextlib.suppress(OSError):  # the launcher is gone: the next look at the channel says so
            self.say({"pid": pid})

    def _become_run(self, run_id: str, writer: int, begin: int) -> None:
        """Execute the run in this process, which was just forked, once it is told to begin, and end it."""
        code = 1
        try:
            self.channel.close()
            for end in (*self.children.values(), *self.waiting.values()):
                os.close(end)
            if not os.read(begin, 1):
                os._exit(0)
            from platform_assets.launching.dagster_runs import execute

            before = set(sys.modules)
            execute(run_id, self.instance)
            with contextlib.suppress(BrokenPipeError):  # the preloaded process is gone, and with it who would learn
                os.write(writer, "\n".join(sorted(set(sys.modules) - before)).encode()[:60_000])
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _ended(self, pid: int, end: int) -> None:
        """A run's process has said all it will say: reap it, and report a run that it left unfinished."""
        learned = b""
        while received := os.read(end, 65536):
            learned += received
        os.close(end)
        _, status = os.waitpid(pid, 0)
        run_id = self.run_ids.pop(pid)
        del self.children[pid]
        if (gate := self.waiting.pop(pid, None)) is not None:
            os.close(gate)
        if status:
            self._report(run_id, os.waitstatus_to_exitcode(status))
        if names := [name for name in learned.decode().split("\n") if name]:
            self._remember(self._import(names))

    def _report(self, run_id: str, code: int) -> None:
        """Tell the instance, in a process of its own, that the run's process ended by itself or was killed."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                self.channel.close()
                os.close(reader)
                from platform_assets.launching.dagster_runs import report_death

                report_death(run_id, self.instance, code)
            finally:
                os._exit(0)
        os.close(writer)
        self.children[pid], self.run_ids[pid] = reader, run_id

    def _reason_against_forking(self) -> str | None:
        """Why this process may not be copied: other threads, whose locks a copy would keep for ever."""
        count = _threads() - 1 - self._native
        if count <= 0:
            return None
        names = ", ".join(t.name for t in threading.enumerate() if t is not threading.main_thread())
        return f"its definitions have started {count} threads ({names or 'of a native library'})"

    def _import(self, names: Iterable[str]) -> list[str]:
        """Import what can be; the names of those that were, and as ``-name`` of one that has started a thread.

        After that one this process forks no more, and the next one leaves it out.
        """
        imported: list[str] = []
        for name in names:
            if not name or name in sys.modules:
                continue
            try:
                importlib.import_module(name)
            except Exception as error:
                # one that only exists within a run, or is made by hand: runs go on importing it themselves
                log.debug("%s is not imported for later runs (%s)", name, type(error).__name__)
                continue
            if self._reason_against_forking() is not None:
                return [*imported, f"-{name}"]
            imported.append(name)
        return imported

    def _remembered(self) -> set[str]:
        """The lines of the file that earlier such processes wrote."""
        try:
            return set(self.modules.read_text().split("\n")) - {""}
        except OSError:
            return set()

    def _remember(self, names: list[str]) -> None:
        """Add to the modules that the next such process imports before its first run."""
        if not names:
            return
        beside = self.modules.with_suffix(f".{os.getpid()}")
        try:
            self.modules.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text("\n".join(sorted({*self._remembered(), *names})))
            beside.rename(self.modules)
        except OSError as error:
            log.warning("what runs import is not remembered: %s", error.strerror)


def _threads() -> int:
    """How many threads this process has, those of native libraries among them, but for those of jemalloc.

    An allocator takes part in a fork: jemalloc, which PyArrow brings, stops its threads before it and begins new ones.
    """
    tasks = Path("/proc/self/task")
    if not tasks.exists():
        return threading.active_count()
    names = [(task / "comm").read_text().strip() for task in tasks.iterdir()]
    return len([name for name in names if name != "jemalloc_bg_thd"])


def _threads_of_duckdb() -> int:
    """How many threads the import of DuckDB starts: its allocator's, which takes care of a fork itself."""
    before = _threads()
    importlib.import_module("duckdb")
    return _threads() - before


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
