"""A DuckDB file written anew, so that nothing is left in it of rows that were deleted.

DuckDB marks the blocks of deleted rows as free and writes over them some time later: neither CHECKPOINT nor VACUUM
changes them (tests/warehouse/test_rewriting_file.py holds DuckDB to that). Values are compressed there in most cases,
so that a search of the file's bytes does not find them. ``COPY FROM DATABASE`` reads what is there and writes it into a
new file, with schemas, views, indexes, comments, sequences and macros.
"""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from platform_assets.failpoints import failpoint
from platform_assets.sql.identifiers import quoted_path
from platform_assets.sql.literals import literal
from platform_assets.warehouse.duckdb.errors import translated, unreadable
from platform_assets.warehouse.duckdb.interrupts import interrupts_raised
from platform_assets.warehouse.duckdb.locking import exclusive
from platform_assets.warehouse.duckdb.opening import open_database
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from platform_assets.warehouse.errors import StorageFault

OLD, NEW = "written_before", "written_anew"
"""The names of the two databases while one is copied into the other."""


@dataclass(frozen=True)
class RewrittenFile:
    """The sizes of a file before and after, in bytes."""

    before: int
    after: int


def files_of(warehouse: DuckDBWarehouse) -> list[Path]:
    """The files that may hold rows: the database, its log of changes, and what DuckDB or a killed rewriting left."""
    path = Path(os.path.realpath(warehouse.path))
    beside = [path, path.with_name(f"{path.name}.wal"), *_left(path)]
    spilled = path.with_name(f"{path.name}.tmp")
    if spilled.is_dir():
        beside += sorted(file for file in spilled.rglob("*") if file.is_file())
    return [file for file in beside if file.is_file()]


def rewrite_file(warehouse: DuckDBWarehouse, *, purpose: str) -> RewrittenFile | None:
    """Put a file in the place of the warehouse's that holds what can be read of it, and nothing else.

    None if there is no file.
    Every other session is kept out meanwhile. The new file is renamed into place as the last step: a process that is
    killed leaves the old file or the new one. It takes as much room on the disk as the tables. Raises a
    ``WarehouseError``; then the old file is in place.
    """
    path = Path(os.path.realpath(warehouse.path))
    if not path.is_file() or not path.stat().st_size:
        return None
    deadline = time.monotonic() + warehouse.wait_seconds
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    with exclusive(path, wait_seconds=warehouse.wait_seconds, purpose=purpose), _faults(path):
        for left in _left(path):
            left.unlink(missing_ok=True)
        before = path.stat()
        # it stays open until the new one is in its place, so that no program opens it that knows nothing of the lock
        with contextlib.closing(open_database(path, read_only=False, config={}, deadline=deadline)) as connection:
            try:
                with interrupts_raised(connection):
                    _copy(connection, path, fresh, warehouse)
                failpoint("warehouse.rewrite.copied")
                fresh.chmod(stat.S_IMODE(before.st_mode))
                if (before.st_uid, before.st_gid) != (fresh.stat().st_uid, fresh.stat().st_gid):
                    os.chown(fresh, before.st_uid, before.st_gid)
                _sync(fresh)
                failpoint("warehouse.rewrite.before_rename")
                fresh.replace(path)
                _sync(path.parent)
                failpoint("warehouse.rewrite.after_rename")
            finally:
                fresh.unlink(missing_ok=True)
                shutil.rmtree(f"{fresh}.tmp", ignore_errors=True)
        return RewrittenFile(before.st_size, path.stat().st_size)


def _copy(connection: duckdb.DuckDBPyConnection, path: Path, fresh: Path, warehouse: DuckDBWarehouse) -> None:
    # what is in the log of changes goes into the file, and the log is removed
    connection.execute("CHECKPOINT")
    (name, tags), *_ = connection.execute(
        "SELECT database_name, tags FROM duckdb_databases() WHERE database_name = current_database()"
    ).fetchall()
    if warehouse.memory_limit is not None:
        connection.execute(f"SET memory_limit = {literal(warehouse.memory_limit)}")
    connection.execute(f"SET temp_directory = {literal(f'{fresh}.tmp')}; SET enable_progress_bar = false")
    # rows keep their order where there is memory for it alone; a table has none
    connection.execute("SET preserve_insertion_order = false")
    version = str(tags.get("storage_version", "")).rstrip("+")
    as_before = f" (STORAGE_VERSION {literal(version)})" if version else ""
    connection.execute(f"ATTACH {literal(str(fresh))} AS {NEW}{as_before}")
    connection.execute(f"COPY FROM DATABASE {quoted_path(name)} TO {NEW}")
    _compare(connection, path, str(name))
    connection.execute(f"CHECKPOINT {NEW}")
    connection.execute(f"DETACH {NEW}")


def _compare(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
    """Raise StorageFault unless the copy has every table with as many rows, and every other thing that is named."""
    named = (
        "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = {0} UNION ALL "
        "SELECT 'view ' || schema_name || '.' || view_name FROM duckdb_views() WHERE database_name = {0} "
        "AND NOT internal UNION ALL "
        "SELECT 'index ' || schema_name || '.' || index_name FROM duckdb_indexes() WHERE database_name = {0} ORDER BY 1"
    )
    there, copied = (connection.execute(named.format(literal(each))).fetchall() for each in (name, NEW))
    tables = connection.execute(
        f"SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = {literal(name)}"
    ).fetchall()
    differs = there != copied
    for schema, table in tables:
        before, after = (
            connection.execute(f"SELECT count(*) FROM {quoted_path(each, schema, table)}").fetchone()
            for each in (name, NEW)
        )
        differs = differs or before != after
    if differs:
        raise StorageFault(f"{path}: the copy that was made of it is not the same; the old file is in place")


def _left(path: Path) -> list[Path]:
    """Copies that a killed rewriting has left, or one that is being made."""
    return sorted(path.parent.glob(f".{glob.escape(path.name)}.*.new*"))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _faults(path: Path) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise translated(error, path) from error
    except OSError as error:
        raise unreadable(path, error) from error
