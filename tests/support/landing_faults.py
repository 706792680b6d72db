"""Folders and files of a landing folder that cannot be listed or looked at, for whatever user runs the tests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from platform_assets.landing import trees


def faulty(monkeypatch: pytest.MonkeyPatch, path: Path, number: int) -> None:
    """Listing ``path``, or looking at it, fails from here on, whoever asks."""

    class Entry:
        def __init__(self, entry: os.DirEntry[str]) -> None:
            self.entry, self.name, self.path = entry, entry.name, entry.path

        def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
            if Path(self.path) == path and not path.is_dir():
                raise OSError(number, os.strerror(number), self.path)
            return self.entry.stat(follow_symlinks=follow_symlinks)

    class Listing(list[Entry]):
        def __enter__(self) -> Listing:
            return self

        def __exit__(self, *_: object) -> None: ...

    class Os:
        path = os.path

        def __getattr__(self, name: str) -> Any:
            return getattr(os, name)

        def scandir(self, where: Path) -> Listing:
            if Path(where) == path:
                raise OSError(number, os.strerror(number), str(where))
            with os.scandir(where) as entries:
                return Listing(map(Entry, entries))

    monkeypatch.setattr(trees, "os", Os())
