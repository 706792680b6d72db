"""The engine that reads and writes files: an in-memory DuckDB, its limits, functions and errors."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb

from platform_assets.contracts.model import Contract
from platform_assets.lake.protection import Pseudonyms, function_name, is_strict_json, json_protector
from platform_assets.lake.rejection import IngestionError
from resources.warehouse.duckdb_errors import blames_statement

MACHINE = (duckdb.OutOfMemoryException, duckdb.InterruptException, duckdb.InternalException, duckdb.FatalException)
"""Errors of the engine that say nothing about the file."""
_NO_DATABASE = Path("/nowhere")
"""The database in memory has no file, so no path in an error is its own."""
PARQUET = "(FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
"""How the lake's files are written. The encodings of version 2 take a quarter less CPU time to write and a third less
to read, in files that are 7 % smaller."""


def open_engine(memory_limit: str, threads: int) -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory that keeps to the limit, in UTC, with rows in the files' order."""
    engine = duckdb.connect(config={"memory_limit": memory_limit, "threads": threads})
    engine.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = true; SET enable_progress_bar = false")
    # pushed down into the casts, a filter makes each of them again: 3.9 against 1.2 CPU seconds on 5 million rows; and
    # the bounds that a delivered Parquet file states of its values are not a reason to spare a check
    engine.execute("SET disabled_optimizers = 'filter_pushdown,statistics_propagation'")
    engine.create_function("strict_json", is_strict_json, ["VARCHAR"], "BOOLEAN")
    return engine


def register_functions(engine: duckdb.DuckDBPyConnection, contract: Contract, pseudonyms: Pseudonyms | None) -> None:
    """Make the functions known that protect values inside the contract's JSON columns."""
    for column in contract.columns:
        if column.nested:
            name = function_name(column)
            with contextlib.suppress(duckdb.Error):
                # left by the contract ingested before; it may have been made with another key
                engine.remove_function(name)
            protector = json_protector(column, pseudonyms)
            engine.create_function(name, protector, ["VARCHAR"], "VARCHAR")


@contextlib.contextmanager
def translated(feed: str, partition: str) -> Iterator[None]:
    """Say of errors of the machine what they are. The engine's own words are left out where they may quote a row."""
    try:
        yield
    except OSError as error:
        if isinstance(error, IngestionError):
            raise
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise IngestionError(
                f"{feed} {partition}: the disk is full ({error.filename or 'lake'}); nothing was changed"
            ) from error
        raise IngestionError(f"{feed} {partition}: {error.strerror}: {error.filename}; nothing was changed") from error
    except duckdb.OutOfMemoryException:
        raise IngestionError(
            f"{feed} {partition}: the memory limit is too low for this delivery; nothing was changed"
        ) from None
    except duckdb.Error as error:
        text = str(error)
        if is_disk_full(error):
            raise IngestionError(f"{feed} {partition}: the disk is full; nothing was changed") from None
        kind = type(error).__name__
        raise IngestionError(
            f"{feed} {partition}: the engine failed ({kind}, {len(text)} characters withheld); nothing was changed"
        ) from None


def is_of_machine(error: duckdb.Error) -> bool:
    """Whether an error of the engine says nothing about the data: of memory, disk, rights, network, or open files.

    What the operating system says of itself is the warehouse's rule. Its class is left out here: what DuckDB calls an
    I/O error without words of the system is a damaged file.
    """
    if isinstance(error, MACHINE) or is_disk_full(error):
        return True
    # a Parquet file with a broken footer is an error of no class at all
    if not isinstance(error, duckdb.IOException) and type(error) is not duckdb.Error:
        return False
    return blames_statement(str(error).removeprefix("IO Error: "), _NO_DATABASE) is False


def cause(error: Exception) -> str:
    """Why a file could not be read, without a value of it: DuckDB's own words quote the row."""
    if not isinstance(error, duckdb.Error):
        return str(error)
    line = re.search(r"\bLine: (\d+)", str(error))
    return f"DuckDB gave up ({type(error).__name__})" + (f" at line {line[1]}" if line else "")


def is_disk_full(error: duckdb.Error) -> bool:
    """Whether an error of the engine is one of the disk or its quota, and not of the data."""
    words = (os.strerror(errno.ENOSPC), os.strerror(errno.EFBIG), os.strerror(errno.EDQUOT), "max_temp_directory_size")
    return any(word.lower() in str(error).lower() for word in words)
