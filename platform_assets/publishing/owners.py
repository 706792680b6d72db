"""Whether the owner of a lease is alive: who is asked, by the beginning of the owner's name.

Processes of this machine are known by themselves (``processes``). A deployment whose writers are something else, such
as pods of a cluster, registers a :class:`Liveness` for their names before it publishes; ``leases`` asks
:func:`is_alive` alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol

from platform_assets.logs import logger
from platform_assets.publishing.processes import LocalProcesses

log = logger(__name__)


class Liveness(Protocol):
    """Knows of some owners whether they are alive."""

    def is_alive(self, owner: str) -> bool | None:
        """True when somebody certainly works under this name, False when certainly nobody does, None when unknown."""
        ...


_by_prefix: dict[str, Liveness] = {"": LocalProcesses()}


def register(prefix: str, liveness: Liveness) -> None:
    """Ask ``liveness`` about owners whose name begins with ``prefix``; the longest prefix that fits is asked first.

    What it does not know, the next shorter one is asked. The empty prefix stands for processes of this machine.
    """
    _by_prefix[prefix] = liveness


def unregister(prefix: str) -> None:
    """Ask nobody of this prefix any more."""
    _by_prefix.pop(prefix, None)


@contextlib.contextmanager
def registered(prefix: str, liveness: Liveness) -> Iterator[None]:
    """:func:`register` for the length of a block."""
    before = _by_prefix.get(prefix)
    register(prefix, liveness)
    try:
        yield
    finally:
        unregister(prefix)
        if before is not None:
            register(prefix, before)


def is_alive(owner: str) -> bool | None:
    """What is known of the owner: alive, dead, or (None) nothing. One who cannot be asked about is unknown."""
    for prefix in sorted((p for p in _by_prefix if owner.startswith(p)), key=len, reverse=True):
        try:
            known = _by_prefix[prefix].is_alive(owner)
        except Exception as error:
            # an implementation of somebody else's: nothing is concluded from its failure
            log.warning("whether lease owner %s is alive could not be found out: %s", owner, type(error).__name__)
            known = None
        if known is not None:
            return known
    return None
