"""A delivery: the settled files of one partition of a feed, each with its version.

How deliveries are found in a landing folder is in ``arrivals``; what becomes of one is in ``ingestion``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

SNAPSHOT = "snapshot"
"""The partition key of a feed that has no partitions: each delivery replaces the whole table."""


def dagster_partition(partition: str) -> str | None:
    """The key as Dagster knows it: None for a feed without partitions."""
    return None if partition == SNAPSHOT else partition


@dataclass(frozen=True, order=True)
class FileVersion:
    """One file as it was seen: a file replaced under the same name is another version.

    ``path`` is absolute; ``size`` is in bytes, ``mtime_ns`` in nanoseconds since the epoch.
    """

    path: str
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> FileVersion:
        stat = path.stat()
        return cls(str(path), stat.st_size, stat.st_mtime_ns)


@dataclass(frozen=True)
class Delivery:
    """The files of one partition, in the order of their names.

    Without files it is a delivery that is not there; ``absence`` says what is known of the reason.
    """

    feed: str
    partition: str
    files: tuple[FileVersion, ...]
    absence: str = ""

    @property
    def version(self) -> str:
        """16 hex digits that change whenever a file is added, removed or replaced."""
        digest = hashlib.sha256()
        for file in sorted(self.files):
            described = f"{Path(file.path).name}\0{file.size}\0{file.mtime_ns}\n"
            digest.update(described.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()[:16]
