"""Checks of a project, executed alone as from the Checks tab."""

from __future__ import annotations

import dagster as dg

from tests.support.projects import QUIET, Project


def checks_of(*names: str) -> dg.AssetSelection:
    """The checks ``names``, each as `<asset>:<check>`."""
    pairs = [name.split(":") for name in names]
    return dg.AssetSelection.checks(*(dg.AssetCheckKey(dg.AssetKey(a.split("/")), check) for a, check in pairs))


def execute_checks(project: Project, *names: str) -> dg.ExecuteInProcessResult:
    """One run of the checks ``names`` alone."""
    return run_selection(project, checks_of(*names))


def run_selection(
    project: Project, wanted: dg.AssetSelection, partition: str | None = None
) -> dg.ExecuteInProcessResult:
    """One run of just what is ``wanted``."""
    chosen = dg.define_asset_job("chosen", wanted, executor_def=dg.in_process_executor)
    job = dg.Definitions.merge(project.definitions, dg.Definitions(jobs=[chosen])).resolve_job_def(chosen.name)
    return job.execute_in_process(
        instance=project.instance, run_config=QUIET, raise_on_error=False, partition_key=partition
    )
