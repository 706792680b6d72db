"""Finding deliveries on an SFTP server: as in a folder, as far as SFTP tells what a folder does.

A file that is moved into place keeps its time, and SFTP has no other. So each look goes on with a look at everything
once more, and what is new is found by what the lake does not hold.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from platform_assets.lake.deliveries import FileVersion
from platform_assets.landing.arrivals import LandingFolder
from platform_assets.landing.found import Found
from platform_assets.landing.manifests import fetch_seen
from platform_assets.stores.errors import StoreError
from platform_assets.stores.objects import Version
from platform_assets.stores.sftp import SftpFolder


@dataclass(frozen=True)
class LandingSftp(LandingFolder):
    """The landing place of one feed on an SFTP server, `sftp://user@host/folder`."""

    look_through_ns = 0

    def lacks(self, files: Collection[FileVersion]) -> bool:
        """Whether one of the files was taken away; False if it cannot be looked at."""
        beginning = f"{self.root.rstrip('/')}/"
        if any(not file.path.startswith(beginning) for file in files):
            return True
        try:
            return any(not self._tree.exists(file.path.removeprefix(beginning)) for file in files)
        except (StoreError, OSError):
            return False

    @cached_property
    def _tree(self) -> SftpFolder:
        return SftpFolder(self.root)

    def _content(self, found: Found) -> bytes | None:
        return fetch_seen(self._tree, found.path, Version(found.status.st_size, found.status.st_mtime_ns))

    def _version(self, found: Found) -> FileVersion:
        status = found.status
        return FileVersion(f"{self.root.rstrip('/')}/{found.path}", status.st_size, status.st_mtime_ns)
