"""`QuickQueue`: Dagster's run queue, looked at twice a second instead of every five seconds.

In dagster.yaml, beside the limits under `concurrency`:

    run_coordinator:
      module: platform_assets.launching.quick_queue
      class: QuickQueue

A look is two short queries. Limits, priorities and tags are those of Dagster's `QueuedRunCoordinator`.
"""

from __future__ import annotations

from platform_assets.launching._compat import QueuedRunCoordinator

INTERVAL_SECONDS = 0.4
"""Dagster's daemon waits in steps of half a second, so that anything below it is one step."""


class QuickQueue(QueuedRunCoordinator):
    """A run queue that is looked at often enough for a run to start within half a second of a place being free."""

    @property
    def dequeue_interval_seconds(self) -> float:  # type: ignore[override]
        """Seconds between two looks at the queue: INTERVAL_SECONDS, unless dagster.yaml says otherwise."""
        configured = self.inst_data.config_dict.get("dequeue_interval_seconds") if self.inst_data is not None else None
        return INTERVAL_SECONDS if configured is None else configured
