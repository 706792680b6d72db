"""What an error says that DuckDB raised while it read a file: something of the data, or of the machine."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb

from platform_assets.lake.errors import DataUnreadable
from platform_assets.warehouse.duckdb.errors import blames_statement

MACHINE = (duckdb.OutOfMemoryException, duckdb.InterruptException, duckdb.InternalException, duckdb.FatalException)
"""Errors of DuckDB that say nothing about the file."""
_NO_DATABASE = Path("/nowhere")
"""The database in memory has no file, so no path in an error is its own."""


def is_of_machine(error: duckdb.Error) -> bool:
    """Whether an error of DuckDB says nothing about the data: of memory, disk, rights, network, or open files.

    What the operating system says of itself is the warehouse's rule. Its class is left out here: what DuckDB calls an
    I/O error without words of the system is a damaged file.
    """
    if isinstance(error, MACHINE) or is_disk_full(error):
        return True
    # a Parquet file with a broken footer is an error of no class at all
    if not isinstance(error, duckdb.IOException) and type(error) is not duckdb.Error:
        return False
    return blames_statement(str(error).removeprefix("IO Error: "), _NO_DATABASE) is False


@contextlib.contextmanager
def damage_of(place: str) -> Iterator[None]:
    """Raise :class:`DataUnreadable` for the lake's file at ``place`` where DuckDB cannot read it."""
    try:
        yield
    except duckdb.Error as error:
        if is_of_machine(error):
            raise
        raise DataUnreadable(place, cause(error)) from None


def cause(error: Exception) -> str:
    """Why a file could not be read, without a value of it: DuckDB's own words quote the row."""
    if not isinstance(error, duckdb.Error):
        return str(error)
    line = re.search(r"\bLine: (\d+)", str(error))
    return f"DuckDB gave up ({type(error).__name__})" + (f" at line {line[1]}" if line else "")


def words_of(error: duckdb.Error, path: Path) -> str:
    """What DuckDB says first of a file that holds no row where it was read, with its name for its path."""
    return str(error).splitlines()[0].replace(str(path), path.name)[:200]


def is_disk_full(error: duckdb.Error) -> bool:
    """Whether an error of DuckDB is one of the disk or its quota, and not of the data."""
    words = (os.strerror(errno.ENOSPC), os.strerror(errno.EFBIG), os.strerror(errno.EDQUOT), "max_temp_directory_size")
    return any(word.lower() in str(error).lower() for word in words)
