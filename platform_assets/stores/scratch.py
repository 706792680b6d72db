"""Folders for what passes through this machine on its way to a store or from one; it may be personal, and is removed.

Each is locked by its process for as long as it is used. What a killed process has left is removed by the next one, so
nothing stays that nobody looks after. They lie in the temporary folder (`TMPDIR`), in one that only this user can open.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """An empty folder, gone with all that is in it at the end of the block."""
    home = _home()
    _remove_abandoned(home)
    folder, descriptor = _locked(home)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def scratch_places() -> list[Path]:
    """The folders of this machine that scratch folders of this user may lie in; all of them if it is the superuser."""
    found = sorted(Path(tempfile.gettempdir()).glob("platform-assets-*"))
    return [folder for folder in found if os.getuid() in (0, folder.lstat().st_uid)]


def _home() -> Path:
    """The folder of this user's scratch folders; one of its own where another user has taken the name."""
    home = Path(tempfile.gettempdir()) / f"platform-assets-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        home.mkdir(mode=0o700)
    status = home.lstat()
    mine = status.st_uid == os.getuid() and not status.st_mode & 0o077 and not home.is_symlink() and home.is_dir()
    return home if mine else Path(tempfile.mkdtemp(prefix="platform-assets-"))


def _locked(home: Path) -> tuple[Path, int]:
    while True:
        folder = home / uuid.uuid4().hex
        folder.mkdir(mode=0o700)
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue  # another process took it for one that was left
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if folder.is_dir():
            return folder, descriptor
        os.close(descriptor)


def _remove_abandoned(home: Path) -> None:
    for folder in home.iterdir():
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            continue  # gone meanwhile, or no folder
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(descriptor)
