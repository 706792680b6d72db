"""A partition of the lake, opened for the one process that may write it: what it holds, and how that is replaced.

A new version is staged first. Everything of it is made durable before the one step that counts, the renaming of the
manifest. What crashed ingestions left behind goes with the next one of the partition; the files of the version before
stay for a reader in progress. What the records say is in ``manifest``, where they lie in ``layout``.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import shutil
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from platform_assets.failpoints import failpoint
from platform_assets.lake.errors import RecordUnreadable
from platform_assets.lake.layout import (
    LOCK,
    LOCK_WAIT_SECONDS,
    MANIFEST,
    REJECTION,
    make_partition_folder,
    partition_folder,
    partition_lock,
    sync_file,
    sync_folder,
    work_folder,
    write_durably,
)
from platform_assets.lake.manifest import Manifest, Rejection, purged, read_manifest, read_rejection
from platform_assets.lake.names import NAME
from platform_assets.lake.quarantine_places import Quarantines, beside_folder
from platform_assets.lake.store import Stage
from platform_assets.logs import logger

log = logger(__name__)


@contextmanager
def opened(
    lake: Path, feed: str, partition: str, quarantines: Quarantines | None = None, *,
    wait_seconds: float = LOCK_WAIT_SECONDS,
) -> Iterator[LocalPartition]:  # fmt: skip
    """The partition, made if it is new, under its lock.

    Raises :class:`RecordUnreadable` if one of its records can neither be read nor be replaced by a new ingestion, such
    as one of a later format.
    """
    folder = make_partition_folder(lake, feed, partition)
    with partition_lock(folder, wait_seconds):
        yield LocalPartition(lake, feed, partition, quarantines or beside_folder(lake))


class LocalPartition:
    """What a partition holds, and the ways to change it. Made by :func:`opened`, and valid while that is.

    ``manifest`` and ``rejection`` are its records; None where there is none, or one that nobody can read.
    """

    def __init__(self, lake: Path, feed: str, partition: str, quarantines: Quarantines) -> None:
        self.lake, self.feed, self.partition = lake, feed, partition
        self.quarantines = quarantines
        self._stage: Stage | None = None
        self.folder = partition_folder(lake, feed, partition)
        self.manifest: Manifest | None = None
        self.rejection: Rejection | None = None
        self._unreadable: set[str] = set()
        for name in (MANIFEST, REJECTION):
            try:
                if name == MANIFEST:
                    self.manifest = read_manifest(lake, feed, partition)
                else:
                    self.rejection = read_rejection(lake, feed, partition)
            except RecordUnreadable as error:
                if not error.replaceable:
                    raise
                self._unreadable.add(name)

    @property
    def is_readable(self) -> bool:
        """Whether every record that it has can be read."""
        return not self._unreadable

    @contextmanager
    def stage(self) -> Iterator[Stage]:
        """Room for a new version. What was neither committed nor rejected in the block is gone after it."""
        self._clean_up(keep_all_data=self.manifest is not None)
        work = work_folder(self.lake, self.feed, self.partition)
        shutil.rmtree(work, ignore_errors=True)
        failpoint("lake.ingest.cleaned")
        self.lake.mkdir(parents=True, exist_ok=True)
        for part in (*reversed(work.relative_to(self.lake).parents[:-1]), work.relative_to(self.lake)):
            (self.lake / part).mkdir(mode=0o700, exist_ok=True)
        ingestion = uuid.uuid4().hex[:12]
        name = self.quarantines.name_of(self.feed, self.partition, ingestion)
        quarantine = self.quarantines.place_of(name).writer(name, work)
        self._stage = stage = Stage(ingestion, work, quarantine)
        data = self.folder / ingestion
        try:
            yield stage
        except BaseException:
            if not self._may_hold(ingestion):
                if not self._may_name(name):
                    quarantine.discard()
                    self.quarantines.remove([name])
                shutil.rmtree(data, ignore_errors=True)
            raise
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def has_data(self, manifest: Manifest) -> bool:
        """Whether every Parquet file that ``manifest`` names is there."""
        return all(path.is_file() for path in manifest.data_paths(self.lake))

    def keep(self, stage: Stage, files: Sequence[Path]) -> tuple[str, ...]:
        """Move Parquet files to where they stay; their names in order."""
        data = self.folder / stage.ingestion
        if files:
            data.mkdir()
        moved = [file.rename(data / f"part-{index:04d}.parquet") for index, file in enumerate(files)]
        return tuple(map(self._relative, moved))

    def quarantine_name(self, stage: Stage) -> str | None:
        """The name of the stage's quarantine; None if no row is in it."""
        return self.quarantines.name_of(self.feed, self.partition, stage.ingestion) if stage.quarantine.rows else None

    def commit(self, manifest: Manifest) -> None:
        """Make ``manifest`` the content of the partition. Its data files lie in their folder already."""
        failpoint("lake.commit.before_sync")
        for path in manifest.data_paths(self.lake):
            sync_file(path)
        if manifest.data_files:
            sync_folder(manifest.data_paths(self.lake)[0].parent)
        self._keep_quarantine(manifest.quarantine_file)
        sync_folder(self.folder)
        failpoint("lake.commit.before_rename")
        before = self.manifest.ingestion if self.manifest is not None else None
        write_durably(self.folder / MANIFEST, manifest.to_json())
        failpoint("lake.commit.after_rename")
        log.debug("committed ingestion %s: %d data files", manifest.ingestion, len(manifest.data_files))
        if (self.folder / REJECTION).exists():
            (self.folder / REJECTION).unlink(missing_ok=True)
            sync_folder(self.folder)
        self.manifest, self.rejection = manifest, None
        self._unreadable.clear()
        failpoint("lake.commit.before_clean_up")
        self._clean_up(keep=before)

    def renew(self, manifest: Manifest) -> None:
        """Record that the same ingestion is that of files whose names, times or rights are others now."""
        failpoint("lake.renew.before_rename")
        write_durably(self.folder / MANIFEST, manifest.to_json())
        self.manifest = manifest

    def reject(self, rejection: Rejection) -> None:
        """Record that a delivery was refused, now; the partition's manifest stays as it is."""
        self._keep_quarantine(rejection.quarantine_file)
        after = self.manifest.ingestion if self.manifest is not None else ""
        at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        known = None if MANIFEST in self._unreadable else after
        dated = dataclasses.replace(rejection, after=known, at=at)
        failpoint("lake.reject.before_rename")
        write_durably(self.folder / REJECTION, dated.to_json())
        self.rejection = dated
        self._unreadable.discard(REJECTION)
        failpoint("lake.reject.before_clean_up")
        self._clean_up(keep_all_data=known != "")

    def purge(self, names: Collection[str]) -> None:
        at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        failpoint("lake.purge.before_records")
        if self.rejection is not None:
            # a manifest that is written anew is newer than a rejection, which counts by what it says of the manifest
            after = self.rejection.after or (self.manifest.ingestion if self.manifest is not None else "")
            rejection = dataclasses.replace(self.rejection, after=after)
            if self.rejection.quarantine_file in names:
                rejection = purged(rejection, at)
            if rejection != self.rejection:
                write_durably(self.folder / REJECTION, rejection.to_json())
                self.rejection = rejection
        failpoint("lake.purge.between_records")
        if self.manifest is not None and self.manifest.quarantine_file in names:
            manifest = purged(self.manifest, at)
            write_durably(self.folder / MANIFEST, manifest.to_json())
            self.manifest = manifest
        failpoint("lake.purge.before_removal")
        self.quarantines.remove(names)

    def remove_generations(self) -> list[str]:
        """Remove all that no record names; the names of what is gone. Raises ``RecordUnreadable``."""
        if not self.is_readable:
            raise RecordUnreadable(self.folder / min(self._unreadable), "nobody knows what it names")
        before = self._names()
        shutil.rmtree(work_folder(self.lake, self.feed, self.partition), ignore_errors=True)
        failpoint("lake.generations.before_removal")
        self._clean_up()
        return sorted(before - self._names())

    def _names(self) -> set[str]:
        data = {self._relative(path) for path in self.folder.glob("*/*") if path.is_file()}
        return data | self.quarantines.listed(self.feed, self.partition).keys()

    def _keep_quarantine(self, name: str | None) -> None:
        if name is not None and self._stage is not None:
            self.quarantines.place_of(name).keep(name, self._stage.quarantine.path)

    def _relative(self, path: Path) -> str:
        """``path`` below the lake, as records name it."""
        return str(path.relative_to(self.lake))

    def _may_hold(self, ingestion: str) -> bool:
        """Whether the manifest is that of ``ingestion``, or cannot be read and so might be."""
        try:
            current = read_manifest(self.lake, self.feed, self.partition)
        except RecordUnreadable:
            return True
        return current is not None and current.ingestion == ingestion

    def _may_name(self, quarantine: str) -> bool:
        """Whether the rejection names that ``quarantine``, or it cannot be read and so might."""
        try:
            current = read_rejection(self.lake, self.feed, self.partition)
        except RecordUnreadable:
            return True
        return current is not None and current.quarantine_file == quarantine

    def _clean_up(self, *, keep: str | None = None, keep_all_data: bool = False) -> None:
        """Remove what belongs to no manifest, no rejection and not to the version before (``keep``).

        Nothing of another process is in the making, since the partition is locked. While a record cannot be read,
        nobody knows what belongs to it, and nothing is removed.
        """
        if not self.is_readable:
            return
        if self.rejection is None:
            # left by a crash between the manifest that came after it and its removal
            (self.folder / REJECTION).unlink(missing_ok=True)
        current = {keep, self.manifest.ingestion if self.manifest is not None else None}
        for entry in self.folder.iterdir():
            if entry.name in (MANIFEST, REJECTION, LOCK, NAME) or entry.name in current:
                continue
            if not entry.is_dir():
                entry.unlink(missing_ok=True)
            elif not keep_all_data:
                shutil.rmtree(entry, ignore_errors=True)
        records = (self.manifest, self.rejection)
        kept = {record.quarantine_file for record in records if record and record.quarantine_file}
        self.quarantines.remove(self.quarantines.listed(self.feed, self.partition).keys() - kept)
