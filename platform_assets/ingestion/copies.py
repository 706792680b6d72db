"""Delivered files on this machine: what lies below a URL is read from a copy, which lasts as long as its ingestion.

Every format needs the file itself: rows are counted, then read, and the text of a bad one is looked up where it stands.
So a delivery from a URL takes its own size in the working folder, beside what it is unpacked to. Files are fetched
some ahead of their turn, in the version that was seen and no other.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from platform_assets.formats.plain_files import check_version
from platform_assets.formats.unpacking import RESERVE
from platform_assets.lake.deliveries import FileVersion
from platform_assets.lake.errors import DeliveryRejected, IngestionError
from platform_assets.stores.files import FileStore, file_store, is_remote, split
from platform_assets.stores.objects import Version

AT_ONCE = 8
"""Objects that are fetched side by side."""

AHEAD_FILES = 64
AHEAD_BYTES = 256 << 20
"""How much is fetched before its turn."""

LONGEST_NAME = 255
"""Bytes of the name of a file on a disk; that of an object may have a thousand."""


class Copies:
    """The ``files`` of a delivery, to be asked for one after another; copies are made in the folder ``work``."""

    def __init__(self, files: Sequence[FileVersion], work: Path) -> None:
        self._files, self._work = deque(files), work
        self._made: dict[str, str] = {}
        self._coming: deque[tuple[FileVersion, Future[FileVersion]]] = deque()
        self._stores: dict[str, FileStore] = {}
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        # what is wrong with a copy is wrong with what was delivered
        for copy, url in self._made.items():
            if isinstance(error, DeliveryRejected):
                error.message = error.message.replace(copy, url)
            elif isinstance(error, IngestionError):
                error.args = tuple(each.replace(copy, url) if isinstance(each, str) else each for each in error.args)

    def local(self, file: FileVersion) -> FileVersion:
        """The file on a disk of this machine; ``file`` is the next of the files.

        Raises:
            DeliveryRejected: if it is gone, or is another version by now.
            OSError: if the disk of the working folder has no room for it.
        """
        if not is_remote(file.path):
            return file
        self._fetch_ahead()
        due, future = self._coming.popleft()
        assert due == file, "files are asked for in their order"
        copy = future.result()
        self._made[copy.path] = file.path
        return copy

    def _fetch_ahead(self) -> None:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(AT_ONCE)
        ahead = sum(file.size for file, _ in self._coming)
        while self._files and (not self._coming or (len(self._coming) < AHEAD_FILES and ahead < AHEAD_BYTES)):
            file = self._files.popleft()
            if is_remote(file.path):
                ahead += file.size
                place, key = split(file.path)
                if place not in self._stores:
                    self._stores[place] = file_store(place)
                self._coming.append((file, self._pool.submit(self._fetched, file, self._stores[place], key)))

    def _fetched(self, file: FileVersion, store: FileStore, key: str) -> FileVersion:
        disk = shutil.disk_usage(self._work)
        if disk.free < min(RESERVE, disk.total // 20) + file.size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._work))
        folder = self._work / f"fetched-{hashlib.sha256(file.path.encode()).hexdigest()[:16]}"
        folder.mkdir()
        copy = folder / _name(key)
        if not store.fetch(key, copy, version=Version(file.size, file.mtime_ns, file.etag)):
            if store.exists(key):
                raise DeliveryRejected(
                    "file:changed", f"{file.path}: was written again after it was seen; its new version is read next"
                )
            raise DeliveryRejected("file:missing", f"{file.path}: is no longer there")
        return FileVersion.of(copy)


def check_still_there(files: Sequence[FileVersion]) -> None:
    """Refuse a delivery of which a file on a disk has changed since it was seen.

    A copy needs no such look: what was fetched is the version that was seen.
    """
    for file in files:
        if not is_remote(file.path):
            check_version(file)


def _name(key: str) -> str:
    name = key.rsplit("/", 1)[-1]
    if len(os.fsencode(name)) <= LONGEST_NAME:
        return name
    return hashlib.sha256(name.encode()).hexdigest()[:16] + name[-25:]
