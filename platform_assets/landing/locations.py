"""Which landing place a location is: a folder, the objects below a URL, or a folder of an SFTP server."""

from __future__ import annotations

from platform_assets.landing.arrivals import LandingFolder
from platform_assets.landing.landing import FileNames, Landing
from platform_assets.landing.stability import KnownWhole, nothing_known
from platform_assets.stores.objects import is_url
from platform_assets.stores.sftp import is_sftp


def open_landing(root: str, names: FileNames, known_whole: KnownWhole = nothing_known) -> Landing:
    """The landing place at ``root``; nothing is looked at yet.

    Raises ``InvalidUrl`` for a URL that names no bucket or host.
    """
    if is_url(root):
        # objects need obstore, which a landing folder never does
        from platform_assets.landing.objects import LandingObjects

        return LandingObjects(root, names, known_whole)
    if is_sftp(root):
        from platform_assets.landing.sftp import LandingSftp

        return LandingSftp(root, names, known_whole)
    return LandingFolder(root, names, known_whole)
