"""Long loads that outlive the process that began them.

The id of the query that fills a staging table is saved, with what it loads, before it is waited for. Whoever is to load
the same files later finds it: it waits for the query, or takes its result. Files never change, and who loads those of a
partition has its lease: whoever saved the query before is dead, or has lost it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

from platform_assets.failpoints import failpoint
from platform_assets.logs import logger
from platform_assets.warehouse.errors import WarehouseError
from platform_assets.warehouse.protocol import ColumnDef, StagedFile
from platform_assets.warehouse.snowflake.statements import SCHEMA, Statements

log = logger(__name__)

LONG = 64 << 20
"""Bytes of files from which on a load is saved."""
LOADS = "LOADS"
_COLUMNS = '"KEY" VARCHAR, "QUERY" VARCHAR, "NAME" VARCHAR, "BEGUN" TIMESTAMP_NTZ(6)'
FIRST_LOOK, _LAST_LOOK = 0.1, 5.0
"""Seconds between two looks at a query."""
UNKNOWN_SECONDS = 30.0
"""How long a query may be unknown: the server may list a new one late."""


def key_of(files: Sequence[StagedFile], columns: Sequence[ColumnDef], stage: str = "") -> str:
    """What tells one load from another: the files, their partitions, the types of the columns, and the lake's stage."""
    said = [sorted((file.key or file.path, file.partition) for file in files), [(c.name, c.type) for c in columns]]
    return hashlib.sha256(json.dumps([*said, stage]).encode()).hexdigest()


def is_long(files: Sequence[StagedFile]) -> bool:
    return sum(Path(file.path).stat().st_size for file in files if Path(file.path).exists()) >= LONG


def load(session: Statements, key: str, table: str, statement: str) -> None:
    """Fill the staging table ``table`` by ``statement``. An interrupt ends the query."""
    query = session.submitted(statement)
    session.execute(f"INSERT INTO {_table(session)} SELECT ?, ?, ?, SYSDATE()", [key, query, table])
    failpoint("snowflake.load_saved")
    _wait(session, query)


def taken_over(session: Statements, key: str, table: str) -> bool:
    """Whether a load of the same was found; its rows then are in ``table``, whose name was free before."""
    session.execute(f"CREATE TABLE IF NOT EXISTS {_table(session)} ({_COLUMNS})")
    rows = session.execute(f'SELECT "QUERY", "NAME" FROM {_table(session)} WHERE "KEY" = ?', [key])
    for query, left in rows:
        try:
            _wait(session, query)
            session.execute(f"ALTER TABLE {session.quote(SCHEMA, left)} RENAME TO {session.quote(SCHEMA, table)}")
        except WarehouseError as error:
            log.info("a load that another run began cannot be taken over: %s", error)
            forget(session, [left])
            continue
        session.execute(f'UPDATE {_table(session)} SET "NAME" = ? WHERE "NAME" = ?', [table, left])
        log.info("took over the load of query %s, which another run began", query)
        return True
    return False


def saved(session: Statements) -> set[str]:
    """The names of the staging tables that somebody may take over."""
    if not session.execute(
        "SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ?", [SCHEMA, LOADS]
    ):
        return set()
    return {name for (name,) in session.execute(f'SELECT "NAME" FROM {_table(session)}')}


def forget(session: Statements, names: Sequence[str]) -> None:
    """Let nobody take over these tables."""
    for name in names:
        session.execute(f'DELETE FROM {_table(session)} WHERE "NAME" = ?', [name])


def _wait(session: Statements, query: str) -> None:
    try:
        _look_until_over(session, query)
    except BaseException as error:
        if not isinstance(error, Exception):
            session.abort(query)
        raise


def _look_until_over(session: Statements, query: str) -> None:
    wait, unknown_until = FIRST_LOOK, time.monotonic() + UNKNOWN_SECONDS
    while (running := session.is_running(query)) is not False:
        if running is None and time.monotonic() >= unknown_until:
            raise WarehouseError(f"the server knows nothing of query {query}, whose id was saved")
        time.sleep(wait)
        wait = min(wait * 1.5, _LAST_LOOK)


def _table(session: Statements) -> str:
    return session.quote(SCHEMA, LOADS)
