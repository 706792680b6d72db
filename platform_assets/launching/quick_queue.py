"""`QuickQueue`: Dagster's run queue, looked at whenever a run is submitted or has ended.

In dagster.yaml, beside the limits under `concurrency`:

    run_coordinator:
      module: platform_assets.launching.quick_queue
      class: QuickQueue

Limits, priorities and tags are those of Dagster's `QueuedRunCoordinator`. Where the daemon is not reached by a signal
(it runs on another machine, or a run was started by another launcher), the queue is looked at twice a second.

The daemon that has this queue evaluates sensors when they are woken, too (``quick_sensors``).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import dagster as dg

from platform_assets.launching import quick_sensors
from platform_assets.launching._compat import (
    QueuedRunCoordinator,
    SubmitRunContext,
    one_look_at_the_queue,
    replace_queue_loop,
    served_locations,
)
from platform_assets.launching.queue_signal import QueueSignal, signal_queue
from platform_assets.launching.warm_launcher import WarmRunLauncher

INTERVAL_SECONDS = 0.5
"""Between two looks at the queue without a signal, unless dagster.yaml says otherwise."""


class QuickQueue(QueuedRunCoordinator):
    """A run queue in which a run waits for nothing but a free place."""

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        submitted = super().submit_run(context)
        signal_queue(self._instance.root_directory)
        return submitted

    @property
    def dequeue_interval_seconds(self) -> float:  # type: ignore[override]
        """Seconds between two looks at the queue without a signal. The daemon alone asks, before it begins to look."""
        replace_queue_loop(_loop)
        quick_sensors.install()
        configured = self.inst_data.config_dict.get("dequeue_interval_seconds") if self.inst_data is not None else None
        return INTERVAL_SECONDS if configured is None else configured


def _loop(daemon: Any, workspace: Any, _shutdown: object) -> Iterator[Any]:
    """The daemon's loop over the queue, with a wait that a signal ends; it yields often, for the daemon's heartbeat."""
    launcher = workspace.instance.run_launcher
    with closing(QueueSignal(workspace.instance.root_directory)) as signal:
        while True:
            if isinstance(launcher, WarmRunLauncher):
                launcher.preload(served_locations(workspace))
            yield from one_look_at_the_queue(daemon, workspace)
            until = time.monotonic() + daemon.interval_seconds
            while (left := until - time.monotonic()) > 0 and not signal.wait(min(left, INTERVAL_SECONDS)):
                yield None
            yield None
