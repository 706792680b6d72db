"""Which lake a location is: a folder, or the objects below a URL."""

from __future__ import annotations

from pathlib import Path

from platform_assets.lake.local import LocalLake
from platform_assets.lake.store import Lake
from platform_assets.stores.objects import Objects, is_url


def open_lake(location: str | Path) -> Lake:
    """The lake at ``location``; nothing is looked at yet.

    Raises ``InvalidUrl`` for a URL that names no bucket.
    """
    if isinstance(location, str) and is_url(location):
        # objects need obstore, which a lake in a folder never does
        from platform_assets.lake.objects import ObjectLake

        return ObjectLake(Objects(location))
    return LocalLake(Path(location))
