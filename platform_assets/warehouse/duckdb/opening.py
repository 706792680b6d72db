"""Opening a DuckDB file that others use too.

The file lock of ``locking`` is held by the caller. Here are only programs that know nothing of it: a shell, a
notebook, dbt in another process, a connection that somebody left open in this one.
"""

from __future__ import annotations

import contextlib
import glob
import math
import os
import re
import time
from pathlib import Path

import duckdb

from platform_assets.logs import logger
from platform_assets.warehouse.duckdb.absent_modules import remember_absent_modules
from platform_assets.warehouse.duckdb.errors import unreadable
from platform_assets.warehouse.errors import WarehouseBusy

log = logger(__name__)

_HELD = re.compile(r"Conflicting lock is held in (?P<program>.*?) \(PID (?P<pid>\d+)\)")
_HELD_HERE = "different configuration than existing connections"
_REPLAY = "Failure while replaying WAL"
_REPORT_SECONDS = 30.0
STORAGE = "v1.4.0"
"""The storage format of new warehouses: DuckDB 1.4 and later can read it. Its one method for texts in the place of
two takes a fifth of the CPU time off an INSERT. A file that exists keeps the format that it was made in."""

Config = dict[str, "str | bool | int | float | list[str]"]


def open_database(path: Path, *, read_only: bool, config: Config, deadline: float) -> duckdb.DuckDBPyConnection:
    """Connect, waiting with back-off for other programs until ``deadline`` (of ``time.monotonic``).

    A read-only connection to a file that is not there is an empty database in memory. Raises
    ``WarehouseBusy``, ``WarehouseUnreadable``, ``WarehouseExhausted`` or ``StorageFault``.
    """
    remember_absent_modules()
    try:
        # DuckDB aborts the process when it has no file descriptor left for the database
        os.close(os.open(os.devnull, os.O_RDONLY))
        if not _exists(path):
            if read_only:
                return duckdb.connect(":memory:", config=config)
            _create(path, config)
    except (duckdb.Error, OSError) as error:
        raise unreadable(path, error) from error
    started = time.monotonic()
    delay, reported, replayed = 0.02, -math.inf, not read_only
    while True:
        try:
            return duckdb.connect(str(path), read_only=read_only, config=config)
        except duckdb.Error as error:
            if not replayed and _REPLAY in str(error):
                replayed = True
                _replay(path, config)
                continue
            holder = _holder(error)
            if holder is None:
                raise unreadable(path, error) from error
            now = time.monotonic()
            if now >= deadline:
                raise WarehouseBusy(
                    f"{path} is held open by {holder}; this session has waited {now - started:.3g} s for it and waits "
                    f"no longer. Nothing was changed. Close it there, then run again."
                ) from error
            if now - reported >= _REPORT_SECONDS:
                log.info("waiting for the warehouse %s, held open by %s", path, holder)
                reported = now
        time.sleep(min(delay, max(0.0, deadline - time.monotonic())))
        delay = min(delay * 1.5, 0.5)


def _exists(path: Path) -> bool:
    # an empty file holds nothing, and DuckDB refuses to open it
    return path.exists() and (not path.is_file() or path.stat().st_size > 0)


def _create(path: Path, config: Config) -> None:
    """Make an empty database appear all at once.

    DuckDB writes the headers of a new file one after the other; killed in between it leaves a file that nobody
    can open again.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    # the caller holds the lock, so nobody is making one now: these are left by processes that were killed
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.new*"):
        left.unlink(missing_ok=True)
    try:
        duckdb.connect(str(fresh), config={**config, "storage_compatibility_version": STORAGE}).close()
        fresh.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise


def _replay(path: Path, config: Config) -> None:
    """Bring what a killed process has committed into the file: of a unique index only one that may write can do it."""
    try:
        duckdb.connect(str(path), config=config).close()
    except duckdb.Error as error:
        if _holder(error) is None:
            raise unreadable(path, error) from error


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
