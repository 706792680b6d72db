"""Files by their URLs, wherever they lie."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from platform_assets.stores.objects import Objects, Version, is_url
from platform_assets.stores.sftp import SftpFolder, is_sftp


class FileStore(Protocol):
    """Where files are read from by a key."""

    def fetch(self, key: str, path: Path, *, version: Version | None = None) -> bool:
        """Write a file into ``path``; False if it is not there, or not in ``version``."""
        ...

    def exists(self, key: str) -> bool:
        """Whether there is a file of that key."""
        ...


def is_remote(location: str) -> bool:
    """Whether it is a URL, and no path on this machine."""
    return is_url(location) or is_sftp(location)


def split(url: str) -> tuple[str, str]:
    """The URL of a file's bucket or server, and its key there."""
    scheme, _, rest = url.partition("://")
    place, _, key = rest.partition("/")
    return f"{scheme}://{place}", key


def file_store(url: str) -> FileStore:
    """The bucket or server of that URL; nothing is asked for yet."""
    return SftpFolder(url) if is_sftp(url) else Objects(url)
