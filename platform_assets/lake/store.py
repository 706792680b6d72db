"""The lake as the platform sees it: partitions that are opened to be written, and the records of each.

A lake in a folder is in ``local``, one below a URL in ``objects``; which of them a location is, says
``locations``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from platform_assets.lake.layout import LOCK_WAIT_SECONDS
from platform_assets.lake.manifest import Manifest, Rejection
from platform_assets.lake.quarantine import QuarantinedRow, QuarantineWriter
from platform_assets.lake.quarantine_places import Quarantines


@dataclass(frozen=True)
class Stage:
    """A new version in the making, of the name ``ingestion``: nobody reads it before it is committed.

    ``work`` is a folder for what is not protected yet, on this machine. ``quarantine`` takes the rows that are no data.
    """

    ingestion: str
    work: Path
    quarantine: QuarantineWriter


def named(lake: Lake, file: str) -> str:
    """The path or URL of a file of the lake, by its name in manifests."""
    return f"{str(lake).rstrip('/')}/{file}"


class LakePartition(Protocol):
    """What a partition holds, and the ways to change it; valid while it is open.

    Its records are None where there is none, or one that nobody can read.
    """

    @property
    def manifest(self) -> Manifest | None:
        """What it holds."""
        ...

    @property
    def rejection(self) -> Rejection | None:
        """The latest rejection, if nothing was accepted after it."""
        ...

    @property
    def is_readable(self) -> bool:
        """Whether every record that it has can be read."""
        ...

    def has_data(self, manifest: Manifest) -> bool:
        """Whether every Parquet file that ``manifest`` names is there."""
        ...

    def stage(self) -> AbstractContextManager[Stage]:
        """Room for a new version. What was neither committed nor rejected in the block is gone after it."""
        ...

    def keep(self, stage: Stage, files: Sequence[Path]) -> tuple[str, ...]:
        """Make Parquet files of ``stage`` those of the new version; their names, in order, as manifests have them."""
        ...

    def quarantine_name(self, stage: Stage) -> str | None:
        """The name that records have for the stage's quarantine; None if no row is in it."""
        ...

    def commit(self, manifest: Manifest) -> None:
        """Make ``manifest`` the content of the partition. Its data files were kept before."""
        ...

    def renew(self, manifest: Manifest) -> None:
        """Record that the same ingestion is that of files whose names, times or rights are others now."""
        ...

    def reject(self, rejection: Rejection) -> None:
        """Record that a delivery was refused, now; the partition's manifest stays as it is."""
        ...

    def purge(self, names: Collection[str]) -> None:
        """Remove quarantines of the partition, once the records that name them say that their rows are purged."""
        ...


class Lake(Protocol):
    """Where manifests, Parquet and quarantines are. Cheap to make, and safe to share between threads.

    What reads a record raises ``RecordUnreadable`` if there is one that cannot be read.
    """

    def __str__(self) -> str:
        """Where it is, for people."""
        ...

    def exists(self) -> bool:
        """Whether anything is there."""
        ...

    @property
    def quarantines(self) -> Quarantines:
        """Where its quarantines lie."""
        ...

    def opened(
        self, feed: str, partition: str, *, wait_seconds: float = LOCK_WAIT_SECONDS
    ) -> AbstractContextManager[LakePartition]:
        """The partition, made if it is new, for the one process that writes it.

        Raises ``PartitionLocked`` where another process has had it for ``wait_seconds`` and keeps out all others.
        """
        ...

    def manifest(self, feed: str, partition: str) -> Manifest | None:
        """The committed manifest of a partition, or None when it was never ingested."""
        ...

    def rejection(self, feed: str, partition: str) -> Rejection | None:
        """The latest rejection of a partition, if no delivery was accepted after it."""
        ...

    def latest(self, feed: str, partition: str) -> Manifest | Rejection | None:
        """What counts of a partition: its rejection if it has one, else its manifest, else nothing."""
        ...

    def feeds(self) -> list[str]:
        """Every feed that has a partition here, in order."""
        ...

    def partition_names(self, feed: str) -> list[str]:
        """The folders of a feed's partitions, in order; :meth:`partition_of` gives the partition of each.

        One that was never ingested may be among them.
        """
        ...

    def partition_of(self, feed: str, name: str) -> str:
        """The partition whose folder it is."""
        ...

    def on_disk(
        self, manifests: Sequence[Manifest], *, schemas_only: bool = False
    ) -> AbstractContextManager[dict[str, tuple[Path, ...]]]:
        """The Parquet files of each partition as files of this machine, for the length of the block.

        A file that is gone is a path at which nothing is. With ``schemas_only`` nobody reads rows: a file that would
        have to be fetched has its size and its metadata, and no rows.
        """
        ...

    def sweep(self, feed: str, partition: str, *, older_than: dt.timedelta) -> list[str]:
        """Remove data that no record names and that is older than that; its names. Never what a run has just written.

        A lake in a folder holds none that the next ingestion of the partition does not remove under its lock.
        """
        ...

    def data_names(self, feed: str, partition: str) -> list[str]:
        """The names of all Parquet files of a partition, those that no record names any more among them, in order."""
        ...

    def fetched(self, names: Sequence[str]) -> AbstractContextManager[list[Path]]:
        """Files by their names as files of this machine, for the length of the block; those that are gone left out."""
        ...

    def remove_generations(self, feed: str, partition: str) -> list[str]:
        """Remove all data and quarantines that no record names, those of the version before too; their names.

        A reader that is still at them gets an error. A run that is writing the partition is waited for, or has lost.
        Raises ``RecordUnreadable`` if nobody knows what is named.
        """
        ...

    def note(self, feed: str) -> bytes | None:
        """What :meth:`put_note` wrote about a feed; None if there is nothing."""
        ...

    def put_note(self, feed: str, content: bytes | None) -> None:
        """Keep a note about a feed, in the place of another one, or remove it."""
        ...

    def quarantined_rows(self, name: str, limit: int | None) -> list[QuarantinedRow]:
        """The rows of the quarantine that a record names."""
        ...
