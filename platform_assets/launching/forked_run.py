"""What a preloaded process does with a run in a copy of itself: execute it, or report that its process has died."""

from __future__ import annotations

import random
import sys
import threading

from platform_assets.launching._compat import end_run, execute_run, instance_of
from platform_assets.launching.queue_signal import signal_queue


def execute(run_id: str, instance: str) -> None:
    """Execute a run in this process, which was forked for it. What goes wrong is in the run's own log."""
    random.seed()
    if (numpy_random := sys.modules.get("numpy.random")) is not None:
        numpy_random.seed()
    root = execute_run(run_id, instance)
    signal_queue(root)
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()


def report_death(run_id: str, instance: str, code: int) -> None:
    """Report a run as failed whose process ended with ``code`` before the run was over."""
    with instance_of(instance) as opened:
        run = opened.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            end_run(opened, run, f"The process of this run {how}; launch its partitions again.")
        signal_queue(opened.root_directory)
