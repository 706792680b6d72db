"""The versions of a partition below a URL: what each says, which is the newest, and what no version needs any more."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from platform_assets.failpoints import failpoint
from platform_assets.lake.errors import RecordTooNew
from platform_assets.lake.json_records import FORMAT, FormatTooNew, built, content
from platform_assets.lake.manifest import Manifest, Rejection, fields_of, to_json
from platform_assets.lake.names import escape
from platform_assets.lake.quarantine_places import WITH_THE_LAKE, Quarantines
from platform_assets.logs import logger
from platform_assets.stores.objects import Objects

log = logger(__name__)

VERSIONS = "versions"
"""The folder of a partition that holds them."""
_VERSION = re.compile(r"(\d{10})\.json")


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
            "manifest": fields_of(self.manifest) if self.manifest is not None else None,
            "rejection": fields_of(self.rejection) if self.rejection is not None else None,
        }
        return to_json(record)

    @property
    def data(self) -> set[str]:
        """The keys of what its records name."""
        found = set(self.manifest.data_files) if self.manifest is not None else set()
        records = (self.manifest, self.rejection)
        return found | {record.quarantine_file for record in records if record and record.quarantine_file}


def newest(objects: Objects, feed: str, partition: str) -> Version:
    """The newest version of a partition.

    Raises :class:`RecordTooNew` if a later version of the platform wrote it. One that is damaged is not ``readable``.
    """
    folder = folder_of(feed, partition)
    number = newest_number(objects, folder)
    if not number:
        return Version(feed, partition, 0)
    key = key_of(folder, number)
    text = objects.read(key)
    try:
        version = _read(text or b"", feed, partition, number)
    except FormatTooNew as error:
        raise RecordTooNew(objects.named(key), error.found, FORMAT) from None
    except (ValueError, KeyError, RecursionError) as error:
        log.warning("%s: cannot be read (%s)", objects.named(key), error)
        return Version(feed, partition, number, readable=False)
    return version


def _read(text: bytes, feed: str, partition: str, number: int) -> Version:
    """The version that the object of this ``number`` holds, which a restored one need not have been written as.

    ValueError or KeyError says what is wrong with it.
    """
    record = content(text)
    if (record["feed"], record["partition"]) != (feed, partition):
        raise ValueError("it is the record of another partition")
    manifest = built(Manifest, record["manifest"]) if record["manifest"] is not None else None
    if manifest is not None and manifest.contradiction:
        raise ValueError(manifest.contradiction)
    rejection = built(Rejection, record["rejection"]) if record["rejection"] is not None else None
    return Version(feed, partition, number, manifest, rejection)


def sweep(
    objects: Objects, quarantines: Quarantines, feed: str, partition: str, *, older_than: dt.timedelta
) -> list[str]:
    """Remove the data of a partition that no record names and that is older than that; returns its keys.

    A version like the newest is put before anything is removed: a writer that is slower than ``older_than`` cannot
    commit what goes, and begins anew.
    """
    found = data_of(objects, quarantines, feed, partition)
    version = newest(objects, feed, partition)
    if not version.readable or not found:
        return []
    now = dt.datetime.now(dt.UTC)
    named = version.data | previous(objects, version).data
    young = {_ingestion(key) for key, changed in found.items() if now - changed < older_than}
    unnamed = sorted(key for key in found if key not in named and _ingestion(key) not in young)
    if not unnamed:
        return []
    fence = dataclasses.replace(version, number=version.number + 1)
    if not objects.create(key_of(folder_of(feed, partition), fence.number), fence.to_json()):
        return []  # somebody commits right now, and removes them
    remove_data(objects, quarantines, unnamed)
    return unnamed


def remove_unnamed(objects: Objects, quarantines: Quarantines, version: Version) -> list[str]:
    """Remove what the newest ``version`` does not name, with what the one before it names; the names of it.

    A version like it is put first, so that nobody who has written any of it can commit. Nothing is removed if another
    writer has put one.
    """
    found = data_of(objects, quarantines, version.feed, version.partition)
    unnamed = sorted(found.keys() - version.data)
    if not unnamed:
        return []
    fence = dataclasses.replace(version, number=version.number + 1)
    failpoint("lake.generations.before_removal")
    if not objects.create(key_of(folder_of(version.feed, version.partition), fence.number), fence.to_json()):
        return []
    remove_data(objects, quarantines, unnamed)
    return unnamed


def previous(objects: Objects, version: Version) -> Version:
    """The version before, as far as it can be read: readers may still be at its data."""
    if version.number < 2:
        return Version(version.feed, version.partition, 0)
    text = objects.read(key_of(folder_of(version.feed, version.partition), version.number - 1))
    try:
        return _read(text or b"", version.feed, version.partition, version.number - 1)
    except (ValueError, KeyError):
        return Version(version.feed, version.partition, 0)


def folder_of(feed: str, partition: str) -> str:
    return f"{escape(feed)}/{escape(partition)}"


def key_of(folder: str, number: int) -> str:
    return f"{folder}/{VERSIONS}/{number:010d}.json"


def newest_number(objects: Objects, folder: str) -> int:
    names = (listed.key.rsplit("/", 1)[-1] for listed in objects.listed(f"{folder}/{VERSIONS}"))
    number = max((int(match[1]) for name in names if (match := _VERSION.fullmatch(name))), default=0)
    # a listing may lag behind what was written, the object itself does not
    while objects.exists(key_of(folder, number + 1)):
        number += 1
    return number


def data_of(objects: Objects, quarantines: Quarantines, feed: str, partition: str) -> dict[str, dt.datetime]:
    """The names of the data and quarantines of a partition, as records have them, with when each was written."""
    folder = folder_of(feed, partition)
    data = {
        listed.key: listed.changed
        for listed in objects.listed(folder)
        if not listed.key.startswith(f"{folder}/{VERSIONS}/")
    }
    return {**data, **quarantines.listed(feed, partition)}


def remove_data(objects: Objects, quarantines: Quarantines, names: Iterable[str]) -> None:
    """Remove data and quarantines by their names."""
    rows = {name for name in names if name.endswith(".jsonl")}
    objects.delete(sorted({*names} - rows))
    quarantines.remove(rows)


def _ingestion(key: str) -> str:
    """The name of the ingestion that wrote a key."""
    return key.removeprefix(WITH_THE_LAKE).split("/")[2].removesuffix(".jsonl")
