"""Whole projects through `DbtModels` make the tables, and the test results, that a plain `dbt build` makes.

They are in `projects`: `bikes` is seeds, views and marts with generic tests; `subscriptions` has a package, a snapshot,
hooks, versions and a Python model; `page_views` has incremental and ephemeral models, singular tests, unit tests and
severities. `projects/by_day` has what differs where the facts of each arrive by day: a feed in the place of a seed, and
models by day (one by month) over it. There plain dbt makes tables of everything, without a macro of the platform's.
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

from tests.support.projects import Project, opened, write_project
from tests.support.shop import write_macros

PROJECTS = Path(__file__).parent / "projects"
MODELS = """\
type: platform_assets.DbtModels
attributes:
  project: "{{ context.project_root }}/dbt"
  group: all
"""
PASSED = ("pass", "warn")
ORDER = ("fixed", "days", "months", "totals")
"""The groups of the projects by day, as they are built; those of days and months by partition."""
DAYS = ("2024-01-30", "2024-02-03")
BY_PARTITION = {"days": DAYS, "months": ("2024-01-01", "2024-02-01")}
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


def write_by_day(root: Path, name: str) -> None:
    """The project with its feed and its deliveries."""
    different = PROJECTS / "by_day" / name
    write_project(
        root,
        {str(file.relative_to(different / "defs")): file.read_text() for file in different.glob("defs/*/*.yaml")},
    )
    shutil.copytree(different / "landing", root / "data/landing")
    shutil.copytree(PROJECTS / "kit", root / "kit")
    for folder in (PROJECTS / name, different / "dbt"):
        shutil.copytree(folder, root / "dbt", dirs_exist_ok=True)
    write_macros(root)


def plain_build_by_day(root: Path, plain: Path, warehouse: Path) -> dict[str, str]:
    """A plain build, into a copy of the warehouse of ``root`` with its raw tables alone, of everything as tables."""
    shutil.copytree(root / "kit", plain / "kit")
    shutil.copytree(root / "dbt", plain / "dbt", ignore=shutil.ignore_patterns("target", "platform_assets"))
    settings = plain / "dbt/dbt_project.yml"
    settings.write_text(settings.read_text().replace("+materialized: incremental", "+materialized: table"))
    (plain / "dbt/macros").mkdir(exist_ok=True)
    (plain / "dbt/macros/in_partitions.sql").write_text("{% macro in_partitions(column=none) %}true{% endmacro %}")
    shutil.copy(root / "data/warehouse.duckdb", warehouse)
    with duckdb.connect(str(warehouse)) as engine:
        schemas = engine.execute("SELECT schema_name FROM duckdb_schemas() WHERE NOT internal").fetchall()
        for (schema,) in schemas:
            if schema not in ("raw", "main"):
                engine.execute(f'DROP SCHEMA "{schema}" CASCADE')
    return plain_build(plain / "dbt", warehouse)


def build(project: Project, group: str, first: str | None, last: str | None) -> dict[str, list[bool]]:
    """Whether each check passed, of a run of a group's assets."""
    result = project.run(f"group:{group}", first, last)
    assert result.success
    found: dict[str, list[bool]] = {}
    for each in result.get_asset_check_evaluations():
        found.setdefault(each.check_name, []).append(each.passed)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("steps", ["day by day", "in one range"])
@pytest.mark.parametrize("name", ["bikes", "subscriptions", "page_views"])
def test_a_project_by_day_gives_the_same_as_plain_dbt(tmp_path: Path, name: str, steps: str) -> None:
    root = tmp_path / "project"
    write_by_day(root, name)
    checks: dict[str, list[bool]] = {}
    with opened(root) as project:
        graph = project.job.asset_layer.asset_graph
        groups = {graph.get(key).group_name for key in graph.materializable_asset_keys}
        assert project.run("key:lake/* or key:raw/*", *DAYS).success
        statuses = plain_build_by_day(root, tmp_path / "plain", tmp_path / "plain.duckdb")
        for group in ORDER:
            if group not in groups:
                continue
            first, last = BY_PARTITION.get(group, (None, None))
            keys = [(first, last)]
            if group in BY_PARTITION and steps == "day by day":
                some = next(key for key in graph.materializable_asset_keys if graph.get(key).group_name == group)
                definition = graph.get(some).partitions_def
                assert definition is not None
                keys = [(key, key) for key in definition.get_partition_keys()]
            for each in keys:
                for check, passed in build(project, group, *each).items():
                    checks.setdefault(check, []).extend(passed)
        assert {test: all(checks[test]) for test in statuses} == {
            test: status == "pass" for test, status in statuses.items()
        }
        assert set(statuses.values()) <= {*PASSED}
        assert tables(project.warehouse.path) == tables(tmp_path / "plain.duckdb")


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
