"""`make demo`: land the year 2013, materialize it through the project's own definitions, and say what came of it.

With `S3=1` landing and lake are buckets of an S3 server, with `WAREHOUSE=postgres` the warehouse is a PostgreSQL,
with `WAREHOUSE=ducklake` a DuckLake. Each server is started for it and ends with it.
"""

import contextlib
import os
import shutil
import sys
import tempfile
import time
import warnings
from pathlib import Path

from demo.object_store import s3_server
from demo.postgres_server import postgres_server

WAREHOUSES = ("duckdb", "ducklake", "postgres")
ROOT = Path(__file__).resolve().parent.parent


def prepare(home: Path) -> None:
    """Point this process at the instance below ``home``, which `make dev` shows too."""
    dagster_home = home / "dagster"
    dagster_home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "deploy" / "local" / "dagster.yaml", dagster_home / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(dagster_home)
    os.environ["PLATFORM_HOME"] = str(home)
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    warnings.filterwarnings("ignore", module="dagster")


def main() -> int:
    """Run the demo; returns the exit code."""
    home = Path(os.environ.get("PLATFORM_HOME", ROOT / ".platform")).resolve()
    on_s3, warehouse = os.environ.get("S3", "0") not in ("", "0"), os.environ.get("WAREHOUSE") or "duckdb"
    if warehouse not in WAREHOUSES:
        print(f"WAREHOUSE is {warehouse!r}; it must be one of: {', '.join(WAREHOUSES)}", file=sys.stderr)
        return 2
    if not on_s3 and warehouse == "duckdb":
        return _year(home)
    with contextlib.ExitStack() as servers:
        folder = servers.enter_context(tempfile.TemporaryDirectory())
        if on_s3:
            server = servers.enter_context(s3_server())
            bucket = server.bucket()
            places = {"PLATFORM_LANDING": f"{bucket}/landing", "PLATFORM_LAKE": f"{bucket}/lake"}
            os.environ |= {**server.variables, **places}
        if warehouse == "postgres":
            os.environ["PLATFORM_WAREHOUSE"] = servers.enter_context(postgres_server())
        elif warehouse == "ducklake":
            os.environ["PLATFORM_WAREHOUSE"] = f"ducklake://{folder}/ducklake"
        return _year(Path(folder), on_disk=home)


def _year(home: Path, on_disk: Path | None = None) -> int:
    """The demo below ``home``; its rows are compared with those of the demo ``on_disk``."""
    started = time.monotonic()
    prepare(home)
    os.chdir(ROOT)
    from rich.console import Console

    from demo import landing, report
    from demo.materialize import materialize_year
    from platform_assets.environment import current_environment
    from platform_assets.warehouse.locations import open_warehouse

    environment = current_environment()
    console = Console()
    if not console.is_terminal:
        console = Console(width=110)
    with console.status("landing the deliveries of 2013"):
        new = landing.land(environment.landing)
    console.print(f"Landed {new} new files in {environment.landing}")
    year = materialize_year(console)
    report.print_report(console, year, environment, on_disk or home)
    took = f"\nTook {time.monotonic() - started:.0f} s."
    if on_disk is None:
        console.print(f"{took} [bold]make dev[/bold] shows it in the Dagster UI.")
        return 0 if year.complete else 1
    console.print(took)
    same = report.compare(console, open_warehouse(environment.warehouse), on_disk / "warehouse.duckdb")
    return 0 if year.complete and same else 1


if __name__ == "__main__":
    sys.exit(main())
