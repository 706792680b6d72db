"""Where things lie in the lake, and how they are made durable.

    lake/<feed>/<partition>/manifest.json           the commit: renamed into place last
    lake/<feed>/<partition>/rejected.json           the latest rejection, if it is newer than the manifest
    lake/<feed>/<partition>/<ingestion>/part-*.parquet
    lake/_quarantine/<feed>/<partition>/<ingestion>.jsonl

What is written into these files is said in ``manifest`` and ``quarantine``; in which order, in ``commit``.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

from platform_assets.lake.rejection import IngestionError

MANIFEST = "manifest.json"
REJECTION = "rejected.json"
LOCK = ".lock"
QUARANTINE = "_quarantine"
WORK = ".work"
LOCK_WAIT_SECONDS = 1800.0


def escape(name: str) -> str:
    """``name`` as one folder name: ``EU/2013-01-01`` as ``EU%2F2013-01-01``. :func:`unescape` takes it back."""
    text = quote(name, safe=" +=,@")
    if text.startswith((".", "_")) or text in ("", "~"):
        text = f"%{ord(text[0]):02X}{text[1:]}" if text else "%"
    if len(text) > 200:
        raise IngestionError(
            f"the name {name[:60]!r}... is too long for a folder ({len(text)} characters, at most 200)"
        )
    return text


def unescape(folder: str) -> str:
    return "" if folder == "%" else unquote(folder)


def partition_folder(lake: Path, feed: str, partition: str) -> Path:
    return lake / escape(feed) / escape(partition)


def quarantine_folder(lake: Path, feed: str, partition: str) -> Path:
    return lake / QUARANTINE / escape(feed) / escape(partition)


def work_folder(lake: Path, feed: str, partition: str) -> Path:
    """Where an ingestion keeps what is not protected yet: beside the quarantine, since a crash may leave it there."""
    return lake / QUARANTINE / WORK / escape(feed) / escape(partition)


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Create a folder and its parents, each durable in the folder above it."""
    if path.is_dir():
        return
    make_folder(path.parent, mode)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=mode)
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
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextlib.contextmanager
def partition_lock(folder: Path, wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
    """Hold the partition for writing. The lock dies with its process, so a crash never leaves one behind."""
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise IngestionError(
                        f"{folder}: another process has been writing this partition for {wait_seconds:.0f} s; "
                        f"see who holds {folder / LOCK}"
                    ) from None
                time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)
