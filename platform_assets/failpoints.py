"""Named points at which a test may stop the world.

A failpoint stands between two durable states: ``failpoint("lake.commit.before_rename")``. When nothing is
armed it costs one look at an empty dictionary. Tests arm it in process with :func:`armed`, or in a child
process with ``PLATFORM_FAILPOINTS="name=action,..."`` and :func:`arm_from_environment`, which only the test
programs call: production code never reads the variable.

What does not belong here: behaviour. Code under a failpoint runs the same whether it is armed or not.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator

Action = Callable[[], None]

_armed: dict[str, Action] = {}


def failpoint(name: str) -> None:
    """Run the action armed for ``name``, if there is one."""
    if _armed:
        action = _armed.get(name)
        if action is not None:
            action()


@contextlib.contextmanager
def armed(name: str, action: Action) -> Iterator[None]:
    """Arm one failpoint for the length of a ``with`` block."""
    _armed[name] = action
    try:
        yield
    finally:
        _armed.pop(name, None)


def kill() -> None:
    """End this process as ``kill -9`` does: no handler runs, nothing is flushed."""
    os.kill(os.getpid(), signal.SIGKILL)


def arm_from_environment() -> None:
    """Arm what ``PLATFORM_FAILPOINTS`` names; the only action a child can be given is ``kill``."""
    for item in filter(None, os.environ.get("PLATFORM_FAILPOINTS", "").split(",")):
        name, _, action = item.partition("=")
        if action != "kill":
            raise ValueError(f"PLATFORM_FAILPOINTS: {item!r} is not of the form name=kill")
        _armed[name] = kill
