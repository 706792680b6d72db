"""Opening a DuckDB file that others use too, and what DuckDB's errors mean for the caller.

The file lock of ``locking`` is held by the caller. Here are only programs that know nothing of it: a shell, a
notebook, dbt in another process, a connection that somebody left open in this one.
"""

from __future__ import annotations

import logging
import os
import re
import time
from pathlib import Path

import duckdb

from resources.warehouse.errors import (
    StatementFailed,
    WarehouseBusy,
    WarehouseError,
    WarehouseExhausted,
    WarehouseUnreadable,
)

log = logging.getLogger(__name__)

_HELD = re.compile(r"Conflicting lock is held in (?P<program>.*?) \(PID (?P<pid>\d+)\)")
_HELD_HERE = "different configuration than existing connections"
_FULL = ("No space left on device", "File too large", "Disk quota exceeded", "failed to offload")
_REPORT_SECONDS = 30.0

Config = dict[str, "str | bool | int | float | list[str]"]


def open_database(path: Path, *, read_only: bool, config: Config, wait_seconds: float) -> duckdb.DuckDBPyConnection:
    """Connect, waiting with back-off for foreign holders up to ``wait_seconds``.

    A read-only connection to a file that is not there is an empty database in memory. Raises
    ``WarehouseBusy`` or ``WarehouseUnreadable``.
    """
    if not _exists(path):
        if read_only:
            return duckdb.connect(":memory:", config=config)
        _create(path, config)
    deadline = time.monotonic() + wait_seconds
    delay, reported = 0.02, 0.0
    while True:
        try:
            return duckdb.connect(str(path), read_only=read_only, config=config)
        except duckdb.Error as error:
            holder = _holder(error)
            if holder is None:
                raise _unreadable(path, error) from error
            now = time.monotonic()
            if now >= deadline:
                raise WarehouseBusy(
                    f"{path} was held open by {holder} for {wait_seconds:g} s, the longest this session waits. Nothing "
                    f"was changed. Close it there, then run again."
                ) from error
            if now - reported >= _REPORT_SECONDS:
                log.info("waiting for the warehouse %s, held open by %s", path, holder)
                reported = now
        time.sleep(min(delay, max(0.0, deadline - time.monotonic())))
        delay = min(delay * 1.5, 0.5)


def translated(error: duckdb.Error) -> WarehouseError:
    """The platform's error for one that a statement raised."""
    text = str(error)
    if isinstance(error, duckdb.OutOfMemoryException) or any(sign.lower() in text.lower() for sign in _FULL):
        return WarehouseExhausted(
            f"{text}. The transaction was rolled back, what was published before is unchanged. Free some space (or "
            f"raise memory_limit), then run again."
        )
    if isinstance(error, duckdb.FatalException | duckdb.InternalException | duckdb.InterruptException):
        return WarehouseError(text)
    return StatementFailed(text)


def _exists(path: Path) -> bool:
    # an empty file holds nothing, and DuckDB refuses to open it
    return path.exists() and (not path.is_file() or path.stat().st_size > 0)


def _create(path: Path, config: Config) -> None:
    """Make an empty database appear all at once.

    DuckDB writes the headers of a new file one after the other; killed in between it leaves a file that nobody
    can open again.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    try:
        duckdb.connect(str(fresh), config=config).close()
        fresh.replace(path)
    except (duckdb.Error, OSError) as error:
        fresh.unlink(missing_ok=True)
        raise _unreadable(path, error) from error


def _holder(error: duckdb.Error) -> str | None:
    text = str(error)
    held = _HELD.search(text)
    if held is not None:
        return f"process {held['pid']} ({held['program']})"
    if _HELD_HERE in text or "already attached" in text:
        return f"another connection of this very process ({os.getpid()}), which somebody left open"
    if "Could not set lock on file" in text:
        return "another process"
    return None


def _unreadable(path: Path, error: Exception) -> WarehouseError:
    text = str(error)
    if any(sign.lower() in text.lower() for sign in _FULL):
        return WarehouseExhausted(f"{path}: {text}. Free some space, then run again.")
    if "not a valid DuckDB database" in text or "Could not read enough bytes" in text or "checksum" in text.lower():
        advice = "It is damaged or something else: restore it, or move it away and load all partitions from the lake."
    elif "Permission denied" in text:
        advice = "Give this user write permission on the file and its folder."
    else:
        advice = "Check the path of the warehouse."
    return WarehouseUnreadable(f"{path} cannot be opened as a warehouse: {text} {advice}")
