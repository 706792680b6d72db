"""Knowing that somebody waits for the warehouse, instead of sleeping until they probably do."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Waits(logging.Handler):
    """Sees what the warehouse logs of its waits."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []
        self._seen = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("waiting for the warehouse"):
            self.messages.append(record.getMessage())
            self._seen.set()

    def one(self) -> str:
        """The first wait, when there is one."""
        assert self._seen.wait(120), "nobody waited for the warehouse"
        return self.messages[0]


@contextmanager
def watched_waits() -> Iterator[Waits]:
    """For the length of the block, what waits for a warehouse in this process."""
    waits, logger = Waits(), logging.getLogger("resources")
    level = logger.level
    logger.addHandler(waits)
    logger.setLevel(logging.INFO)
    try:
        yield waits
    finally:
        logger.removeHandler(waits)
        logger.setLevel(level)
