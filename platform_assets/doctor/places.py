"""Landing place, lake and quarantine: whether they are there, and can be listed, read and written."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from platform_assets.doctor.findings import Finding, good, warning, wrong
from platform_assets.stores.objects import Objects, is_url
from platform_assets.stores.sftp import SftpFolder, is_sftp

LEAST_FREE = 1 << 30
"""Bytes that a disk should have left."""


def look_at_landing(location: str) -> Iterator[Finding]:
    """Whether deliveries can be listed and read."""
    if is_url(location):
        yield good(f"{_listed(location)}: its objects can be listed")
        return
    if is_sftp(location):
        if not SftpFolder(location).exists(""):
            yield wrong(f"{location}: the folder is not there", "make the folder on the server, or correct the URL")
            return
        yield good(f"{location}: the server answers, and its host key is known")
        return
    folder = Path(location)
    if not folder.exists():
        yield warning(f"{folder} does not exist: nothing can have arrived", f"mkdir -p {folder}, or correct the place")
    elif not folder.is_dir():
        yield wrong(f"{folder} is no folder", "name the folder that files arrive in")
    elif not os.access(folder, os.R_OK | os.X_OK):
        yield wrong(f"{folder} cannot be read by user {os.geteuid()}", "give this user the right to read and enter it")
    else:
        yield good(f"{folder} can be read")


def look_at_queue(queue: str) -> Iterator[Finding]:
    """Whether the queue of the landing bucket's notifications answers."""
    from platform_assets.landing.notifications import waiting_messages

    yield good(f"{queue}: {waiting_messages(queue)} notifications wait")


def look_at_lake(location: str) -> Iterator[Finding]:
    """Whether the lake can be written, and keeps writers apart."""
    if is_url(location):
        from platform_assets.lake.conditional_writes import require_conditional_writes

        require_conditional_writes(_listed(location))
        yield good(f"{location}: can be written, and refuses to replace an object that is to be put if absent")
        scratch = Path(tempfile.gettempdir())
        yield from free_space(scratch, "what is fetched and uploaded passes through here; set TMPDIR to a larger disk")
        return
    yield from look_at_folder(Path(location))


def look_at_quarantine(location: str) -> Iterator[Finding]:
    """Whether quarantined rows can be written."""
    if is_url(location):
        yield good(f"{_listed(location)}: its objects can be listed")
        return
    yield from look_at_folder(Path(location))


def _listed(location: str) -> Objects:
    """The objects below a URL, which can be listed; what hinders that is raised."""
    objects = Objects(location)
    next(objects.listed(), None)
    return objects


def look_at_folder(folder: Path) -> Iterator[Finding]:
    """Whether a folder, or the nearest one above it that exists, can be written, and has space left."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if not there.is_dir():
        yield wrong(f"{there} is no folder", f"move it away, or name another place than {folder}")
        return
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        yield wrong(f"{there}: {error.strerror}", f"give user {os.geteuid()} the right to write it, or name another")
        return
    yield good(f"{folder} can be written" + ("" if there == folder else " (it does not exist yet)"))
    yield from free_space(there, "remove what is not needed, or move it to a larger disk")


def free_space(folder: Path, mend: str) -> Iterator[Finding]:
    """A warning when the disk of a folder is nearly full."""
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE:
        yield warning(f"{folder}: its disk has {free >> 20} MB left", mend)
