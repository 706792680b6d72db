"""Libraries that log addresses and answers, in which a secret may be, do not while a notice of ours is sent."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from contextvars import ContextVar

_quiet: ContextVar[bool] = ContextVar("platform_assets_alerts_quiet", default=False)


class _Quiet(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not _quiet.get()


_FILTER = _Quiet()


@contextlib.contextmanager
def quietly(*loggers: str) -> Iterator[None]:
    """For the length of the block, what this thread logs by these loggers is dropped; that of others is not."""
    for name in loggers:
        # a filter that is there is not added again
        logging.getLogger(name).addFilter(_FILTER)
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)
