"""Where things lie in the lake, and how they are made durable.

    lake/<feed>/<partition>/manifest.json           the commit: renamed into place last
    lake/<feed>/<partition>/rejected.json           the latest rejection, if it came after the manifest
    lake/<feed>/<partition>/name.json               the partition's name, where it is too long for a folder's
    lake/<feed>/<partition>/<ingestion>/part-*.parquet
    lake/<feed>/reload.json                         what is left to do of a reload, while there is one
    lake/_quarantine/<feed>/<partition>/<ingestion>.jsonl

What is written into these files is said in ``manifest`` and ``quarantine``; in which order, in ``commit``. The
quarantines may lie at a place of their own (``quarantine_places``).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from platform_assets.lake.errors import PartitionLocked
from platform_assets.lake.names import NAME, escape, is_cut, unescape

MANIFEST = "manifest.json"
REJECTION = "rejected.json"
LOCK = ".lock"
QUARANTINE = "_quarantine"
WORK = ".work"
NOTE = "reload.json"
"""In the folder of a feed: what is left to do of a reload (``reloading.note``)."""
LOCK_WAIT_SECONDS = 1800.0


def partition_folder(lake: Path, feed: str, partition: str) -> Path:
    return lake / escape(feed) / escape(partition)


def work_folder(lake: Path, feed: str, partition: str) -> Path:
    """Where an ingestion keeps what is not protected yet: beside the quarantine, since a crash may leave it there."""
    return lake / QUARANTINE / WORK / escape(feed) / escape(partition)


def make_partition_folder(lake: Path, feed: str, partition: str) -> Path:
    """Create the partition's folder, with its name in it where the folder's own name does not tell it."""
    folder = partition_folder(lake, feed, partition)
    make_folder(folder)
    for path, name in ((folder.parent, feed), (folder, partition)):
        if is_cut(path.name) and not (path / NAME).is_file():
            write_durably(path / NAME, json.dumps(name).encode())
    return folder


def name_of(folder: Path) -> str:
    """The feed or partition whose folder it is; the folder's own name where the name cannot be read."""
    if not is_cut(folder.name):
        return unescape(folder.name)
    try:
        name = json.loads((folder / NAME).read_bytes())
    except (OSError, ValueError):
        return folder.name
    return name if isinstance(name, str) and escape(name) == folder.name else folder.name


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Create a folder and its parents, each durable in the folder above it."""
    if path.is_dir():
        return
    make_folder(path.parent, mode)
    try:
        path.mkdir(mode=mode)
    except FileExistsError:
        if not path.is_dir():
            why = "is a file in the place of a folder; remove it"
            raise NotADirectoryError(errno.ENOTDIR, why, str(path)) from None
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Replace ``path`` by ``content`` in one atomic step; a crash leaves the old or the new, never a mix."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, IsADirectoryError):
            raise IsADirectoryError(error.errno, "is a folder in the place of a file; remove it", str(path)) from None
        raise
    sync_folder(path.parent)


@contextlib.contextmanager
def partition_lock(folder: Path, wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
    """Hold the partition for writing. The lock dies with its process, so a crash never leaves one behind.

    Raises :class:`PartitionLocked` after ``wait_seconds``.
    """
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise PartitionLocked(
                        f"{folder}: another process has been writing this partition for {wait_seconds:.0f} s; "
                        f"see who holds {folder / LOCK}"
                    ) from None
                time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)
