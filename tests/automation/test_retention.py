"""The schedule that purges quarantined rows, in a project that has set a retention."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from platform_assets.automation.retention import NAME
from platform_assets.lake.locations import open_lake
from platform_assets.lake.quarantined import read_quarantine
from tests.support.projects import QUIET, RESOURCES, Project, opened, write_project
from tests.support.shop import CONTRACT, FEED

COLUMNS = "      - {name: id, logicalType: integer}\n"
LIMIT = "customProperties: [{property: quarantineLimit, value: 0.9}]\n"


def write(root: Path, days: str, warehouse: str = "data/warehouse.duckdb") -> None:
    write_project(
        root,
        {
            "platform/defs.yaml": RESOURCES.replace("data/warehouse.duckdb", warehouse) + days,
            "codes/defs.yaml": FEED.format(files="codes.csv"),
            "codes/contract.yaml": CONTRACT.format(name="codes", columns=COLUMNS) + LIMIT,
        },
    )
    (root / "data" / "landing").mkdir(parents=True)
    (root / "data" / "landing" / "codes.csv").write_text("id\n1\nnever-an-id\n")


def purge(project: Project) -> dg.ExecuteInProcessResult:
    job = project.definitions.resolve_job_def(NAME)
    return job.execute_in_process(instance=project.instance, run_config=QUIET, raise_on_error=False)


def quarantined(project: Project) -> list[str]:
    return [row.raw for row in read_quarantine(open_lake(project.root / "data" / "lake"), "codes", "snapshot")]


def test_rows_older_than_the_retention_are_purged(tmp_path: Path) -> None:
    write(tmp_path, "  quarantine_days: 0\n")
    with opened(tmp_path) as project:
        assert project.run("lake/codes").success
        assert quarantined(project) == ["never-an-id"]
        schedules = project.definitions.get_repository_def().schedule_defs
        assert [(each.name, each.default_status.value) for each in schedules] == [(NAME, "RUNNING")]
        assert purge(project).success
        assert quarantined(project) == []


def test_younger_rows_stay(tmp_path: Path) -> None:
    write(tmp_path, "  quarantine_days: 1\n")
    with opened(tmp_path) as project:
        assert project.run("lake/codes").success
        assert purge(project).success
        assert quarantined(project) == ["never-an-id"]


def test_records_that_cannot_be_read_fail_the_run(tmp_path: Path) -> None:
    write(tmp_path, "  quarantine_days: 0\n")
    with opened(tmp_path) as project:
        assert project.run("lake/codes").success
        for manifest in (tmp_path / "data" / "lake").rglob("manifest*.json"):
            manifest.write_text("{")
        done = purge(project)
        assert not done.success
        failure = done.failure_data_for_node("purge_quarantine")
        assert failure is not None
        assert "codes snapshot: its records cannot be read" in str(failure.user_failure_data)


def test_without_a_retention_there_is_no_schedule(tmp_path: Path) -> None:
    write(tmp_path, "")
    with opened(tmp_path) as project:
        assert not project.definitions.get_repository_def().schedule_defs
