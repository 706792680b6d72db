"""The schedule that keeps a DuckLake tidy, in a project that has one."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from platform_assets.automation.maintenance import NAME
from platform_assets.cli.warehouse import warehouse as commands
from tests.automation.test_retention import write
from tests.support.projects import QUIET, opened


def names(definitions: dg.Definitions) -> list[str]:
    return [each.name for each in definitions.get_repository_def().schedule_defs]


@pytest.mark.slow
def test_a_ducklake_is_maintained_by_a_schedule_and_by_a_command(tmp_path: Path) -> None:
    write(tmp_path, "  snapshot_days: 0\n", warehouse=f"ducklake://{tmp_path}/ducklake")
    with opened(tmp_path) as project:
        assert project.run("key:lake/codes or key:raw/codes").success
        assert names(project.definitions) == [NAME]
        job = project.definitions.resolve_job_def(NAME)
        done = job.execute_in_process(instance=project.instance, run_config=QUIET)
        assert done.success
        (output,) = done.filter_events(lambda event: event.is_successful_output)
        assert int(str(output.event_specific_data.metadata["snapshots expired"].value)) > 1
        assert project.run("raw/codes").success
    again = CliRunner().invoke(commands, ["maintain", "--warehouse", f"ducklake://{tmp_path}/ducklake"])
    assert (again.exit_code, "0 snapshots expired" in again.output) == (0, True), again.output


def test_a_file_of_duckdb_needs_none(tmp_path: Path) -> None:
    write(tmp_path, "  snapshot_days: 0\n")
    with opened(tmp_path) as project:
        assert names(project.definitions) == []
        assert project.run("key:lake/codes or key:raw/codes").success
    file = str(tmp_path / "data" / "warehouse.duckdb")
    refused = CliRunner().invoke(commands, ["maintain", "--warehouse", file])
    assert (refused.exit_code, "needs no maintenance" in refused.output) == (1, True), refused.output
