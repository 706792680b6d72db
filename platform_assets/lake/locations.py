"""Which lake a location is: a folder, or the objects below a URL."""

from __future__ import annotations

from pathlib import Path

from platform_assets.lake.local import LocalLake
from platform_assets.lake.quarantine_places import FolderPlace, ObjectPlace, Quarantines, open_place
from platform_assets.lake.store import Lake
from platform_assets.stores.objects import Objects, is_url


def open_lake(location: str | Path, quarantine: str | Path | None = None) -> Lake:
    """The lake at ``location``; nothing is looked at yet.

    New quarantines are written below ``quarantine``, a folder or a URL of objects; without one they lie with the lake.
    Raises ``InvalidUrl`` for a URL that names no bucket.
    """
    own = open_place(quarantine) if quarantine else None
    if isinstance(location, str) and is_url(location):
        # objects need obstore, which a lake in a folder never does
        from platform_assets.lake.objects import ObjectLake

        objects = Objects(location)
        return ObjectLake(objects, Quarantines(ObjectPlace(objects), own))
    return LocalLake(Path(location), Quarantines(FolderPlace(Path(location)), own))
