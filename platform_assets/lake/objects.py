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
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from platform_assets.failpoints import failpoint
from platform_assets.failures import Kind
from platform_assets.lake.errors import IngestionError, RecordTooNew, RecordUnreadable
from platform_assets.lake.json_records import FORMAT, FormatTooNew, built, content
from platform_assets.lake.layout import QUARANTINE
from platform_assets.lake.manifest import Manifest, Rejection, to_json
from platform_assets.lake.names import escape, is_cut, shown, unescape
from platform_assets.lake.quarantine import QuarantinedRow, QuarantineWriter, read_rows
from platform_assets.lake.store import Stage
from platform_assets.logs import in_this_context, logger
from platform_assets.stores.objects import Objects

log = logger(__name__)

VERSIONS = "versions"
TRANSFERS = 8
"""Objects that are fetched side by side."""
_VERSION = re.compile(r"(\d{10})\.json")


class Overtaken(IngestionError):
    """Another writer committed the partition while this one was at work."""

    def __init__(self, partition: str) -> None:
        super().__init__(
            f"{partition}: another run committed it meanwhile. Nothing of this one was used; it begins anew",
            code="lake:overtaken",
            kind=Kind.INFRASTRUCTURE,
        )


@dataclass(frozen=True)
class Version:
    """A state of a partition: ``number`` 0 is that of one that was never written."""

    feed: str
    partition: str
    number: int
    manifest: Manifest | None = None
    rejection: Rejection | None = None
    readable: bool = True

    def to_json(self) -> bytes:
        """The text of the object; two writers never write the same."""
        record = {
            "feed": self.feed,
            "partition": self.partition,
            "number": self.number,
            "writer": uuid.uuid4().hex,
            "manifest": dataclasses.asdict(self.manifest) if self.manifest is not None else None,
            "rejection": dataclasses.asdict(self.rejection) if self.rejection is not None else None,
        }
        return to_json(record)

    @property
    def data(self) -> set[str]:
        """The keys of what its records name."""
        found = set(self.manifest.data_files) if self.manifest is not None else set()
        records = (self.manifest, self.rejection)
        return found | {record.quarantine_file for record in records if record and record.quarantine_file}


class ObjectLake:
    """The lake below the URL of ``objects``."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects

    def __str__(self) -> str:
        return str(self.objects)

    def exists(self) -> bool:
        return next(iter(self.objects.listed()), None) is not None

    @contextlib.contextmanager
    def opened(self, feed: str, partition: str) -> Iterator[ObjectPartition]:
        with tempfile.TemporaryDirectory(prefix="platform-lake-") as scratch:
            yield ObjectPartition(self, newest(self.objects, feed, partition), Path(scratch))

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
        number = _newest_number(self.objects, f"{escape(feed)}/{name}")
        text = self.objects.read(_key(f"{escape(feed)}/{name}", number)) if number else None
        try:
            partition = json.loads(text or b"{}").get("partition", name)
        except ValueError:
            return name
        return partition if isinstance(partition, str) and escape(partition) == name else name

    @contextlib.contextmanager
    def on_disk(self, manifests: Sequence[Manifest]) -> Iterator[dict[str, tuple[Path, ...]]]:
        with tempfile.TemporaryDirectory(prefix="platform-lake-") as scratch:
            files: list[tuple[str, Path]] = []
            found: dict[str, tuple[Path, ...]] = {}
            for number, manifest in enumerate(manifests):
                folder = Path(scratch) / f"{number:06d}"
                folder.mkdir()
                pairs = [(key, folder / f"part-{at:04d}.parquet") for at, key in enumerate(manifest.data_files)]
                found[manifest.partition] = tuple(path for _, path in pairs)
                files += pairs
            with ThreadPoolExecutor(TRANSFERS) as pool:
                list(pool.map(in_this_context(self._fetch), files))
            yield found

    def _fetch(self, pair: tuple[str, Path]) -> None:
        key, path = pair
        if not self.objects.fetch(key, path):
            path.unlink()

    def quarantined_rows(self, name: str, limit: int | None) -> list[QuarantinedRow]:
        where = self.objects.named(name)
        with tempfile.TemporaryDirectory(prefix="platform-lake-") as scratch:
            path = Path(scratch) / "rows"
            if not self.objects.fetch(name, path):
                raise RecordUnreadable(where, "it is gone")
            return read_rows(path, limit, where)

    def _readable(self, feed: str, partition: str) -> Version:
        version = newest(self.objects, feed, partition)
        if not version.readable:
            raise RecordUnreadable(self.objects.named(_key(_folder(feed, partition), version.number)), "it is damaged")
        return version


class ObjectPartition:
    """A partition in the version in which it was opened. Made by :meth:`ObjectLake.opened`, and valid while that is."""

    def __init__(self, lake: ObjectLake, version: Version, scratch: Path) -> None:
        self._objects, self._scratch = lake.objects, scratch
        self._version = version
        self._folder = _folder(version.feed, version.partition)
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
        self._before = _data_of(self._objects, self._version.feed, self._version.partition)
        failpoint("lake.ingest.cleaned")
        self._stage = Stage(ingestion, work, QuarantineWriter(self._scratch / "quarantine", ingestion))
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
        return f"{QUARANTINE}/{self._folder}/{stage.ingestion}.jsonl" if stage.quarantine.rows else None

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
        self._put(manifest, None)

    def reject(self, rejection: Rejection) -> None:
        self._upload_quarantine(rejection.quarantine_file)
        at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        after = self.manifest.ingestion if self.manifest is not None else ""
        failpoint("lake.reject.before_rename")
        kept = self._version if self.is_readable else _previous(self._objects, self._version)
        before = self._version
        self._put(kept.manifest, dataclasses.replace(rejection, after=after, at=at))
        failpoint("lake.reject.before_clean_up")
        self._clean_up(before)

    def _upload_quarantine(self, key: str | None) -> None:
        if key is not None and self._stage is not None:
            self._objects.upload(key, self._stage.quarantine.path)

    def _put(self, manifest: Manifest | None, rejection: Rejection | None) -> None:
        """Make these the records of the next version. Raises :class:`Overtaken` if another writer has made it."""
        before = self._version
        after = Version(before.feed, before.partition, before.number + 1, manifest, rejection)
        if not self._objects.create(_key(self._folder, after.number), after.to_json()):
            raise Overtaken(f"{shown(before.feed)} {shown(before.partition)}")
        self._version = after

    def _clean_up(self, before: Version) -> None:
        """Remove what was there when the stage began, and neither this version nor the one ``before`` names."""
        unnamed = sorted(set(self._before) - before.data - self._version.data)
        if before.readable and unnamed:
            self._objects.delete(unnamed)


def newest(objects: Objects, feed: str, partition: str) -> Version:
    """The newest version of a partition.

    Raises :class:`RecordTooNew` if a later version of the platform wrote it. One that is damaged is not ``readable``.
    """
    folder = _folder(feed, partition)
    number = _newest_number(objects, folder)
    if not number:
        return Version(feed, partition, 0)
    key = _key(folder, number)
    text = objects.read(key)
    try:
        version = _read(text or b"", feed, partition)
    except FormatTooNew as error:
        raise RecordTooNew(objects.named(key), error.found, FORMAT) from None
    except (ValueError, KeyError, RecursionError) as error:
        log.warning("%s: cannot be read (%s)", objects.named(key), error)
        return Version(feed, partition, number, readable=False)
    return version


def _read(text: bytes, feed: str, partition: str) -> Version:
    """The version that an object holds; ValueError or KeyError says what is wrong with it."""
    record = content(text)
    if (record["feed"], record["partition"]) != (feed, partition):
        raise ValueError("it is the record of another partition")
    manifest = built(Manifest, record["manifest"]) if record["manifest"] is not None else None
    if manifest is not None and manifest.contradiction:
        raise ValueError(manifest.contradiction)
    rejection = built(Rejection, record["rejection"]) if record["rejection"] is not None else None
    return Version(feed, partition, record["number"], manifest, rejection)


def sweep(objects: Objects, feed: str, partition: str, *, older_than: dt.timedelta) -> list[str]:
    """Remove the data of a partition that no record names and that is older than that; returns its keys.

    A version like the newest is put before anything is removed: a writer that is slower than ``older_than`` cannot
    commit what goes, and begins anew.
    """
    found = _listed_data(objects, feed, partition)
    version = newest(objects, feed, partition)
    if not version.readable or not found:
        return []
    now = dt.datetime.now(dt.UTC)
    named = version.data | _previous(objects, version).data
    young = {_ingestion(key) for key, changed in found.items() if now - changed < older_than}
    unnamed = sorted(key for key in found if key not in named and _ingestion(key) not in young)
    if not unnamed:
        return []
    fence = dataclasses.replace(version, number=version.number + 1)
    if not objects.create(_key(_folder(feed, partition), fence.number), fence.to_json()):
        return []  # somebody commits right now, and removes them
    objects.delete(unnamed)
    return unnamed


def _previous(objects: Objects, version: Version) -> Version:
    """The version before, as far as it can be read: readers may still be at its data."""
    if version.number < 2:
        return Version(version.feed, version.partition, 0)
    text = objects.read(_key(_folder(version.feed, version.partition), version.number - 1))
    try:
        return _read(text or b"", version.feed, version.partition)
    except (ValueError, KeyError):
        return Version(version.feed, version.partition, 0)


def _folder(feed: str, partition: str) -> str:
    return f"{escape(feed)}/{escape(partition)}"


def _key(folder: str, number: int) -> str:
    return f"{folder}/{VERSIONS}/{number:010d}.json"


def _newest_number(objects: Objects, folder: str) -> int:
    names = (listed.key.rsplit("/", 1)[-1] for listed in objects.listed(f"{folder}/{VERSIONS}"))
    number = max((int(match[1]) for name in names if (match := _VERSION.fullmatch(name))), default=0)
    # a listing may lag behind what was written, the object itself does not
    while objects.exists(_key(folder, number + 1)):
        number += 1
    return number


def _listed_data(objects: Objects, feed: str, partition: str) -> dict[str, dt.datetime]:
    """The keys of the data and quarantines of a partition, with when each was written."""
    folder = _folder(feed, partition)
    places = (folder, f"{QUARANTINE}/{folder}")
    return {
        listed.key: listed.changed
        for place in places
        for listed in objects.listed(place)
        if not listed.key.startswith(f"{folder}/{VERSIONS}/")
    }


def _data_of(objects: Objects, feed: str, partition: str) -> list[str]:
    return list(_listed_data(objects, feed, partition))


def _ingestion(key: str) -> str:
    """The name of the ingestion that wrote a key."""
    return key.rsplit("/", 1)[-1].removesuffix(".jsonl") if key.startswith(f"{QUARANTINE}/") else key.split("/")[2]
