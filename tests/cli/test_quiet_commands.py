"""What Dagster's own commands print in this project: answers, and no lines that nobody reads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from demo import landing

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
DG = str(Path(sys.executable).with_name("dg"))


@pytest.fixture(name="environment")
def _environment(tmp_path: Path) -> dict[str, str]:
    """A new user's, after `make install` and the README's export."""
    kept = {
        n: v for n, v in os.environ.items() if not n.startswith(("DAGSTER", "PLATFORM", "DBT", "CI", "VIRTUAL_ENV"))
    }
    dagster_home = tmp_path / ".platform" / "dagster"
    dagster_home.mkdir(parents=True)
    shutil.copyfile(ROOT / "deploy" / "local" / "dagster.yaml", dagster_home / "dagster.yaml")
    (tmp_path / "home").mkdir()
    return {
        **kept,
        "HOME": str(tmp_path / "home"),
        "PLATFORM_HOME": str(tmp_path / ".platform"),
        "DAGSTER_HOME": str(dagster_home),
    }


def test_a_launch_of_a_range_prints_a_line_for_each_asset_and_not_for_each_event(
    environment: dict[str, str],
) -> None:
    days = [text for text in landing.daily_files(landing.data_folder()) if text[0] == "weather"][:60]
    for feed, day, text in days:
        landing.put(Path(environment["PLATFORM_HOME"]) / "landing" / feed / f"{feed}_{day}.csv", text.encode())
    span = f"{days[0][1]}...{days[-1][1]}"
    select = "key:lake/weather or key:raw/weather"
    words = [DG, "launch", "--assets", select, "--partition-range", span]
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    printed = (done.stdout + done.stderr).splitlines()
    assert done.returncode == 0, printed[-20:]
    assert len(printed) < 20, printed[:40]
    assert any("raw/weather: 60 partitions in " in line and ": 60 good" in line for line in printed)


def test_a_scaffold_prints_what_it_made(environment: dict[str, str], tmp_path: Path) -> None:
    project = tmp_path / "project"
    for name in ("platform_assets", "resources", "dbt_project"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("target", "logs", "__pycache__"))
    shutil.copyfile(ROOT / "pyproject.toml", project / "pyproject.toml")
    (project / ".venv").symlink_to(sys.prefix)
    words = [DG, "scaffold", "defs", "platform_assets.FileFeed", "sales/orders"]
    done = subprocess.run(words, cwd=project, env=environment, capture_output=True, text=True, check=True)
    printed = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    assert printed == [f"Creating defs at {project.resolve()}/platform_assets/defs/sales/orders."]
