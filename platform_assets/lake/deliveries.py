"""A delivery: the complete files of one partition of a feed, each with its version.

How deliveries are found in a landing folder is in ``arrivals``; what becomes of one is in ``ingestion``.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from platform_assets.partition_key import PartitionKey

SNAPSHOT = "snapshot"
"""The partition key of a feed that has no partitions: each delivery replaces the whole table."""


def dagster_partition(partition: str) -> str | None:
    """The key as Dagster knows it: None for a feed without partitions."""
    return None if partition == SNAPSHOT else partition


@dataclass(frozen=True, order=True)
class FileVersion:
    """One file as it was seen: a file replaced under the same name is another version.

    ``path`` is absolute, or a URL; ``size`` is in bytes, ``mtime_ns`` in nanoseconds since the epoch. ``ctime_ns`` is
    when the file was last changed in any way, 0 where that is not known (records of earlier versions, objects). It is a
    reason to look at the bytes again and no part of the version: a restored backup or a `chmod` sets it too. ``etag``
    is what an object store calls the version; empty for files.
    """

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int = field(default=0, compare=False)
    etag: str = ""

    @classmethod
    def of(cls, path: Path) -> FileVersion:
        return cls.seen(str(path), path.stat())

    @classmethod
    def seen(cls, path: str, status: os.stat_result) -> FileVersion:
        """The file at ``path`` with the status that it had."""
        return cls(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@dataclass(frozen=True)
class Delivery:
    """The files of one partition, in the order of their names.

    Without files it is a delivery that is not there; ``absence`` says what is known of the reason.
    """

    feed: str
    key: PartitionKey
    files: tuple[FileVersion, ...]
    absence: str = ""

    @property
    def partition(self) -> str:
        """The key of the partition as text."""
        return self.key.key

    @property
    def version(self) -> str:
        """16 hex digits that change whenever a file is added, removed or replaced."""
        digest = hashlib.sha256()
        for file in sorted(self.files):
            # the time of an object is that of its last upload, which may be one of the same bytes
            described = f"{Path(file.path).name}\0{file.size}\0{file.etag or file.mtime_ns}\n"
            digest.update(described.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()[:16]

    @property
    def changed_ns(self) -> int:
        """When the last of its files was changed in any way; 0 if that is not known."""
        return max((file.ctime_ns for file in self.files), default=0)

    def holds_names_of(self, files: Sequence[FileVersion]) -> bool:
        """Whether it has a file of every name that one of ``files`` has."""
        return {Path(file.path).name for file in self.files}.issuperset(Path(file.path).name for file in files)

    def was_touched_since(self, files: Sequence[FileVersion]) -> bool:
        """Whether a file of it was changed after it was seen as one of ``files``, as far as both times are known."""
        before = {Path(file.path).name: file.ctime_ns for file in files if file.ctime_ns}
        return any(
            file.ctime_ns and before.get(Path(file.path).name, file.ctime_ns) != file.ctime_ns for file in self.files
        )
