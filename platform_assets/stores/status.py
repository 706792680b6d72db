"""What a store tells of a file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FileStatus:
    """An entry, with the names of ``os.stat_result``: stores tell neither inodes nor changes other than of the content.

    ``etag`` is what a store of objects calls the version; empty elsewhere. Times are in nanoseconds since the epoch.
    """

    st_mode: int
    st_size: int
    st_mtime_ns: int
    etag: str = ""
    st_ino: int = 0

    @property
    def st_ctime_ns(self) -> int:
        return self.st_mtime_ns
