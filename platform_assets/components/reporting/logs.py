"""What the rooms without Dagster log, such as a wait for the warehouse, in the log of the run that waits."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

ROOM = "platform_assets"
INSTANCE = "platform_assets.instance"


@contextmanager
def platform_logs(log: dg.DagsterLogManager) -> Iterator[None]:
    """For the length of the block, what the platform's own modules log in this process is in ``log`` too."""
    handler = _ToDagster(log)
    logger = logging.getLogger(ROOM)
    level = logger.level
    logger.addHandler(handler)
    # Python's default is to drop what is below a warning
    if logger.getEffectiveLevel() > logging.INFO:
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


class _ToDagster(logging.Handler):
    def __init__(self, log: dg.DagsterLogManager) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        # Dagster's event log is written through the instance: what that logs would come round again
        if not record.name.startswith(INSTANCE):
            self._log.log(record.levelno, record.getMessage())
