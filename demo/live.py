"""`make live`: the year as if it were now, a delivery every few seconds, in the Dagster UI.

The flights pipelines are copied into a dg project of their own in which every date is later by whole weeks, so that
weekdays stay what they are. Some deliveries are cut short on the way: the gate refuses them, and a while later the
sender delivers them again, whole. Ends with Ctrl-C.
"""

import argparse
import csv
import datetime as dt
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from demo import landing

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "live_flights"
MIDSUMMER = dt.date(2013, 7, 1)
CUT_EVERY, REPAIRED_AFTER = 8, 3

DEFINITIONS = """
from pathlib import Path

import dagster as dg
from platform_assets.definitions import build
from platform_assets.environment import current_environment


@dg.definitions
def defs() -> dg.Definitions:
    return build(current_environment(), project=Path(__file__).parent)
"""
PYPROJECT = """
[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "live_flights"
code_location_name = "live"
"""
WORKSPACE = """
load_from:
  - python_module: {module_name: live_flights.definitions, working_directory: "%s", location_name: live}
"""


def shift_for(today: dt.date) -> dt.timedelta:
    """The whole weeks by which the year moves: its midsummer falls into the week that ends today."""
    return dt.timedelta(weeks=(today - MIDSUMMER).days // 7)


def shifted_text(text: str, shift: dt.timedelta) -> str:
    """``text`` with every ISO date in it later by ``shift``."""
    return re.sub(
        r"\b(2013|2014)-(\d\d)-(\d\d)\b",
        lambda match: (dt.date.fromisoformat(match[0]) + shift).isoformat(),
        text,
    )


def write_project(home: Path, shift: dt.timedelta) -> Path:
    """A dg project below ``home`` with the pipelines of the year, moved. Returns its workspace file."""
    project = home / "project"
    shutil.rmtree(project, ignore_errors=True)
    defs = project / PACKAGE / "defs"
    shutil.copytree(ROOT / "platform_assets" / "defs" / "flights", defs / "flights")
    for path in [*defs.rglob("*.yaml")]:
        text = path.read_text().replace("{{ context.project_root }}/dbt_project", str(ROOT / "dbt_project"))
        path.write_text(shifted_text(text, shift))
    (project / PACKAGE / "__init__.py").touch()
    (project / PACKAGE / "definitions.py").write_text(DEFINITIONS)
    (project / "pyproject.toml").write_text(PYPROJECT)
    (project / "workspace.yaml").write_text(WORKSPACE % project)
    return project / "workspace.yaml"


def shifted_rows(text: str, shift: dt.timedelta) -> str:
    """A delivery with its columns year, month, day and time_hour moved; everything else as it is."""
    reader = csv.DictReader(io.StringIO(text))
    names = list(reader.fieldnames or [])
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    for row in reader:
        day = dt.date(int(row["year"]), int(row["month"]), int(row["day"])) + shift
        moment = dt.datetime.fromisoformat(row["time_hour"]) + shift
        row |= {"year": str(day.year), "month": str(day.month), "day": str(day.day)}
        writer.writerow({**row, "time_hour": moment.strftime("%Y-%m-%dT%H:%M:%SZ")})
    return out.getvalue()


def deliveries(shift: dt.timedelta, first: dt.date, last: dt.date) -> Iterator[tuple[str, dt.date, str]]:
    """(feed, day, text) of every delivery from ``first`` to ``last``, day by day."""
    data = landing.data_folder()
    found = sorted(
        ((dt.date.fromisoformat(day) + shift, feed, text) for feed, day, text in landing.daily_files(data)),
        key=lambda delivery: delivery[:2],
    )
    for day, feed, text in found:
        if first <= day <= last:
            yield feed, day, shifted_rows(text, shift)


def replay(home: Path, shift: dt.timedelta, days: int, seconds: float) -> None:
    """Deliver the last ``days`` days up to yesterday, one delivery every ``seconds``."""
    folder = home / "landing"
    for name in landing.SNAPSHOTS:
        landing.put(folder / f"{name}.csv", (landing.data_folder() / f"{name}.csv").read_bytes())
    yesterday = dt.date.today() - dt.timedelta(days=1)  # noqa: DTZ011 - the replay follows the wall clock
    held_back: list[tuple[int, Path, str]] = []
    for number, (feed, day, text) in enumerate(deliveries(shift, yesterday - dt.timedelta(days=days - 1), yesterday)):
        path = folder / feed / f"{feed}_{day}.csv"
        if feed == "flights" and number % (2 * CUT_EVERY) == 0 and number:
            landing.put(path, "".join(text.splitlines(keepends=True)[:60]).encode())
            held_back.append((number + 2 * REPAIRED_AFTER, path, text))
            print(f"delivered {path.name}, cut short: the gate will refuse it", flush=True)
        else:
            landing.put(path, text.encode())
            print(f"delivered {path.name}", flush=True)
        for due, late, whole in [item for item in held_back if item[0] == number]:
            landing.put(late, whole.encode())
            held_back.remove((due, late, whole))
            print(f"delivered {late.name} again, whole", flush=True)
        time.sleep(seconds)
    for _, late, whole in held_back:
        landing.put(late, whole.encode())
        print(f"delivered {late.name} again, whole", flush=True)


def main() -> int:
    """Start the UI on a fresh project and replay into it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=45, help="how many days up to yesterday are replayed")
    parser.add_argument("--seconds", type=float, default=8.0, help="seconds between two deliveries")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "3000")))
    arguments = parser.parse_args()
    home = Path(os.environ.get("PLATFORM_HOME", ROOT / ".platform")).resolve() / "live"
    shutil.rmtree(home, ignore_errors=True)
    (home / "dagster").mkdir(parents=True)
    shutil.copyfile(ROOT / "deploy" / "local" / "dagster.yaml", home / "dagster" / "dagster.yaml")
    shift = shift_for(dt.date.today())  # noqa: DTZ011 - the replay follows the wall clock
    workspace = write_project(home, shift)
    environment = {**os.environ, "PLATFORM_HOME": str(home), "DAGSTER_HOME": str(home / "dagster")}
    command = [str(Path(sys.executable).with_name("dagster")), "dev", "-w", str(workspace), "-p", str(arguments.port)]
    # ended by `kill` it takes the servers along, as with Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (home / "dagster.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, cwd=home, stdout=log, stderr=log, start_new_session=True)
    print(f"2013 moved by {shift.days // 7} weeks; the UI comes up at http://127.0.0.1:{arguments.port}")
    print(f"What the servers say is in {home / 'dagster.log'}")
    try:
        time.sleep(15)
        if server.poll() is not None:
            raise SystemExit(f"The servers did not start; is port {arguments.port} taken? See {home / 'dagster.log'}")
        replay(home, shift, arguments.days, arguments.seconds)
        print("Everything up to yesterday is delivered; the UI stays up until Ctrl-C.")
        server.wait()
    except KeyboardInterrupt:
        print("stopping")
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
