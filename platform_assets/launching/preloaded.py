"""The process that has a code location loaded, and forks itself for each run: ``python -m ...launching.preloaded``.

It speaks with its launcher over the socket whose descriptor it is given, a line of JSON each way:

- it begins with ``{"ready": true, ...}``, or with ``{"refused": reason}`` and ends;
- ``{"run": run_id}`` is answered with ``{"pid": ...}`` once the run's process exists. It begins with ``{"go": pid}``,
  which that process itself answers with ``{"begun": pid}``, and ends without having begun if that does not come: a
  launcher that found the socket at its end may start the run elsewhere.

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
import time
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from platform_assets.failpoints import failpoint
from platform_assets.launching.threads import Threads
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
    failpoint("preloaded.loaded")
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
        self._threads = Threads()
        self._ending = self._ended_signal = -1

    def say(self, message: dict[str, Any]) -> None:
        self.channel.sendall(json.dumps(message).encode() + b"\n")

    def load(self, origin: str) -> dict[str, Any]:
        """Import what earlier runs imported, and the definitions; the first message to the launcher."""
        from platform_assets.launching._compat import load_repository

        began_ns = time.time_ns()
        self._threads.import_native()
        from platform_assets.launching.code_state import TooManyFiles, roots_of_code, state_of_code

        folder = load_repository(origin)
        remembered = self._remembered()
        self._import(sorted(name for name in remembered if not name.startswith("-") and f"-{name}" not in remembered))
        roots = roots_of_code(folder)
        try:
            state = state_of_code(roots)
        except TooManyFiles as error:
            return {"refused": str(error)}
        if (reason := self._threads.reason_against_forking()) is not None:
            return {"refused": reason}
        # a file that was changed while it was loaded: nobody knows which text was taken, and the next run loads it anew
        digest = state.digest if state.newest_ns < began_ns else ""
        gc.collect()
        gc.freeze()  # what is loaded is never looked at again, and its pages stay shared with the runs
        return {"ready": True, "roots": [str(root) for root in roots], "digest": digest}

    def serve(self) -> None:
        """Fork for each request; reap what has ended. Ends with the launcher, once no run is left."""
        self._signal_ends()
        buffer, connected = b"", True
        while connected or self.children:
            watched: list[Any] = [self._ending, *([self.channel] if connected else [])]
            readable, _, _ = select.select(watched, [], [], 1.0)
            if self.channel in readable:
                received = self._received()
                connected = bool(received)
                *lines, buffer = (buffer + received).split(b"\n")
                for line in lines:
                    self._answer(json.loads(line))
                if not connected:
                    self._release_none()
            if self._ending in readable:
                os.read(self._ending, 65536)
            for pid in list(self.children):
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    self._ended(pid, status)

    def _signal_ends(self) -> None:
        """Have the end of a process noticed at once, by a byte in a pipe."""
        self._ending, self._ended_signal = os.pipe()
        for end in (self._ending, self._ended_signal):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._ended_signal, warn_on_full_buffer=False)

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
            failpoint("preloaded.before_go")
            # one that was killed before it began is reported when it is reaped
            with contextlib.suppress(BrokenPipeError):
                os.write(gate, b"g")
            os.close(gate)
            failpoint("preloaded.gone_ahead")

    def _release_none(self) -> None:
        """Let the processes go that nobody told to begin: their launcher is gone, or has given them up."""
        while self.waiting:
            os.close(self.waiting.popitem()[1])

    def _fork(self, run_id: str) -> None:
        if (reason := self._threads.reason_against_forking()) is not None:
            self.say({"refused": reason})
            return
        failpoint("preloaded.before_fork")
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
        failpoint("preloaded.forked")
        with contextlib.suppress(OSError):  # the launcher is gone: the next look at the channel says so
            self.say({"pid": pid})
        failpoint("preloaded.answered")

    def _become_run(self, run_id: str, writer: int, begin: int) -> None:
        """Execute the run in this process, which was just forked, once it is told to begin, and end it."""
        code = 1
        try:
            self._forget_parent()
            if not os.read(begin, 1):
                os._exit(0)
            with contextlib.suppress(OSError):  # a launcher that is gone has made this process known before
                self.say({"begun": os.getpid()})
            self.channel.close()
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

    def _forget_parent(self) -> None:
        """In a process that was just forked: let go of what is the preloaded process's alone."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in (self._ending, self._ended_signal, *self.children.values(), *self.waiting.values()):
            os.close(end)

    def _ended(self, pid: int, status: int) -> None:
        """A run's process has ended: learn what it imported, and report a run that it left unfinished."""
        end = self.children.pop(pid)
        os.set_blocking(end, False)  # a process that it started may hold the other end for as long as it likes
        learned = b""
        with contextlib.suppress(BlockingIOError):
            while received := os.read(end, 65536):
                learned += received
        os.close(end)
        run_id = self.run_ids.pop(pid)
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
                self._forget_parent()
                self.channel.close()
                os.close(reader)
                from platform_assets.launching.dagster_runs import report_death

                report_death(run_id, self.instance, code)
            finally:
                os._exit(0)
        os.close(writer)
        self.children[pid], self.run_ids[pid] = reader, run_id

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
            if self._threads.reason_against_forking() is not None:
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


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
