"""Formats of files that other installed packages announce by entry point, under the words that contracts use."""

from __future__ import annotations

import functools
from importlib.metadata import EntryPoint, entry_points

FORMATS_GROUP = "platform_assets.formats"
"""The group of their entry points."""


@functools.cache
def announced_formats() -> dict[str, EntryPoint]:
    """The announced formats by name. Nothing of them is imported."""
    return {entry.name: entry for entry in entry_points(group=FORMATS_GROUP)}
