"""Sessions of one thread on one warehouse do not nest: the inner one would wait for what the outer one holds."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

from platform_assets.warehouse.errors import SessionMisused

_open = threading.local()


@contextlib.contextmanager
def only_session(warehouse: str) -> Iterator[None]:
    """Let this thread open one session on ``warehouse``, its name in messages, for the length of the block.

    A child that is forked within it may open one of its own. Raises ``SessionMisused``.
    """
    mine: dict[str, int] = _open.__dict__.setdefault("pids", {})
    if mine.get(warehouse) == os.getpid():
        raise SessionMisused(
            f"{warehouse}: this thread already has a session open on this warehouse; pass that session on instead of "
            f"opening another, or close it first"
        )
    mine[warehouse] = os.getpid()
    try:
        yield
    finally:
        if mine.get(warehouse) == os.getpid():
            del mine[warehouse]
