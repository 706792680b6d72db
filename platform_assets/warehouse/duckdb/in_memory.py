"""A session of DuckDB without a file: it reads the lake's Parquet files for engines that copy them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import duckdb

from platform_assets.warehouse.duckdb.session import BOUND, BOUND_PER_COLUMN, DuckDBSession

_NOWHERE = Path("/a database in memory")


@contextlib.contextmanager
def reading_session(
    columns: int, memory_limit: str | None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, DuckDBSession]]:
    """A connection and a session on it, with the memory that rows of so many columns need if there is no limit.

    The order of rows is not kept.
    """
    # DuckDB aborts the process when it has no file descriptor left
    os.close(os.open(os.devnull, os.O_RDONLY))
    limit = memory_limit or f"{max(BOUND, columns * BOUND_PER_COLUMN)} bytes"
    engine = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false", "memory_limit": limit})
    session = DuckDBSession(engine, _NOWHERE)
    try:
        session.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false; SET preserve_insertion_order = false")
        yield engine, session
    finally:
        session.close()
