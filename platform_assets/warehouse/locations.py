"""Which warehouse a location stands for: a path, or ``duckdb://`` before one, is a DuckDB file.

``something://...`` is what a package announces.

A further warehouse is announced by an entry point of the group ``platform_assets.warehouses`` under the scheme of its
locations, and gives a :class:`WarehouseFactory`. Which locations there are is said in ``environment``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, cast

from platform_assets.announced import WAREHOUSES, announced
from platform_assets.environment import InvalidEnvironment, scheme_of, warehouse_location
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from platform_assets.warehouse.protocol import Warehouse


class WarehouseFactory(Protocol):
    """Makes the warehouse of a location. It opens no connection, and takes secrets from elsewhere."""

    def __call__(self, location: str, *, wait_seconds: float, memory_limit: str | None) -> Warehouse:
        """``wait_seconds`` bounds the wait for other users, ``memory_limit`` such as 4GB the memory of a session."""
        ...


def open_warehouse(location: str, *, wait_seconds: float = 600.0, memory_limit: str | None = None) -> Warehouse:
    """The warehouse of a location; no connection is opened yet.

    Raises:
        InvalidEnvironment: if no installed package announces its scheme; the message lists those there are. Or if what
            it announces cannot be imported.
    """
    location = warehouse_location(location, folder=Path(), name="the warehouse")
    scheme = scheme_of(location)
    if not scheme:
        return DuckDBWarehouse(Path(location), wait_seconds=wait_seconds, memory_limit=memory_limit)
    try:
        factory = cast(WarehouseFactory, announced(WAREHOUSES)[scheme].load())
    except ImportError as error:
        raise InvalidEnvironment(
            f"the warehouse of {scheme}:// cannot be loaded: {error}. What it needs is an extra of its package, such "
            f"as platform-assets[postgres]; install it"
        ) from error
    return factory(location, wait_seconds=wait_seconds, memory_limit=memory_limit)
