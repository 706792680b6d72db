"""The signal that has the run queue looked at."""

from __future__ import annotations

import inspect
import os
import select
import threading
import time
from contextlib import closing
from pathlib import Path

from dagster._daemon.daemon import IntervalDaemon
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon

from platform_assets.launching.queue_signal import NAME, QueueSignal, signal_queue

LONG = 600.0


def test_a_signal_ends_the_wait(tmp_path: Path) -> None:
    with closing(QueueSignal(str(tmp_path))) as signal:
        threading.Timer(0.1, signal_queue, [str(tmp_path)]).start()
        began = time.monotonic()
        signal.wait(LONG)
        assert time.monotonic() - began < LONG / 2


def test_a_signal_from_before_the_wait_counts_once(tmp_path: Path) -> None:
    with closing(QueueSignal(str(tmp_path))) as signal:
        for _ in range(1000):
            signal_queue(str(tmp_path))
        signal.wait(LONG)
        began = time.monotonic()
        signal.wait(0.05)
        assert time.monotonic() - began >= 0.05


def test_nobody_waits_where_nobody_looks(tmp_path: Path) -> None:
    signal_queue(str(tmp_path / "none"))
    signal_queue(str(tmp_path))
    with closing(QueueSignal(str(tmp_path))):
        pass
    signal_queue(str(tmp_path))  # the pipe is there, and nobody reads


def test_more_signals_than_the_pipe_takes_are_dropped(tmp_path: Path) -> None:
    with closing(QueueSignal(str(tmp_path))) as signal:
        end = os.open(tmp_path / NAME, os.O_WRONLY | os.O_NONBLOCK)
        while len(select.select([], [end], [], 0)[1]):
            os.write(end, b"." * 4096)
        signal_queue(str(tmp_path))
        os.close(end)
        signal.wait(LONG)


def test_a_second_daemon_and_one_after_a_kill_take_the_pipe_as_it_is(tmp_path: Path) -> None:
    first = QueueSignal(str(tmp_path))  # never closed, as if killed
    with closing(QueueSignal(str(tmp_path))) as second:
        signal_queue(str(tmp_path))
        second.wait(LONG)
    first.close()


def test_a_file_in_the_place_of_the_pipe_is_no_signal(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("restored by a tool that knows no pipes")
    with closing(QueueSignal(str(tmp_path))) as signal:
        signal_queue(str(tmp_path))
        began = time.monotonic()
        assert not signal.wait(0.05)
        assert time.monotonic() - began >= 0.05


def test_without_a_pipe_it_waits(tmp_path: Path) -> None:
    with closing(QueueSignal(str(tmp_path / "none"))) as signal:
        signal_queue(str(tmp_path / "none"))
        began = time.monotonic()
        signal.wait(0.05)
        assert time.monotonic() - began >= 0.05


def test_dagster_still_has_the_loop_that_is_replaced() -> None:
    source = inspect.getsource(IntervalDaemon.core_loop)
    assert list(inspect.signature(IntervalDaemon.core_loop).parameters) == [
        "self",
        "workspace_process_context",
        "shutdown_event",
    ]
    for part in ("self.run_iteration(workspace_process_context)", "SpanMarker.START_SPAN", "SpanMarker.END_SPAN"):
        assert part in source
    assert issubclass(QueuedRunCoordinatorDaemon, IntervalDaemon)
