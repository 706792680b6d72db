"""Knowing that somebody waits for the warehouse or a lease, instead of sleeping until they probably do."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Waits(logging.Handler):
    """Sees what is logged of waits: the messages that hold ``words``."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words
        self.messages: list[str] = []
        self._seen = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if self._words in record.getMessage():
            self.messages.append(record.getMessage())
            self._seen.set()

    def one(self) -> str:
        """The first wait, when there is one."""
        assert self._seen.wait(120), f"nobody logged {self._words!r}"
        return self.messages[0]


@contextmanager
def watched_waits(words: str = "waiting for the warehouse", room: str = "platform_assets.warehouse") -> Iterator[Waits]:
    """For the length of the block, what waits for a warehouse in this process, or what else ``room`` logs so."""
    waits, logger = Waits(words), logging.getLogger(room)
    level = logger.level
    logger.addHandler(waits)
    logger.setLevel(logging.INFO)
    try:
        yield waits
    finally:
        logger.removeHandler(waits)
        logger.setLevel(level)
