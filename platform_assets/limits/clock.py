"""The clock of one step: when its time is over, its work is ended.

A thread beside the main thread waits. At the limit

1. the main thread gets :class:`~platform_assets.cancellation.TimeLimitExceeded`, which ends statements as Ctrl-C does;
   those of connections that are none of the platform's are ended beside it (``statements``);
2. processes that the step has started get SIGTERM, and SIGKILL two seconds later;
3. if the step has not ended after HARD_SECONDS, because a call in C does not return, this process ends itself.

The exception is raised in the step's own code alone (``frames``). A call in C that does not let other threads run keeps
this thread from running too: then the watchdog of faulthandler ends the process.
"""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FrameType

from platform_assets.cancellation import EVERY_SECONDS, TIME_OVER, TimeLimitExceeded, time_is_over
from platform_assets.limits import processes
from platform_assets.limits.frames import may_be_ended
from platform_assets.limits.processes import Ending, descendants
from platform_assets.limits.statements import Call
from platform_assets.logs import in_this_context, logger

log = logger(__name__)

HARD_SECONDS = 4.0
"""How long after its limit a step may take to end."""

PATIENCE_SECONDS = 0.5
"""How long the processes of the step are left alone while the exception cannot be raised yet."""

TICK_SECONDS = 0.02
"""How often a step past its limit is looked at, and its main thread sent the signal until the exception is raised."""

REPORT_SECONDS = 3.0
"""How long the report of a process that ends itself may take. Whoever looks for dead runs reports it otherwise."""

WATCHDOG_SECONDS = HARD_SECONDS + 0.8
LOOK_SECONDS = 1.0
"""How often a process of the multiprocess executor looks whether the process of its run is there."""

FD_ERRORS = 2


@dataclass(frozen=True)
class Limit:
    """A time limit in seconds, and where it is set."""

    seconds: float
    source: str


class StepClock:
    """Made, begun and ended by the main thread, for the step that it executes.

    ``message`` gives what to report of a limit that is over; ``later`` gives the limit that holds from ``later_after``
    seconds on, or None, and is called in another thread. ``report`` is given the message before the process ends
    itself. An exception is raised in what the code ``outermost`` calls.
    """

    def __init__(
        self,
        limit: Limit,
        *,
        message: Callable[[Limit], str],
        report: Callable[[str], object],
        outermost: CodeType,
        later: Callable[[], Limit | None] = lambda: None,
        later_after: float = 30.0,
    ) -> None:
        self.limit, self.is_over, self.raised = limit, False, False
        self._message, self._report, self._outermost = message, report, outermost
        self._later, self._later_after = later, later_after
        self._main = threading.get_ident()
        self._ended, self._watchdog = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=in_this_context(self._watch), name="time limit", daemon=True)

    @property
    def message(self) -> str:
        """What is reported of the step."""
        return self._message(self.limit)

    def begin(self) -> None:
        """Start the clock."""
        self._began, self._since = time.monotonic(), processes.now()
        self._outside = signal.getsignal(signal.SIGINT)
        self._before = signal.signal(TIME_OVER, self._handle)
        self._arm(self.limit.seconds + WATCHDOG_SECONDS)
        self._thread.start()

    def end(self) -> None:
        """Stop the clock; returns once the processes of a step past its limit are gone."""
        if self._ended.is_set():
            return
        with self._watchdog:
            self._ended.set()
            faulthandler.cancel_dump_traceback_later()
        self._thread.join()
        signal.signal(TIME_OVER, self._before)
        if self.is_over:
            time_is_over.clear()

    def refuse_more(self) -> None:
        """Raise TimeLimitExceeded if it was raised before, and the step has gone on all the same."""
        if self.raised:
            raise TimeLimitExceeded(self.message)

    def _handle(self, _: int, frame: FrameType | None) -> None:
        if self._ended.is_set() or not self.is_over or self.raised or not self._is_in_own_code():
            return
        if may_be_ended(frame, self._outermost):
            self.raised = True
            raise TimeLimitExceeded(self.message)

    def _is_in_own_code(self) -> bool:
        # between a step's own pieces of code Dagster has another handler of interrupts than within them
        return bool(signal.getsignal(signal.SIGINT) != self._outside)

    def _watch(self) -> None:
        if not self._wait():
            return
        call, over = Call(self._main, self._outermost), time.monotonic()
        self.is_over = True
        time_is_over.set()
        self._interrupt()
        self._arm(WATCHDOG_SECONDS)
        ending = Ending(descendants(self._since))
        # to cancel a statement on a server may take as long as to connect
        threading.Thread(target=self._end_statements, args=(call,), name="statements", daemon=True).start()
        gone = False
        while True:
            self._interrupt()
            since = time.monotonic() - over
            if self.raised or self._ended.is_set() or since > PATIENCE_SECONDS:
                gone = ending.step()
            if gone and self._ended.is_set():
                return
            if since > HARD_SECONDS and not self._ended.is_set():
                if self._is_in_own_code():
                    self._end_process(ending)
                # Dagster writes what the step has made, however long a busy machine takes for it
                over += LOOK_SECONDS
                self._arm(WATCHDOG_SECONDS)
            if self._ended.wait(TICK_SECONDS):
                time.sleep(TICK_SECONDS)

    def _interrupt(self) -> None:
        if not self.raised and not self._ended.is_set():
            signal.pthread_kill(self._main, TIME_OVER)

    def _end_statements(self, call: Call) -> None:
        while not self._ended.wait(EVERY_SECONDS):
            call.end()

    def _wait(self) -> bool:
        """Wait for the limit; False if the step has ended before."""
        parent, learned = multiprocessing.parent_process(), False
        while True:
            passed = time.monotonic() - self._began
            if passed >= self.limit.seconds:
                return not self._ended.is_set()
            if not learned and passed >= self._later_after:
                learned = True
                self._learn()
                continue
            waits = [self.limit.seconds - passed]
            waits += [] if learned else [self._later_after - passed]
            waits += [LOOK_SECONDS] if parent is not None else []
            if self._ended.wait(max(0.0, min(waits))):
                return False
            if parent is not None and not parent.is_alive():
                self._leave_orphaned()

    def _learn(self) -> None:
        try:
            found = self._later()
        except Exception as error:
            log.warning("the usual duration could not be found out (%s); %s", type(error).__name__, self.limit.source)
            return
        if found is not None and not self._ended.is_set():
            self.limit = found
            self._arm(max(0.0, found.seconds - (time.monotonic() - self._began)) + WATCHDOG_SECONDS)

    def _arm(self, seconds: float) -> None:
        """Have the process ended after so many seconds, even if no thread of Python runs by then."""
        # without a descriptor for errors there is nowhere to say it
        with self._watchdog, contextlib.suppress(OSError, ValueError):
            if self._ended.is_set():
                return
            faulthandler.dump_traceback_later(seconds, exit=True, file=FD_ERRORS)

    def _leave_orphaned(self) -> None:
        """The process of the run was killed: nobody takes what this step makes any more, and others take it over."""
        Ending(descendants(self._since)).kill()
        os._exit(1)

    def _end_process(self, ending: Ending) -> None:
        self._arm(REPORT_SECONDS + 1)
        message = f"{self.message}. It did not end within {HARD_SECONDS:g} s, so its process has ended itself"
        reporter = threading.Thread(target=self._report, args=(message,), name="time limit report", daemon=True)
        reporter.start()
        reporter.join(REPORT_SECONDS)
        with contextlib.suppress(OSError):
            os.write(FD_ERRORS, f"{message}\n".encode())
        ending.kill()
        os._exit(1)
