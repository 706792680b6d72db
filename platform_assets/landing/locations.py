"""Which landing place a location is: a folder, or the objects below a URL."""

from __future__ import annotations

from platform_assets.landing.arrivals import LandingFolder
from platform_assets.landing.landing import FileNames, Landing
from platform_assets.landing.stability import KnownWhole, nothing_known
from platform_assets.stores.objects import is_url


def open_landing(root: str, names: FileNames, known_whole: KnownWhole = nothing_known) -> Landing:
    """The landing place at ``root``; nothing is looked at yet.

    Raises ``InvalidUrl`` for a URL that names no bucket.
    """
    if is_url(root):
        # objects need obstore, which a landing folder never does
        from platform_assets.landing.objects import LandingObjects

        return LandingObjects(root, names, known_whole)
    return LandingFolder(root, names, known_whole)
