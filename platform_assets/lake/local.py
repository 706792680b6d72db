"""The lake in a folder: what each of its records says, and the partitions that are opened in it."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from platform_assets.lake.layout import (
    LOCK_WAIT_SECONDS,
    NOTE,
    QUARANTINE,
    name_of,
    partition_folder,
    sync_folder,
    write_durably,
)
from platform_assets.lake.manifest import Manifest, Rejection, read_latest, read_manifest, read_rejection
from platform_assets.lake.names import escape
from platform_assets.lake.quarantine import QuarantinedRow
from platform_assets.lake.quarantine_places import Quarantines
from platform_assets.lake.stage_commit_reject import LocalPartition, opened


@dataclass(frozen=True)
class LocalLake:
    """The lake in the folder ``path``."""

    path: Path
    quarantines: Quarantines

    def __str__(self) -> str:
        return str(self.path)

    def exists(self) -> bool:
        return self.path.is_dir()

    def opened(
        self, feed: str, partition: str, *, wait_seconds: float = LOCK_WAIT_SECONDS
    ) -> AbstractContextManager[LocalPartition]:
        return opened(self.path, feed, partition, self.quarantines, wait_seconds=wait_seconds)

    def manifest(self, feed: str, partition: str) -> Manifest | None:
        return read_manifest(self.path, feed, partition)

    def rejection(self, feed: str, partition: str) -> Rejection | None:
        return read_rejection(self.path, feed, partition)

    def latest(self, feed: str, partition: str) -> Manifest | Rejection | None:
        return read_latest(self.path, feed, partition)

    def feeds(self) -> list[str]:
        return [name_of(self.path / name) for name in _folders(self.path) if name != QUARANTINE]

    def partition_names(self, feed: str) -> list[str]:
        return _folders(self.path / escape(feed))

    def partition_of(self, feed: str, name: str) -> str:
        return name_of(self.path / escape(feed) / name)

    @contextmanager
    def on_disk(
        self,
        manifests: Sequence[Manifest],
        *,
        schemas_only: bool = False,  # noqa: ARG002 - see Lake
    ) -> Iterator[dict[str, tuple[Path, ...]]]:
        yield {manifest.partition: manifest.data_paths(self.path) for manifest in manifests}

    def sweep(self, feed: str, partition: str, *, older_than: dt.timedelta) -> list[str]:  # noqa: ARG002 - see Lake
        return []

    def data_names(self, feed: str, partition: str) -> list[str]:
        folder = partition_folder(self.path, feed, partition)
        return sorted(str(path.relative_to(self.path)) for path in folder.glob("*/*") if path.is_file())

    @contextmanager
    def fetched(self, names: Sequence[str]) -> Iterator[list[Path]]:
        yield [path for path in (self.path / name for name in names) if path.is_file()]

    def remove_generations(self, feed: str, partition: str) -> list[str]:
        with self.opened(feed, partition) as held:
            return held.remove_generations()

    def note(self, feed: str) -> bytes | None:
        try:
            return (self.path / escape(feed) / NOTE).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def put_note(self, feed: str, content: bytes | None) -> None:
        path = self.path / escape(feed) / NOTE
        if content is not None:
            write_durably(path, content)
        elif path.exists():
            path.unlink(missing_ok=True)
            sync_folder(path.parent)

    def quarantined_rows(self, name: str, limit: int | None) -> list[QuarantinedRow]:
        return self.quarantines.place_of(name).rows(name, limit)


def _folders(path: Path) -> list[str]:
    """The names of the folders in ``path``; there may be very many, so nothing in them is looked at."""
    try:
        with os.scandir(path) as listing:
            return sorted(entry.name for entry in listing if entry.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []
