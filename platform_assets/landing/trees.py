"""Trees of folders, as a walk through a landing folder sees them: on a disk, or wherever files have names and times."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Status(Protocol):
    """What is known of an entry; ``os.stat_result`` is one. Times are in nanoseconds since the epoch."""

    @property
    def st_mode(self) -> int: ...
    @property
    def st_ino(self) -> int: ...
    @property
    def st_size(self) -> int: ...
    @property
    def st_mtime_ns(self) -> int: ...
    @property
    def st_ctime_ns(self) -> int: ...


class Entry(Protocol):
    """One entry of a folder."""

    @property
    def name(self) -> str: ...
    def stat(self, *, follow_symlinks: bool = True) -> Status: ...


class Tree(Protocol):
    """A folder ``root`` with all that lies below it; paths are relative to it, and errors are ``OSError``."""

    @property
    def root(self) -> str: ...
    def stat(self, path: str) -> Status:
        """What ``path`` is, or the target of the link that it is."""
        ...

    def scan(self, path: str) -> AbstractContextManager[Iterator[Entry]]:
        """The entries of the folder ``path``."""
        ...


@dataclass(frozen=True)
class DiskTree:
    """A folder of this machine."""

    root: str

    def stat(self, path: str) -> os.stat_result:
        return Path(self.root, path).stat()

    def scan(self, path: str) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
        return os.scandir(f"{self.root}/{path}")
