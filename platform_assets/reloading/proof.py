"""The search for clear values in every place that the platform writes to: what was searched, and what was found.

A value is never shown. What is elsewhere (the landing folder, backups, copies that somebody made) is not searched.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from platform_assets.formats.duckdb_errors import damage_of
from platform_assets.lake.errors import RecordUnreadable
from platform_assets.lake.layout import QUARANTINE, WORK
from platform_assets.lake.local import LocalLake
from platform_assets.lake.names import escape, shown
from platform_assets.lake.store import Lake, named
from platform_assets.reloading.needles import Needles
from platform_assets.reloading.tables import in_columns, in_parquet
from platform_assets.reloading.values import ClearValues
from platform_assets.sql.identifiers import quoted, quoted_path
from platform_assets.warehouse.duckdb.rewriting import files_of
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from platform_assets.warehouse.protocol import Warehouse
from platform_assets.wording import counted

SQLITE = b"SQLite format 3\0"
FETCHED = 1_000


@dataclass(frozen=True)
class Searched:
    """One kind of place: ``what`` was searched and how, and how often something was ``found``.

    None stands for what could not be searched. ``at`` names where: files, tables and columns.
    """

    where: str
    what: str
    found: int | None
    at: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        return self.found == 0


def search_lake(lake: Lake, feed: str, values: ClearValues, needles: Needles) -> Iterator[Searched]:
    """The Parquet of a feed, its records, and its quarantine."""
    files, decoded, at = 0, 0, []
    rows = quarantines = in_rows = in_records = 0
    unreadable: list[str] = []
    with duckdb.connect(config={"memory_limit": "1GB", "threads": 2}) as engine:
        for name in lake.partition_names(feed):
            partition = lake.partition_of(feed, name)
            for file in lake.data_names(feed, partition):
                with lake.fetched([file]) as paths, damage_of(named(lake, file)):
                    for path in paths:
                        found = in_parquet(engine, path, values)
                        hits = needles.in_file(path)
                        files, decoded = files + 1, decoded + sum(found.values()) + hits
                        at += [f"{shown(file)}: {column}" for column in found] or ([shown(file)] if hits else [])
            try:
                for record in (lake.manifest(feed, partition), lake.rejection(feed, partition)):
                    in_records += needles.in_bytes(record.to_json()) if record is not None else 0
                for quarantine in lake.quarantines.listed(feed, partition):
                    held = lake.quarantines.place_of(quarantine).rows(quarantine, None)
                    rows, quarantines = rows + len(held), quarantines + 1
                    in_rows += needles.in_texts(f"{row.file}\0{row.raw}" for row in held)
            except RecordUnreadable as error:
                unreadable.append(str(error.path))
    yield Searched("lake", f"{counted(files, 'Parquet file')}, decoded and by byte", decoded, tuple(at))
    missing = tuple(shown(each) for each in unreadable)
    yield Searched("records", "manifests and rejections", None if missing else in_records, missing)
    held_in = f"{counted(rows, 'row')} in {counted(quarantines, 'file')}"
    yield Searched("quarantine", held_in, None if missing else in_rows, missing)


def search_warehouse(warehouse: Warehouse, values: ClearValues, needles: Needles) -> Iterator[Searched]:
    """Every table by query, and the files by byte."""
    if not isinstance(warehouse, DuckDBWarehouse):
        yield Searched("warehouse", "of a kind that is not searched; ask it for its own history of rows", None)
        return
    found: dict[str, int] = {}
    with warehouse.session(read_only=True, purpose="searching for clear values") as session:
        listed = session.execute(
            "SELECT c.schema_name, c.table_name, c.column_name, c.data_type FROM duckdb_columns() AS c "
            "JOIN duckdb_tables() AS t ON c.table_oid = t.table_oid AND c.database_oid = t.database_oid "
            "WHERE c.database_name = current_database() AND NOT c.internal ORDER BY ALL"
        )
        tables: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for schema, table, column, kind in listed:
            tables.setdefault((schema, table), []).append((column, kind))
        for (schema, table), columns in tables.items():
            hits = in_columns(session.execute, quoted_path(schema, table), columns, values)
            found |= {f"{schema}.{table}: {column}": count for column, count in hits.items()}
        free = session.execute("SELECT free_blocks FROM pragma_database_size()")
    yield Searched(
        "warehouse tables", f"{counted(len(tables), 'table')}, every column", sum(found.values()), tuple(found)
    )
    files = files_of(warehouse)
    by_file = {str(file): needles.in_file(file) for file in files}
    blocks = counted(sum(int(row[0]) for row in free), "free block")
    yield Searched(
        "warehouse file", f"{counted(len(files), 'file')} by byte, {blocks}", sum(by_file.values()),
        tuple(file for file, hits in by_file.items() if hits),
    )  # fmt: skip


def search_folder(where: str, folder: Path, needles: Needles) -> Searched:
    """Every file of a folder by byte, and the texts of those that are databases of SQLite."""
    files, hits = 0, dict[str, int]()
    unread: list[str] = []

    def not_listed(error: OSError) -> None:
        unread.append(f"{error.filename}: {error.strerror}")

    for place, _, names in os.walk(folder, onerror=not_listed):
        for path in (Path(place) / name for name in sorted(names)):
            if path.is_symlink() or not path.is_file():
                continue
            files += 1
            try:
                count = needles.in_file(path) + (_in_sqlite(path, needles) if _is_sqlite(path) else 0)
            except FileNotFoundError:
                continue  # removed meanwhile
            except (OSError, sqlite3.Error) as error:
                unread.append(f"{path}: {error}")
                continue
            if count:
                hits[str(path)] = count
    what = f"{folder}: {counted(files, 'file')} by byte, databases by row"
    if unread:
        return Searched(where, f"{what}; of some nothing is known", None, (*hits, *unread))
    return Searched(where, what, sum(hits.values()), tuple(hits))


def search_work(lake: Lake, feed: str, needles: Needles, scratch: list[Path]) -> Searched:
    """Folders for what passes through this machine: scratch folders, and the working folder of a lake in a folder."""
    folders = [*scratch, *([lake.path / QUARANTINE / WORK / escape(feed)] if isinstance(lake, LocalLake) else [])]
    found = [search_folder("", folder, needles) for folder in folders]
    at = tuple(place for each in found for place in each.at)
    named = ", ".join(str(folder) for folder in folders) or "none"
    if any(each.found is None for each in found):
        return Searched("temporary folders", named, None, at)
    return Searched("temporary folders", named, sum(each.found or 0 for each in found), at)


def _is_sqlite(path: Path) -> bool:
    with contextlib.suppress(OSError), path.open("rb") as file:
        return file.read(len(SQLITE)) == SQLITE
    return False


def _in_sqlite(path: Path, needles: Needles) -> int:
    """Places in the rows of a database, which may lie across its pages; its log is read with it."""
    found = 0
    with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            cursor = connection.execute(f"SELECT * FROM {quoted(table)}")
            while rows := cursor.fetchmany(FETCHED):
                found += needles.in_texts(
                    _text(value) for row in rows for value in row if isinstance(value, str | bytes)
                )
    return found


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")
