"""A request to a receiver ends in time: also if it is answered in drops, or the receiver's name is not resolved."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar, copy_context
from typing import TypeVar

from platform_assets.alerts.notices import ChannelError

SECONDS = 10.0
"""How long a receiver is waited for."""

T = TypeVar("T")
_until: ContextVar[float | None] = ContextVar("platform_assets_alerts_until", default=None)


@contextlib.contextmanager
def all_within(seconds: float) -> Iterator[None]:
    """All requests in the block together take no longer: a notice is claimed for a limited time by who sends it."""
    token = _until.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _until.reset(token)


def within(seconds: float, work: Callable[[], T], *, what: str) -> T:
    """What ``work`` returns, or raises. Raises ``ChannelError`` with ``what`` after ``seconds``, or with the block.

    Timeouts of sockets neither bound the resolution of a name nor a whole answer, so the work is done in a thread.
    Work that is late goes on there until a timeout of its own ends it: the notice may still arrive.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def worked() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    until = _until.get()
    left = seconds if until is None else min(seconds, until - time.monotonic())
    if left > 0:
        thread = threading.Thread(target=copy_context().run, args=(worked,), name="alert", daemon=True)
        thread.start()
        thread.join(left)
    if errors:
        raise errors[0]
    if results:
        return results[0]
    raise ChannelError(f"{what} did not answer in time")
