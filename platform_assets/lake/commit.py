"""Makes an ingestion the partition's content, or takes every trace of it away.

Everything is made durable before the one step that counts, the renaming of the manifest. What crashed ingestions
left behind goes with the next one of the partition; the files of the version before stay for a reader in progress.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import shutil
from pathlib import Path

from platform_assets.failpoints import failpoint
from platform_assets.lake.layout import (
    LOCK,
    MANIFEST,
    REJECTION,
    make_partition_folder,
    partition_folder,
    quarantine_folder,
    sync_file,
    sync_folder,
    write_durably,
)  # fmt: skip
from platform_assets.lake.manifest import Manifest, Rejection, read_manifest, read_rejection
from platform_assets.lake.names import NAME
from platform_assets.lake.rejection import RecordTooNew, RecordUnreadable
from platform_assets.logs import logger

log = logger(__name__)


def commit(lake: Path, manifest: Manifest) -> None:
    """Make ``manifest`` the content of its partition. Its data files lie in their folder already."""
    folder = make_partition_folder(lake, manifest.feed, manifest.partition)
    failpoint("lake.commit.before_sync")
    for path in manifest.data_paths(lake):
        sync_file(path)
    if manifest.data_files:
        sync_folder(manifest.data_paths(lake)[0].parent)
    if manifest.quarantine_file is not None:
        sync_folder((lake / manifest.quarantine_file).parent)
    sync_folder(folder)
    failpoint("lake.commit.before_rename")
    before = manifest_if_readable(lake, manifest.feed, manifest.partition)
    write_durably(folder / MANIFEST, manifest.to_json())
    failpoint("lake.commit.after_rename")
    log.debug("committed ingestion %s: %d data files", manifest.ingestion, len(manifest.data_files))
    if (folder / REJECTION).exists():
        (folder / REJECTION).unlink(missing_ok=True)
        sync_folder(folder)
    failpoint("lake.commit.before_clean_up")
    clean_up(lake, manifest.feed, manifest.partition, keep=before.ingestion if before else None)


def renew(lake: Path, manifest: Manifest) -> None:
    """Record that the same ingestion is that of files whose names, times or rights are others now."""
    failpoint("lake.renew.before_rename")
    write_durably(partition_folder(lake, manifest.feed, manifest.partition) / MANIFEST, manifest.to_json())
    log.debug("kept ingestion %s: its files are the same bytes under another time or name", manifest.ingestion)


def record_rejection(lake: Path, rejection: Rejection) -> None:
    """Record that a delivery was refused; the partition's manifest stays as it is."""
    folder = make_partition_folder(lake, rejection.feed, rejection.partition)
    if rejection.quarantine_file is not None:
        sync_folder((lake / rejection.quarantine_file).parent)
    try:
        manifest = read_manifest(lake, rejection.feed, rejection.partition)
        after = manifest.ingestion if manifest is not None else ""
    except RecordUnreadable as error:
        if isinstance(error, RecordTooNew):
            raise
        after = None
    failpoint("lake.reject.before_rename")
    write_durably(folder / REJECTION, dataclasses.replace(rejection, after=after).to_json())
    log.debug("recorded the rejection: %s", rejection.code)
    failpoint("lake.reject.before_clean_up")
    clean_up(lake, rejection.feed, rejection.partition, keep=None, keep_all_data=after != "")


def manifest_if_readable(lake: Path, feed: str, partition: str) -> Manifest | None:
    """The manifest that a new one takes the place of; one that nobody can read is replaced like none."""
    try:
        return read_manifest(lake, feed, partition)
    except RecordUnreadable as error:
        if not error.replaceable:
            raise
        return None


def now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def clean_up(lake: Path, feed: str, partition: str, *, keep: str | None, keep_all_data: bool = False) -> None:
    """Remove what belongs to no manifest, no rejection and not to the version before (``keep``).

    Called under the partition's lock, so nothing of another process is in the making. While a record cannot be read,
    nobody knows what belongs to it, and nothing is removed.
    """
    folder = partition_folder(lake, feed, partition)
    try:
        manifest, rejection = read_manifest(lake, feed, partition), read_rejection(lake, feed, partition)
    except RecordUnreadable:
        return
    if rejection is None:
        # left by a crash between the manifest that came after it and its removal
        (folder / REJECTION).unlink(missing_ok=True)
    current = {manifest.ingestion} if manifest else set()
    current |= {keep} if keep else set()
    if folder.is_dir():
        for entry in folder.iterdir():
            if entry.name in (MANIFEST, REJECTION, LOCK, NAME) or entry.name in current:
                continue
            if entry.is_dir():
                if not keep_all_data:
                    shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
    kept = {
        Path(name).name
        for name in (manifest and manifest.quarantine_file, rejection and rejection.quarantine_file)
        if name
    }
    quarantine = quarantine_folder(lake, feed, partition)
    if quarantine.is_dir():
        for entry in quarantine.iterdir():
            if entry.name not in kept:
                entry.unlink(missing_ok=True)
