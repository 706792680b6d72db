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
from platform_assets.landing.found import Arrivals, Found, Look, Rotation, Watermark
from platform_assets.landing.landing import Missing, nothing_missing
from platform_assets.stores.errors import StoreError
from platform_assets.stores.sftp import SftpFolder


@dataclass(frozen=True)
class LandingSftp(LandingFolder):
    """The landing place of one feed on an SFTP server, `sftp://user@host/folder`."""

    look_through_ns = 0

    def deliveries(self, keys: set[str] | None = None, *, now_ns: int) -> Arrivals:
        """As :meth:`Landing.deliveries`; of a server that does not answer, all of ``keys`` wait."""
        try:
            return super().deliveries(keys, now_ns=now_ns)
        except StoreError as error:
            return self._nothing_seen(error, keys or set())

    def look(
        self,
        watermark: Watermark,
        *,
        now_ns: int,
        limit: int,
        again: Watermark | None = None,
        again_limit: int = 0,
        keys: Collection[str] = (),
        rotation: Rotation | None = None,
        missing: Missing = nothing_missing,
    ) -> Look:
        """As :meth:`LandingFolder.look`; of a server that does not answer, nothing is known."""
        try:
            return super().look(
                watermark,
                now_ns=now_ns,
                limit=limit,
                again=again,
                again_limit=again_limit,
                keys=keys,
                rotation=rotation,
                missing=missing,
            )
        except StoreError as error:
            return Look(self._nothing_seen(error, keys), watermark, again)

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

    def _version(self, found: Found) -> FileVersion:
        status = found.status
        return FileVersion(f"{self.root.rstrip('/')}/{found.path}", status.st_size, status.st_mtime_ns)
