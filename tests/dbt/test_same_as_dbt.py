"""Whole projects through `DbtModels` make the tables, and the test results, that a plain `dbt build` makes.

They are in `projects`: `bikes` is seeds, views and marts with generic tests; `subscriptions` has a package, a snapshot,
hooks, versions and a Python model; `page_views` has incremental and ephemeral models, singular tests, unit tests and
severities.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.support.projects import opened, write_project

PROJECTS = Path(__file__).parent / "projects"
MODELS = """\
type: platform_assets.DbtModels
attributes:
  project: "{{ context.project_root }}/dbt"
  group: all
"""
PASSED = ("pass", "warn")
OF_THE_MOMENT = ("dbt_updated_at", "dbt_valid_from", "dbt_scd_id", "dbt_valid_to")
"""Columns of a snapshot that say when it was made."""


def plain_build(project: Path, warehouse: Path) -> dict[str, str]:
    """`dbt build` of a copy of the project into a new file; the status of each test by its name."""
    command = [sys.executable, "-m", "dbt.cli.main", "--no-send-anonymous-usage-stats"]
    folders = ["--project-dir", str(project), "--profiles-dir", str(project)]
    environment = {**os.environ, "PLATFORM_WAREHOUSE": str(warehouse)}
    for words in (["deps"], ["build"]):
        done = subprocess.run(
            [*command, *words, *folders], capture_output=True, text=True, env=environment, check=False
        )
        assert done.returncode == 0, done.stdout
    results = json.loads((project / "target/run_results.json").read_text())["results"]
    nodes = json.loads((project / "target/manifest.json").read_text())
    return {
        (nodes["nodes"] | nodes["unit_tests"])[result["unique_id"]]["name"]: result["status"]
        for result in results
        if result["unique_id"].partition(".")[0] in ("test", "unit_test")
    }


def tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """The rows of each table and view that dbt has made, in order."""
    with duckdb.connect(str(path), read_only=True) as engine:
        names = engine.execute(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema <> 'platform'"
        ).fetchall()
        found = {}
        for schema, name in names:
            columns = engine.execute(f'DESCRIBE "{schema}"."{name}"').fetchall()
            listed = ", ".join(f'"{column[0]}"' for column in columns if column[0] not in OF_THE_MOMENT)
            rows = engine.execute(f'SELECT {listed} FROM "{schema}"."{name}" ORDER BY ALL').fetchall()
            found[f"{schema}.{name}"] = rows
        return found


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bikes", "subscriptions", "page_views"])
def test_a_project_gives_the_same_as_plain_dbt(tmp_path: Path, name: str) -> None:
    root = tmp_path / "project"
    write_project(root, {"models/defs.yaml": MODELS})
    shutil.copytree(PROJECTS / name, root / "dbt")
    shutil.copytree(PROJECTS / "kit", root / "kit")
    shutil.copytree(root, tmp_path / "plain")
    statuses = plain_build(tmp_path / "plain/dbt", tmp_path / "plain.duckdb")
    with opened(root) as project:
        result = project.run("group:all")
        assert result.success
        checks = {each.check_name: each.passed for each in result.get_asset_check_evaluations()}
        assert {name: checks[name] for name in statuses} == {
            name: status == "pass" for name, status in statuses.items()
        }
        assert set(statuses.values()) <= {*PASSED}
        assert tables(project.warehouse.path) == tables(tmp_path / "plain.duckdb")
