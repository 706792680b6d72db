"""Whether the files that a delivery's manifests list are there: those, and no others, are the delivery then."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from platform_assets.lake.names import shown
from platform_assets.landing.found import Found
from platform_assets.landing.manifest_format import ListedFile, ManifestError, read_manifest
from platform_assets.landing.patterns import ArrivalPattern, composed
from platform_assets.landing.trees import Status
from platform_assets.landing.walk import is_left_out, means_beside_data
from platform_assets.stores.errors import StoreError, StoreFault
from platform_assets.stores.objects import Version
from platform_assets.stores.scratch import scratch_folder

if TYPE_CHECKING:
    from platform_assets.stores.files import FileStore

LARGEST = 16 << 20
"""Bytes of a manifest; a longer list is no delivery of one partition."""

SHOWN = 3

Content = Callable[[Found], bytes | None]
"""The content of a small file in the version that was seen; None if it is another one by now.

Raises ``OSError`` or ``StoreError`` if it cannot be read.
"""


class NotListed(Exception):
    """The delivery is not what its manifests say; the message says which file.

    ``hindered`` says that a manifest could not be looked at: nothing has to change before the next look.
    """

    def __init__(self, reason: str, *, hindered: bool = False) -> None:
        super().__init__(reason)
        self.hindered = hindered


@dataclass(frozen=True)
class Manifests:
    """The manifests of one partition.

    ``is_mine`` tells whether a path that is like the feed's ``pattern`` is of this partition, ``content`` reads one.
    """

    manifests: Sequence[Found]
    pattern: ArrivalPattern
    is_mine: Callable[[str], bool]
    content: Content

    def listed(self, files: Sequence[Found]) -> list[Found]:
        """Those of ``files`` that are listed. What is listed and is not like the feed's pattern is left out.

        Raises:
            NotListed: if a listed file is not there or has another size, or a manifest cannot be read.
        """
        exact = {found.path: found for found in files}
        # some file systems change the form in which letters with marks are written
        others = {composed(path): found for path, found in exact.items()}
        taken: dict[str, Found] = {}
        for manifest in sorted(self.manifests, key=lambda found: found.path):
            wanted = self._wanted(manifest)
            absent = []
            for file in wanted:
                found = exact.get(file.path) or others.get(composed(file.path))
                if found is None:
                    absent.append(shown(file.path))
                elif file.size not in (None, found.status.st_size):
                    raise NotListed(
                        f"{shown(file.path)} has {found.status.st_size} bytes, and {shown(manifest.path)}, "
                        f"{file.where}, says {file.size}"
                    )
                else:
                    taken[found.path] = found
            if absent:
                more = f" and {len(absent) - SHOWN} more" if len(absent) > SHOWN else ""
                raise NotListed(f"of what {shown(manifest.path)} lists is not there: {', '.join(absent[:SHOWN])}{more}")
        return list(taken.values())

    def _wanted(self, manifest: Found) -> list[ListedFile]:
        """What one of the manifests lists of the feed's files."""
        name, size = shown(manifest.path), manifest.status.st_size
        if size > LARGEST:
            raise NotListed(f"{name}: has {size} bytes, and a manifest has {LARGEST} at most")
        try:
            content = self.content(manifest)
            if content is None:
                raise NotListed(f"{name}: was written again while it was read", hindered=True)
            listed = read_manifest(content, manifest.path)
        except ManifestError as error:
            raise NotListed(f"{name}: {error}") from None
        except StoreFault:
            raise  # a store that does not answer would be waited for once for each manifest
        except (OSError, StoreError) as error:
            words = (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__
            raise NotListed(f"{name}: cannot be read: {words}", hindered=True) from None
        wanted = [file for file in listed if self._is_data(file.path)]
        for file in wanted:
            if not self.is_mine(file.path):
                raise NotListed(f"{name}: {file.where}: {shown(file.path)} is of another partition")
        if not wanted:
            raise NotListed(f"{name}: lists no file like {self.pattern.pattern!r}")
        return wanted

    def _is_data(self, path: str) -> bool:
        return self.pattern.token(path) is not None and not is_left_out(
            path, but_for_beside=means_beside_data(self.pattern)
        )


def read_seen(path: Path, seen: Status) -> bytes | None:
    """The content of a file of this machine, as :data:`Content` says."""
    with open(path, "rb", opener=_open_plain) as file:
        content = file.read(LARGEST + 1)
        now = os.fstat(file.fileno())
    same = (now.st_size, now.st_mtime_ns) == (seen.st_size, seen.st_mtime_ns) == (len(content), seen.st_mtime_ns)
    return content if same and stat.S_ISREG(now.st_mode) else None


def fetch_seen(store: FileStore, key: str, version: Version) -> bytes | None:
    """The content of a file of a store, as :data:`Content` says."""
    with scratch_folder() as scratch:
        copy = scratch / "manifest"
        return copy.read_bytes() if store.fetch(key, copy, version=version) else None


def _open_plain(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
