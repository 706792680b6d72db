"""Planned events of a run, written as one batch."""

from __future__ import annotations

import os

from dagster import DagsterInstance

BATCH_SIZE = 10_000
"""Planned events written in one transaction, where dagster's own default is to write each by itself."""


def write_batches(instance: DagsterInstance) -> None:
    """Have ``instance`` write what it marks as a batch as one, unless DAGSTER_EVENT_BATCH_SIZE says otherwise.

    Dagster asks for the size through this method alone, so that the instance answers instead of the environment.
    """
    if "DAGSTER_EVENT_BATCH_SIZE" not in os.environ:
        instance._get_event_batch_size = lambda: BATCH_SIZE  # type: ignore[method-assign]
