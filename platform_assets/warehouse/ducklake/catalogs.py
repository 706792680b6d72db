"""Where a DuckLake keeps its catalog: how it is made, attached, and kept from other writers meanwhile."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb

from platform_assets.environment import InvalidEnvironment
from platform_assets.sql.identifiers import quoted
from platform_assets.sql.literals import literal
from platform_assets.warehouse.duckdb.errors import unreadable
from platform_assets.warehouse.duckdb.locking import exclusive
from platform_assets.warehouse.ducklake.data import DATA, DataPlace, data_place
from platform_assets.warehouse.errors import WarehouseError, WarehouseUnreadable


class Catalog(Protocol):
    """The catalog of one DuckLake."""

    @property
    def shown(self) -> str:
        """What it is called in messages."""
        ...

    @property
    def file(self) -> Path:
        """The file whose faults are those of the warehouse; the folder of the tables where there is none."""
        ...

    @property
    def data(self) -> DataPlace:
        """Where the tables' Parquet files are."""
        ...

    @property
    def extensions(self) -> tuple[str, ...]:
        """DuckDB's extensions that reach it."""
        ...

    def identity(self) -> object:
        """What is another one where another catalog has taken its place; None where that cannot be told."""
        ...

    def turn(self, *, wait_seconds: float, purpose: str) -> contextlib.AbstractContextManager[None]:
        """Keep other writers out, and see to it that the catalog can be made. ``WarehouseBusy`` after the wait."""
        ...

    def name(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        """Let DuckDB know it as ``ducklake:name``, by secrets that live as long as the process. ``duckdb.Error``."""
        ...

    def forget(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        """Undo :meth:`name`; nothing happens where there is no such name."""
        ...

    @property
    def options(self) -> str:
        """What a session that may write attaches it with besides."""
        ...

    def is_absent(self, error: duckdb.Error) -> bool:
        """Whether it could not be attached because nobody has made it yet."""
        ...

    def unreadable(self, error: Exception) -> WarehouseError:
        """The error for a catalog that cannot be attached."""
        ...


def attach(catalog: Catalog, connection: duckdb.DuckDBPyConnection, name: str, *, read_only: bool) -> None:
    """Attach ``catalog`` under ``name``; it is made where there is none, unless only to be read. ``duckdb.Error``."""
    catalog.name(connection, name)
    # the folder of the files may have been moved since it was made
    options = ", READ_ONLY" if read_only else catalog.options
    try:
        connection.execute(f"ATTACH {literal(f'ducklake:{name}')} AS {quoted(name)} (OVERRIDE_DATA_PATH true{options})")
    finally:
        catalog.forget(connection, name)


def naming(name: str, path: str, data: DataPlace, parameters: Mapping[str, str]) -> str:
    """The statement that makes a secret of DuckLake."""
    given = ", ".join(f"{literal(key)}: {literal(value)}" for key, value in parameters.items())
    return (
        f"CREATE OR REPLACE TEMPORARY SECRET {quoted(name)} (TYPE ducklake, METADATA_PATH {literal(path)}, "
        f"DATA_PATH {literal(data.location)}, METADATA_PARAMETERS MAP {{{given}}})"
    )


def is_unmade(error: duckdb.Error) -> bool:
    """Whether DuckDB found no DuckLake, or that of a writer that was killed before it had made it."""
    return "creating a new DuckLake is explicitly disabled" in str(error)


_FORM = "ducklake:///path/of/a/folder"
BUSY_MILLISECONDS = 60_000
"""How long SQLite itself waits where two sessions do the same at one moment; writers have taken turns by then."""


@dataclass(frozen=True)
class SqliteCatalog:
    """A catalog in ``folder``: `catalog.sqlite`. The Parquet files are in `data` beside it if nothing else is said.

    Only DuckDB's SQLite opens the file. Another copy of SQLite in this process, such as Python's, would let go of its
    locks when it closes the file.
    """

    folder: Path
    elsewhere: DataPlace | None = None

    @property
    def extensions(self) -> tuple[str, ...]:
        return ("sqlite_scanner", *self.data.extensions, "ducklake")

    @property
    def shown(self) -> str:
        return str(self.folder)

    @property
    def file(self) -> Path:
        return self.folder / "catalog.sqlite"

    @property
    def data(self) -> DataPlace:
        return self.elsewhere or DataPlace(str(self.folder / "data"))

    def identity(self) -> object:
        # as long as it is attached the file is open, and so its number is given to no other one
        try:
            found = self.file.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    @contextlib.contextmanager
    def turn(self, *, wait_seconds: float, purpose: str) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unreadable(self.folder, error) from error
        self._refuse_lost()
        self.data.prepare()
        with exclusive(self.file, wait_seconds=wait_seconds, purpose=purpose):
            yield

    def _refuse_lost(self) -> None:
        """A new catalog beside the files of another one would know nothing of them."""
        if not self.file.exists() and self.data.has_files():
            raise WarehouseUnreadable(
                f"{self.file} is not there, but {self.data.location} holds files of tables: its catalog is lost. "
                "Restore it; or move both away, and load all partitions from the lake"
            )

    def is_absent(self, error: duckdb.Error) -> bool:
        self._refuse_lost()
        return not self.file.exists() or is_unmade(error)

    def name(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        self.data.allow(connection)
        parameters = {"TYPE": "sqlite", "BUSY_TIMEOUT": str(BUSY_MILLISECONDS)}
        connection.execute(naming(name, str(self.file), self.data, parameters))

    def forget(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        connection.execute(f"DROP TEMPORARY SECRET IF EXISTS {quoted(name)}")

    @property
    def options(self) -> str:
        # only in this mode a reader reads beside a writer; it is kept in the file
        return ", META_JOURNAL_MODE 'WAL'"

    def unreadable(self, error: Exception) -> WarehouseError:
        return unreadable(self.file, error, whole=f"it and {self.data.location}")


def sqlite_catalog(location: str) -> SqliteCatalog:
    """The catalog of a location such as `/folder` or `/folder?data_path=s3://bucket/prefix`.

    The folder is taken by its real path, which names locks and open sessions. Raises ``InvalidEnvironment``.
    """
    folder, _, elsewhere = location.partition(f"?{DATA}=")
    if not Path(folder).is_absolute() or folder.strip("/") == "":
        raise InvalidEnvironment(f"the warehouse's location names no folder by its absolute path: write {_FORM}")
    place = data_place(elsewhere, form=f"{_FORM}?{DATA}=s3://bucket/prefix") if elsewhere else None
    return SqliteCatalog(Path(os.path.realpath(folder)), place)
