"""Which engine plans access in a session: by the dialect that the session has."""

from __future__ import annotations

from platform_assets.access.plan import Engine
from platform_assets.sql.dialects import Dialect
from platform_assets.warehouse.protocol import Session


def engine_of(session: Session) -> Engine:
    """The engine of a session; what it needs is imported now."""
    match session.dialect:
        case Dialect.POSTGRES:
            from platform_assets.access.postgres import POSTGRES

            return POSTGRES
        case Dialect.SNOWFLAKE:
            from platform_assets.access.snowflake import SNOWFLAKE

            return SNOWFLAKE
        case Dialect.DUCKDB:
            from platform_assets.access.duckdb import DUCKDB

            return DUCKDB
