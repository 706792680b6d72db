"""A folder of files that is there as a whole or not at all: written beside its place, and renamed into it."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

import click

from platform_assets.failpoints import failpoint


def write_folder(folder: Path, files: Mapping[str, str]) -> None:
    """Write ``files``, texts by name, as the new folder ``folder``; an empty one there is replaced.

    Raises:
        click.ClickException: if something is there already, which stays as it is.
    """
    made = [parent for parent in folder.parents if not parent.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Dagster passes hidden folders over: what a killed process leaves of it is no component
    fresh = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    try:
        fresh.mkdir()
        for name, text in files.items():
            with (fresh / name).open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        failpoint("source.before_rename")
        fresh.rename(folder)
    except BaseException as error:
        shutil.rmtree(fresh, ignore_errors=True)
        for parent in made:
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()
        if isinstance(error, OSError) and error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise click.ClickException(f"{folder}: is there already, and nothing is written over") from None
        raise
