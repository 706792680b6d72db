"""Assets of somebody who knows nothing of the platform, and a run of one: ``python -m tests.limits.program ASSET``.

DAGSTER_HOME is the instance, EXECUTOR the executor, and FOLDER where the assets say which processes they have started.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import duckdb
import psycopg2

from platform_assets.components.step_limits import install
from platform_assets.warehouse.locations import open_warehouse

FOLDER = Path(os.environ.get("FOLDER", "."))
ENDLESS = "SELECT count(*) FROM range(1000000000000) AS r(i) WHERE hash(i) % 7 = 3"
COUNTED_FOR_EVER = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
GRANDCHILD = "trap '' TERM; sleep 600 & echo $! > {file}; wait; sleep 600"


@dg.asset(tags={"platform/time_limit": "1s"})
def sleeper() -> None:
    """Sleeps, with a child that ignores SIGTERM and a grandchild."""
    file = FOLDER / "pids"
    child = subprocess.Popen(["bash", "-c", GRANDCHILD.format(file=file)])
    (FOLDER / "child").write_text(str(child.pid))
    time.sleep(600)


@dg.asset
def neighbour() -> None:
    """Another step of the run of ``sleeper``."""


@dg.asset(op_tags={"platform/time_limit": "1s"})
def waits_for_child() -> None:
    subprocess.run(["sleep", "600"], check=True)


@dg.asset(tags={"platform/time_limit": "1s"})
def duckdb_statement() -> None:
    duckdb.connect().execute(ENDLESS).fetchall()


@dg.asset(tags={"platform/time_limit": "1s"})
def duckdb_connection() -> None:
    with duckdb.connect() as connection:
        connection.execute(ENDLESS)


@dg.asset(tags={"platform/time_limit": "1s"})
def sqlite_statement() -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(COUNTED_FOR_EVER)


@dg.asset(tags={"platform/time_limit": "1s"})
def postgres_statement() -> None:
    """In the main thread, which waits for the server in C."""
    with contextlib.closing(psycopg2.connect(os.environ["DATABASE"])) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(600)")


@dg.asset(tags={"platform/time_limit": "1s"})
def session_statement() -> None:
    """In a session of the platform."""
    with open_warehouse(os.environ["DATABASE"], wait_seconds=60).session() as session:
        session.execute("SELECT pg_sleep(600)")


@dg.asset(tags={"platform/time_limit": "1s"})
def in_c() -> None:
    """A call that no signal ends."""
    sqlite3.connect(":memory:").execute(COUNTED_FOR_EVER)


@dg.asset(tags={"platform/time_limit": "1s"})
def in_c_alone() -> None:
    """A call in C in which no other thread runs."""
    sum(range(10**14))


@dg.asset(tags={"platform/time_limit": "1s"})
def deaf() -> None:
    """Takes the end of its time for a failure, and goes on."""
    try:
        time.sleep(600)
    except BaseException:
        return


@dg.asset(tags={"platform/time_limit": "soon"})
def misspelled() -> None:
    """Has a tag that is no duration."""


@dg.asset(tags={"platform/time_limit": "1s"}, retry_policy=dg.RetryPolicy(max_retries=1))
def has_policy() -> None:
    time.sleep(600)


install()
ASSETS = [asset for asset in list(vars().values()) if isinstance(asset, dg.AssetsDefinition)]
EXECUTORS = {"in_process": dg.in_process_executor, "multiprocess": dg.multiprocess_executor}
defs = dg.Definitions(
    ASSETS, jobs=[dg.define_asset_job("everything")], executor=EXECUTORS[os.environ.get("EXECUTOR", "in_process")]
)


def job() -> dg.JobDefinition:
    """The job of all assets."""
    return defs.resolve_job_def("everything")


def main(*names: str) -> None:
    with dg.DagsterInstance.get() as instance:
        result = dg.execute_job(
            dg.reconstructable(job), instance, asset_selection=[dg.AssetKey(name) for name in names]
        )
    sys.exit(0 if result.success else 1)


if __name__ == "__main__":
    from tests.limits.program import main as importable

    importable(*sys.argv[1:])
