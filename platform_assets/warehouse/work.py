"""What a session is opened for: the asset, the partitions and the run, for engines that account for it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass

APP = "platform-assets"
"""What each tag has."""

LISTED = 20
"""Partitions that a tag names one by one."""


@dataclass(frozen=True)
class Work:
    """Empty where nothing is known."""

    asset: str = ""
    partitions: tuple[str, ...] = ()
    run: str = ""

    def tag(self, purpose: str) -> dict[str, object]:
        """What is known, in a few hundred signs."""
        few = self.partitions[:LISTED]
        listed = [*few] if len(self.partitions) <= LISTED else [self.partitions[0], "...", self.partitions[-1]]
        known = {"asset": self.asset, "partitions": listed, "count": len(self.partitions), "run": self.run}
        return {"app": APP, "purpose": purpose, **{name: value for name, value in known.items() if value}}


NOTHING = Work()
_current: ContextVar[Work] = ContextVar("platform_assets_work", default=NOTHING)


def current_work() -> Work:
    return _current.get()


@contextlib.contextmanager
def working_on(asset: str, partitions: Sequence[str], run: str) -> Iterator[None]:
    """Sessions that are opened in the block are opened for this."""
    token = _current.set(Work(asset, tuple(partitions), run))
    try:
        yield
    finally:
        _current.reset(token)
