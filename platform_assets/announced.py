"""What other installed packages add to the platform by entry point: formats, warehouses, checks and notifiers.

Here they are only found; nothing of them is imported. What each has to offer is said in the room that uses it, and in
docs/extending.md.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

FORMATS = "platform_assets.formats"
WAREHOUSES = "platform_assets.warehouses"
CHECKS = "platform_assets.checks"
NOTIFIERS = "platform_assets.notifiers"
MORE = "platform_assets.more"
"""Functions of a kind of failure (`timeout` or `memory`) and a run's tags, which give tags for the run after it."""


@functools.cache
def announced(group: str) -> dict[str, EntryPoint]:
    """The announced entry points of a group, by name."""
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=group)}
