"""From the start of `dagster dev` to a usable page, `dg check defs`, and the commands of `platform-assets`.

    python benchmarks/dev_start.py [--feeds 200]

Usable: the webserver serves its page, and answers with the assets of the code location. The floor of the same run is a
`dagster dev` of one trivial asset; that of `dg check defs` is the same command on that project, and that of the
commands is `platform-assets --help`. The aims: 10 s with 200 feeds, 6 s, and 0.3 s.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from benchmarks._dev_server import DevServer
from benchmarks.definitions import write_project

ROOT = Path(__file__).resolve().parents[1]
ASSETS = "{ assetNodes { id } }"
FEEDS = """import functools
from pathlib import Path

import dagster as dg

from platform_assets.definitions import build
from platform_assets.environment import current_environment


@dg.definitions
@functools.cache  # a code server asks twice
def defs() -> dg.Definitions:
    return build(current_environment(), project=Path(__file__).parent)
"""
TRIVIAL = """import dagster as dg


@dg.asset
def trivial() -> None: ...


@dg.definitions
def defs() -> dg.Definitions:
    return dg.Definitions(assets=[trivial])
"""
PYPROJECT = '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "bench"\n'
PYPROJECT += '[tool.dg.cli]\nsuppress_warnings = ["project_and_activated_venv_mismatch"]\n'
COMMANDS = ("contract check platform_assets/defs", "ledger show raw/flights", "quarantine list", "dbt lint")


def program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def trivial_project(root: Path) -> None:
    (root / "bench" / "defs").mkdir(parents=True)
    (root / "bench" / "__init__.py").touch()
    (root / "bench" / "definitions.py").write_text(TRIVIAL)
    (root / "pyproject.toml").write_text(PYPROJECT)


def feeds_project(root: Path, feeds: int) -> None:
    root.mkdir()
    write_project(root, feeds)
    (root / "bench" / "definitions.py").write_text(FEEDS)


def dev_seconds(root: Path, assets: int) -> float:
    """Seconds from the start until the page is served and so many assets are answered."""
    began = time.perf_counter()
    server = DevServer(root, "bench.definitions", runs=None, PLATFORM_HOME=str(root / "data"))
    try:
        while len((server.ask(ASSETS) or {"assetNodes": ()})["assetNodes"]) < assets:
            assert server.process.poll() is None, (root / "log").read_text()
            time.sleep(0.1)
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/", timeout=60) as page:
            assert page.status == 200
        return time.perf_counter() - began
    finally:
        server.stop()


def command_seconds(command: list[str], folder: Path, times: int = 3) -> float:
    """The median of so many runs after a first one, which writes compiled modules."""
    variables = {key: value for key, value in os.environ.items() if key != "DAGSTER_HOME"}
    found = []
    for _ in range(times + 1):
        began = time.perf_counter()
        done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
        found.append(time.perf_counter() - began)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed, so its time says nothing (make demo first):\n{done.stderr}")
    return statistics.median(found[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, default=200)
    arguments = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="dev-start-"))
    try:
        trivial_project(root / "trivial")
        feeds_project(root / "feeds", arguments.feeds)
        floor = dev_seconds(root / "trivial", 1)
        seconds = dev_seconds(root / "feeds", 3 * arguments.feeds)
        print(f"dagster dev, one trivial asset (floor):  {floor:6.2f} s")
        print(f"dagster dev, {arguments.feeds} feeds:  {seconds:6.2f} s, {seconds - floor:.2f} s beyond the floor")
        check = [program("dg"), "check", "defs"]
        floor, seconds = command_seconds(check, root / "trivial", 1), command_seconds(check, ROOT, 2)
        print(f"dg check defs, one trivial asset (floor):  {floor:6.2f} s")
        print(f"dg check defs, this project:  {seconds:6.2f} s, {seconds - floor:.2f} s beyond the floor")
        for words in ("--help", *COMMANDS):
            seconds = command_seconds([program("platform-assets"), *words.split()], ROOT)
            print(f"platform-assets {words}:  {seconds:.2f} s")
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
