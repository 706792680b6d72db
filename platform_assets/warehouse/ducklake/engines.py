"""The DuckDBs of this process that have DuckLake loaded: loading takes half a second, attaching a catalog 50 ms."""

from __future__ import annotations

import importlib.util
import os
import threading
from pathlib import Path

import duckdb

from platform_assets.failures import Kind
from platform_assets.sql.literals import literal
from platform_assets.warehouse.duckdb.absent_modules import remember_absent_modules
from platform_assets.warehouse.ducklake.catalogs import Catalog, attach
from platform_assets.warehouse.errors import WarehouseError


class MissingExtension(WarehouseError):
    """An extension of DuckDB is not installed, or is one of another version."""

    kind = Kind.MISCONFIGURED
    code = "warehouse:extension"


NAME = "ducklake"
"""What the catalog of a warehouse is called in a session, and in dbt: statements of one are made in the other."""


class Engine:
    """A DuckDB of this process for one catalog, attached as long as a session is open."""

    def __init__(self, catalog: Catalog, *, read_only: bool, memory_limit: str | None, threads: int | None) -> None:
        self._catalog, self._read_only = catalog, read_only
        self._lock, self._users = threading.Lock(), 0
        self._attached: object = None
        self._made = _make(memory_limit, threads)
        for name in catalog.extensions:
            load(self._made, name)

    def enter(self) -> duckdb.DuckDBPyConnection:
        """A connection whose default is the catalog; an empty database where there is nothing to read yet.

        Raises ``WarehouseError``.
        """
        with self._lock:
            if self._users == 0 and (self._attached is None or self._attached != self._catalog.identity()):
                self._detach()
                self._attach()
            self._users += 1
        connection = self._made.cursor()
        connection.execute(f"USE {NAME}")
        return connection

    def leave(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Take back what :meth:`enter` gave; the last one detaches what may be another catalog the next time."""
        connection.close()
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._attached is None:
                self._detach()

    def _detach(self) -> None:
        self._attached = None
        self._made.execute(f"DETACH DATABASE IF EXISTS {NAME}")

    def _attach(self) -> None:
        try:
            attach(self._catalog, self._made, NAME, read_only=self._read_only)
        except duckdb.Error as error:
            if not self._read_only or not self._catalog.is_absent(error):
                raise self._catalog.unreadable(error) from error
            self._made.execute(f"ATTACH ':memory:' AS {NAME}")
        else:
            self._attached = self._catalog.identity()


_lock = threading.Lock()
_engines: dict[tuple[object, ...], Engine] = {}
"""By process: one that was made before a fork has lost its threads. It is kept all the same, for its end would wait for
them."""


def engine_of(catalog: Catalog, *, read_only: bool, memory_limit: str | None, threads: int | None) -> Engine:
    """The engine of this process for a catalog. Raises ``MissingExtension``."""
    key = (os.getpid(), catalog.shown, catalog.data, read_only, memory_limit, threads)
    with _lock:
        if key not in _engines:
            _engines[key] = Engine(catalog, read_only=read_only, memory_limit=memory_limit, threads=threads)
        return _engines[key]


def _make(memory_limit: str | None, threads: int | None) -> duckdb.DuckDBPyConnection:
    remember_absent_modules()
    config: dict[str, str | bool | int | float | list[str]] = {"autoinstall_known_extensions": "false"}
    if memory_limit is not None:
        config["memory_limit"] = memory_limit
    if threads is not None:
        config["threads"] = threads
    return duckdb.connect(config=config)


def load(made: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension that is installed with its wheel. Raises ``MissingExtension``."""
    try:
        made.execute(f"LOAD {literal(str(extension(name)))}")
    except duckdb.Error as error:
        raise MissingExtension(
            f"the extension {name} does not fit DuckDB {duckdb.__version__}: pip install 'platform-assets[ducklake]' "
            f"({str(error).splitlines()[0]})"
        ) from None


def extension(name: str) -> Path:
    """The file of an extension, as its wheel has it. Raises ``MissingExtension``."""
    found = importlib.util.find_spec(f"duckdb_extension_{name}")
    files = sorted(Path(found.origin).parent.rglob("*.duckdb_extension")) if found and found.origin else []
    if not files:
        raise MissingExtension(f"DuckDB's extension {name} is not installed: pip install 'platform-assets[ducklake]'")
    return files[0]
