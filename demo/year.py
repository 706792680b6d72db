"""`make demo`: land the year 2013, materialize it through the project's own definitions, and say what came of it."""

import os
import shutil
import sys
import time
import warnings
from pathlib import Path

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
    started = time.monotonic()
    home = Path(os.environ.get("PLATFORM_HOME", ROOT / ".platform")).resolve()
    prepare(home)
    os.chdir(ROOT)
    from rich.console import Console

    from demo import landing, report
    from demo.materialize import materialize_year
    from platform_assets.environment import current_environment

    environment = current_environment()
    console = Console()
    if not console.is_terminal:
        console = Console(width=110)
    with console.status("landing the deliveries of 2013"):
        new = landing.land(environment.landing)
    console.print(f"Landed {new} new files in {environment.landing}")
    year = materialize_year(console)
    report.print_report(console, year, environment)
    console.print(f"\nTook {time.monotonic() - started:.0f} s. [bold]make dev[/bold] shows it in the Dagster UI.")
    return 0 if year.complete else 1


if __name__ == "__main__":
    sys.exit(main())
