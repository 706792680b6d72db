"""What dbt-duckdb needs to work on a DuckLake: a plugin, named in the profile by the path of this module.

It loads DuckDB's extensions from where they are installed, and lets `ducklake:platform` be the catalog that
PLATFORM_WAREHOUSE names. The profile attaches it.
"""

from __future__ import annotations

import os
from typing import Any

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from platform_assets.environment import WAREHOUSE_VARIABLE, scheme_of
from platform_assets.warehouse.ducklake.engines import load
from platform_assets.warehouse.ducklake.warehouse import catalog_of

NAME = "platform"


class Plugin(BasePlugin):
    """Made by dbt-duckdb."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Nothing is read from the profile."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """See the module. Raises ``WarehouseError``, ``InvalidEnvironment`` or ``duckdb.Error``."""
        location = os.environ.get(WAREHOUSE_VARIABLE, "")
        if not scheme_of(location).startswith("ducklake"):
            return
        catalog = catalog_of(location)
        for extension in catalog.extensions:
            load(conn, extension)
        catalog.name(conn, NAME)
