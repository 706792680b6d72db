"""The process that has a code location loaded, and forks itself for each run: ``python -m ...launching.preloaded``.

It speaks with its launcher over the socket whose descriptor it is given, a line of JSON each way:

- the launcher sends what to load, and is answered ``{"ready": true, ...}``, or ``{"refused": reason}`` and ends;
- ``{"run": run_id}`` is answered with ``{"run": run_id, "pid": ...}`` once the run's process exists. That begins with
  ``{"go": pid}``, which it answers itself with ``{"run": run_id, "begun": pid}``, and ends without having begun if that
  does not come: a launcher that found the socket at its end may start the run elsewhere;
- ``{"run": run_id, "refused": reason}`` says that the run has not begun here, and does not.

It runs no user code but the definitions, opens no database, and has one thread: a fork copies no other, and locks that
others hold would stay held in the copy for ever. What a run imported it imports too, so that the next one has it. It
ends when its launcher is gone and its last run is over.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from platform_assets.failpoints import failpoint
from platform_assets.launching.code_state import TooManyFiles, roots_of_code, state_of_code
from platform_assets.launching.fork_safety import ForkSafety
from platform_assets.launching.learned_modules import LearnedModules
from platform_assets.logs import logger

log = logger(__name__)


BEGUN = b"!"
"""The first byte that a run's process writes for the preloaded one: it has begun."""


def main(descriptor: int) -> None:
    """Load what the launcher names (``origin``, ``instance``, ``modules``); fork until it is gone."""
    # Ctrl-C is for the runs. To block it would not do: multiprocessing, which dbt imports, lets it through again
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = socket.socket(fileno=descriptor)
    line = b""
    while not line.endswith(b"\n"):
        received = channel.recv(65536)
        if not received:
            return
        line += received
    wanted = json.loads(line)
    process = Preloaded(channel, wanted["instance"], Path(wanted["modules"]))
    try:
        started = process.load(wanted["origin"])
    except BaseException as error:
        # whatever the project's code raises: the default launcher's run then fails with the error in its own log
        process.say({"refused": f"the code location cannot be loaded: {where_of(error)}"})
        raise
    failpoint("preloaded.loaded")
    process.say(started)
    if "ready" in started:
        process.serve()


def where_of(error: BaseException) -> str:
    """Kind and place of an error, without its text, which may hold anything."""
    frames = traceback.extract_tb(error.__traceback__)
    place = (error.filename, error.lineno) if isinstance(error, SyntaxError) else ("", None)
    if not place[0] and frames:
        place = (frames[-1].filename, frames[-1].lineno)
    return f"{type(error).__name__} in {place[0]}:{place[1]}" if place[0] else type(error).__name__


class Preloaded:
    """The loaded process and its runs."""

    def __init__(self, channel: socket.socket, instance: str, modules: Path) -> None:
        self.channel = channel
        self.instance = instance
        self.safety = ForkSafety()
        self.learned = LearnedModules(modules, self.safety)
        self.children: dict[int, int] = {}
        """The pipe on which each run's process says what it imported, by process id."""
        self.run_ids: dict[int, str] = {}
        self.waiting: dict[int, int] = {}
        """The pipe over which a run's process gets its go-ahead, by process id."""
        self.reporting: set[int] = set()
        """Processes that tell the instance of a run that died."""
        self._ending = self._ended_signal = -1

    def say(self, message: dict[str, Any]) -> None:
        self.channel.sendall(json.dumps(message).encode() + b"\n")

    def load(self, origin: str) -> dict[str, Any]:
        """Import what earlier runs imported, and the definitions; the first message to the launcher."""
        from platform_assets.launching._compat import load_repository

        began_ns = time.time_ns()
        self.safety.import_native()
        folder = load_repository(origin)
        self.learned.import_remembered()
        roots = roots_of_code(folder)
        try:
            state = state_of_code(roots)
        except TooManyFiles as error:
            return {"refused": str(error)}
        if (reason := self.safety.reason_against_forking()) is not None:
            return {"refused": reason}
        # a file that was changed while it was loaded: nobody knows which text was taken, and the next run loads it anew
        digest = "" if state.was_changed_since(began_ns) else state.digest
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
                if ended and pid in self.reporting:
                    self._reported(pid)
                elif ended:
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
            # that one was killed is said when it is reaped
            with contextlib.suppress(BrokenPipeError):
                os.write(gate, b"g")
            os.close(gate)
            failpoint("preloaded.gone_ahead")

    def _release_none(self) -> None:
        """End the processes that have no go-ahead: their launcher is gone, or has given them up."""
        while self.waiting:
            os.close(self.waiting.popitem()[1])

    def _tell(self, run_id: str, **what: Any) -> None:
        with contextlib.suppress(OSError):  # the launcher is gone: the next look at the channel says so
            self.say({"run": run_id, **what})

    def _fork(self, run_id: str) -> None:
        if (reason := self.safety.reason_against_forking()) is not None:
            self._tell(run_id, refused=reason)
            return
        failpoint("preloaded.before_fork")
        ends: list[int] = []
        try:
            ends += os.pipe()
            ends += os.pipe()
            # an interrupt that comes before the run listens waits for it
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            pid = os.fork()
        except OSError as error:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            for end in ends:
                os.close(end)
            self._tell(run_id, refused=f"no process could be made ({error.strerror})")
            return
        reader, writer, begin, gate = ends
        if pid == 0:
            os.close(gate)
            self._become_run(run_id, writer, begin)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        os.close(writer)
        os.close(begin)
        self.children[pid], self.run_ids[pid], self.waiting[pid] = reader, run_id, gate
        failpoint("preloaded.forked")
        self._tell(run_id, pid=pid)
        failpoint("preloaded.answered")

    def _become_run(self, run_id: str, writer: int, begin: int) -> None:
        """Execute the run in this process, which was just forked, once it has its go-ahead, and end it."""
        code = 1
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._forget_parent()
            if not os.read(begin, 1):
                os._exit(0)
            with contextlib.suppress(BrokenPipeError):
                os.write(writer, BEGUN)
            self._tell(run_id, begun=os.getpid())  # a launcher that is gone has made this process known before
            self.channel.close()
            from platform_assets.launching.forked_run import execute

            before = set(sys.modules)
            execute(run_id, self.instance)
            os.set_blocking(writer, False)
            with contextlib.suppress(BrokenPipeError, BlockingIOError):
                os.write(writer, "\n".join(sorted(set(sys.modules) - before)).encode()[:60_000])
            code = 0
        except BaseException:
            with contextlib.suppress(OSError):
                traceback.print_exc()
        finally:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError, ValueError):  # a terminal that is gone, a disk that is full
                    stream.flush()
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
        said = b""
        with contextlib.suppress(BlockingIOError):
            while received := os.read(end, 65536):
                said += received
        os.close(end)
        run_id = self.run_ids.pop(pid)
        if (gate := self.waiting.pop(pid, None)) is not None:
            os.close(gate)
        if not said.startswith(BEGUN):
            self._tell(run_id, refused="its process was killed before it began")
            return
        self._tell(run_id, begun=pid)  # it may have died before it could say so itself
        if status:
            self._report(run_id, os.waitstatus_to_exitcode(status))
        self.learned.learn([name for name in said[1:].decode().split("\n") if name])

    def _report(self, run_id: str, code: int) -> None:
        """Tell the instance, in a process of its own, that the run's process ended by itself or was killed."""
        try:
            pid = os.fork()
        except OSError as error:
            log.warning("run %s has died, which run monitoring will find: %s", run_id, error.strerror)
            return
        if pid == 0:
            try:
                self._forget_parent()
                self.channel.close()
                from platform_assets.launching.forked_run import report_death

                report_death(run_id, self.instance, code)
            except BaseException:  # the instance cannot be written to: run monitoring finds the run later
                traceback.print_exc()
            finally:
                os._exit(0)
        self.children[pid] = os.open(os.devnull, os.O_RDONLY)
        self.reporting.add(pid)

    def _reported(self, pid: int) -> None:
        self.reporting.discard(pid)
        os.close(self.children.pop(pid))


if __name__ == "__main__":
    main(int(sys.argv[1]))
