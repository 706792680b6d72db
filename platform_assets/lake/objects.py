"""The lake below a URL: objects are never replaced, and the next version of a partition is put only if it is new.

    <feed>/<partition>/versions/0000000001.json      a state of the partition: its manifest and its rejection
    <feed>/<partition>/<ingestion>/part-*.parquet
    _quarantine/<feed>/<partition>/<ingestion>.jsonl

The commit is the creation of the next object in ``versions``: of two writers that began at the same version, one
creates it, and the other one has lost and begins anew. The newest version is what the partition is. Versions are small
and stay, as its history; data that the newest two do not name goes. What a writer that was killed has left behind goes
with the next version, which no writer that began before it can follow, or with :func:`sweep`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import shutil
import uuid
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from platform_assets.failpoints import failpoint
from platform_assets.failures import Kind
from platform_assets.lake.conditional_writes import require_conditional_writes
from platform_assets.lake.errors import IngestionError, RecordUnreadable
from platform_assets.lake.fetching import fetch_all
from platform_assets.lake.layout import LOCK_WAIT_SECONDS, NOTE, QUARANTINE
from platform_assets.lake.manifest import Manifest, Rejection, purged
from platform_assets.lake.names import escape, is_cut, shown, unescape
from platform_assets.lake.quarantine import QuarantinedRow
from platform_assets.lake.quarantine_places import Quarantines
from platform_assets.lake.store import Stage
from platform_assets.lake.versions import (
    Version,
    data_of,
    folder_of,
    key_of,
    newest,
    newest_number,
    remove_data,
    remove_unnamed,
    sweep,
)
from platform_assets.logs import logger
from platform_assets.stores.objects import Objects
from platform_assets.stores.scratch import scratch_folder

log = logger(__name__)


class Overtaken(IngestionError):
    """Another writer committed the partition while this one was at work."""

    def __init__(self, partition: str) -> None:
        super().__init__(
            f"{partition}: another run committed it meanwhile. Nothing of this one was used; it begins anew",
            code="lake:overtaken",
            kind=Kind.INFRASTRUCTURE,
        )


class ObjectLake:
    """The lake below the URL of ``objects``."""

    def __init__(self, objects: Objects, quarantines: Quarantines) -> None:
        self.objects, self.quarantines = objects, quarantines

    def __str__(self) -> str:
        return str(self.objects)

    def exists(self) -> bool:
        return next(iter(self.objects.listed()), None) is not None

    @contextlib.contextmanager
    def opened(
        self,
        feed: str,
        partition: str,
        *,
        wait_seconds: float = LOCK_WAIT_SECONDS,  # noqa: ARG002 - nobody waits
    ) -> Iterator[ObjectPartition]:
        require_conditional_writes(self.objects)
        with scratch_folder() as scratch:
            yield ObjectPartition(self, newest(self.objects, feed, partition), scratch)

    def manifest(self, feed: str, partition: str) -> Manifest | None:
        return self._readable(feed, partition).manifest

    def rejection(self, feed: str, partition: str) -> Rejection | None:
        return self._readable(feed, partition).rejection

    def latest(self, feed: str, partition: str) -> Manifest | Rejection | None:
        version = self._readable(feed, partition)
        return version.rejection or version.manifest

    def feeds(self) -> list[str]:
        return [unescape(name) for name in self.objects.folders() if name != QUARANTINE]

    def partition_names(self, feed: str) -> list[str]:
        return self.objects.folders(escape(feed))

    def partition_of(self, feed: str, name: str) -> str:
        if not is_cut(name):
            return unescape(name)
        number = newest_number(self.objects, f"{escape(feed)}/{name}")
        text = self.objects.read(key_of(f"{escape(feed)}/{name}", number)) if number else None
        try:
            partition = json.loads(text or b"{}").get("partition", name)
        except ValueError:
            return name
        return partition if isinstance(partition, str) and escape(partition) == name else name

    @contextlib.contextmanager
    def on_disk(
        self, manifests: Sequence[Manifest], *, schemas_only: bool = False
    ) -> Iterator[dict[str, tuple[Path, ...]]]:
        with scratch_folder() as scratch:
            files: list[tuple[str, Path]] = []
            found: dict[str, tuple[Path, ...]] = {}
            for number, manifest in enumerate(manifests):
                folder = scratch / f"{number:06d}"
                folder.mkdir()
                pairs = [(key, folder / f"part-{at:04d}.parquet") for at, key in enumerate(manifest.data_files)]
                found[manifest.partition] = tuple(path for _, path in pairs)
                files += pairs
            fetch_all(self.objects, files, schemas_only=schemas_only)
            yield found

    def sweep(self, feed: str, partition: str, *, older_than: dt.timedelta) -> list[str]:
        return sweep(self.objects, self.quarantines, feed, partition, older_than=older_than)

    def data_names(self, feed: str, partition: str) -> list[str]:
        found = data_of(self.objects, Quarantines(self.quarantines.beside), feed, partition)
        return sorted(name for name in found if not name.endswith(".jsonl"))

    @contextlib.contextmanager
    def fetched(self, names: Sequence[str]) -> Iterator[list[Path]]:
        with scratch_folder() as scratch:
            pairs = [(name, scratch / f"{at:06d}.parquet") for at, name in enumerate(names)]
            fetch_all(self.objects, pairs)
            yield [path for _, path in pairs if path.is_file()]

    def remove_generations(self, feed: str, partition: str) -> list[str]:
        version = self._readable(feed, partition)
        return remove_unnamed(self.objects, self.quarantines, version)

    def note(self, feed: str) -> bytes | None:
        return self.objects.read(f"{escape(feed)}/{NOTE}")

    def put_note(self, feed: str, content: bytes | None) -> None:
        if content is None:
            self.objects.delete([f"{escape(feed)}/{NOTE}"])
            return
        with scratch_folder() as scratch:
            path = scratch / NOTE
            path.write_bytes(content)
            self.objects.upload(f"{escape(feed)}/{NOTE}", path)

    def quarantined_rows(self, name: str, limit: int | None) -> list[QuarantinedRow]:
        return self.quarantines.place_of(name).rows(name, limit)

    def _readable(self, feed: str, partition: str) -> Version:
        version = newest(self.objects, feed, partition)
        if not version.readable:
            key = key_of(folder_of(feed, partition), version.number)
            raise RecordUnreadable(self.objects.named(key), "it is damaged")
        return version


class ObjectPartition:
    """A partition in the version in which it was opened. Made by :meth:`ObjectLake.opened`, and valid while that is."""

    def __init__(self, lake: ObjectLake, version: Version, scratch: Path) -> None:
        self._objects, self._quarantines, self._scratch = lake.objects, lake.quarantines, scratch
        self._version = version
        self._folder = folder_of(version.feed, version.partition)
        self._kept: dict[str, Path] = {}
        self._stage: Stage | None = None
        self._before: list[str] = []

    @property
    def manifest(self) -> Manifest | None:
        """What it holds."""
        return self._version.manifest

    @property
    def rejection(self) -> Rejection | None:
        """The latest rejection, if nothing was accepted after it."""
        return self._version.rejection

    @property
    def is_readable(self) -> bool:
        return self._version.readable

    def has_data(self, manifest: Manifest) -> bool:
        there = {listed.key for listed in self._objects.listed(f"{self._folder}/{manifest.ingestion}")}
        return there.issuperset(manifest.data_files)

    @contextlib.contextmanager
    def stage(self) -> Iterator[Stage]:
        ingestion = uuid.uuid4().hex[:12]
        work = self._scratch / "work"
        work.mkdir(mode=0o700)
        # listed before the commit: whoever has written any of it began before, and cannot commit after it
        self._before = [*self._listed()]
        failpoint("lake.ingest.cleaned")
        name = self._quarantines.name_of(self._version.feed, self._version.partition, ingestion)
        self._stage = Stage(ingestion, work, self._quarantines.place_of(name).writer(name, self._scratch))
        try:
            yield self._stage
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def keep(self, stage: Stage, files: Sequence[Path]) -> tuple[str, ...]:
        self._kept = {
            f"{self._folder}/{stage.ingestion}/part-{index:04d}.parquet": file for index, file in enumerate(files)
        }
        return tuple(self._kept)

    def quarantine_name(self, stage: Stage) -> str | None:
        version = self._version
        named = self._quarantines.name_of(version.feed, version.partition, stage.ingestion)
        return named if stage.quarantine.rows else None

    def commit(self, manifest: Manifest) -> None:
        failpoint("lake.commit.before_sync")
        for key, path in self._kept.items():
            self._objects.upload(key, path)
        self._upload_quarantine(manifest.quarantine_file)
        failpoint("lake.commit.before_rename")
        before = self._version
        self._put(manifest, None)
        failpoint("lake.commit.after_rename")
        log.debug("committed ingestion %s: %d data files", manifest.ingestion, len(manifest.data_files))
        failpoint("lake.commit.before_clean_up")
        self._clean_up(before)

    def renew(self, manifest: Manifest) -> None:
        failpoint("lake.renew.before_rename")
        self._put(manifest, self.rejection)

    def reject(self, rejection: Rejection) -> None:
        self._upload_quarantine(rejection.quarantine_file)
        at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        after = self.manifest.ingestion if self.manifest is not None else ""
        failpoint("lake.reject.before_rename")
        before = self._version
        if not before.readable:
            # what is published of the partition is not known, and must not be forgotten for a rejection
            key = key_of(self._folder, before.number)
            raise RecordUnreadable(self._objects.named(key), "it is damaged")
        self._put(before.manifest, dataclasses.replace(rejection, after=after, at=at))
        failpoint("lake.reject.before_clean_up")
        self._clean_up(before)

    def purge(self, names: Collection[str]) -> None:
        at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        manifest, rejection = self.manifest, self.rejection
        if manifest is not None and manifest.quarantine_file in names:
            manifest = purged(manifest, at)
        if rejection is not None and rejection.quarantine_file in names:
            rejection = purged(rejection, at)
        failpoint("lake.purge.before_records")
        # also where no record changes: a writer that has written any of them cannot commit after this version
        self._put(manifest, rejection)
        failpoint("lake.purge.before_removal")
        self._quarantines.remove(names)

    def _upload_quarantine(self, name: str | None) -> None:
        if name is not None and self._stage is not None:
            self._quarantines.place_of(name).keep(name, self._stage.quarantine.path)

    def _listed(self) -> dict[str, dt.datetime]:
        return data_of(self._objects, self._quarantines, self._version.feed, self._version.partition)

    def _put(self, manifest: Manifest | None, rejection: Rejection | None) -> None:
        """Make these the records of the next version. Raises :class:`Overtaken` if another writer has made it."""
        before = self._version
        after = Version(before.feed, before.partition, before.number + 1, manifest, rejection)
        if not self._objects.create(key_of(self._folder, after.number), after.to_json()):
            raise Overtaken(f"{shown(before.feed)} {shown(before.partition)}")
        self._version = after

    def _clean_up(self, before: Version) -> None:
        """Remove what was there when the stage began, and neither this version nor the one ``before`` names."""
        unnamed = sorted(set(self._before) - before.data - self._version.data)
        if before.readable and unnamed:
            remove_data(self._objects, self._quarantines, unnamed)
