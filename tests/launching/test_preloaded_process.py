"""A run begins in the process that its launcher knows of, or not at all."""

from __future__ import annotations

import sys
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin

from platform_assets.launching._compat import origin_of_code, serialized_ref
from platform_assets.launching.preloaded_process import NotWarm, PreloadedProcess
from tests.support.servers import wait_for

pytestmark = pytest.mark.slow

CODE = """\
import dagster as dg
from pathlib import Path


@dg.op
def nothing():
    with (Path(__file__).parent / "executed").open("a") as file:
        file.write(".")


@dg.job
def idle():
    nothing()


defs = dg.Definitions(jobs=[idle])
"""


@dg.op
def nothing() -> None: ...


@dg.job
def idle() -> None:
    nothing()


class Unknown(Exception):
    """The launcher could not make the process known."""


def started(
    root: Path, instance: dg.DagsterInstance, run: dg.DagsterRun, python: str = sys.executable
) -> PreloadedProcess:
    return PreloadedProcess(
        origin_of_code(run), serialized_ref(instance), root / "modules", python=python, variables={}, seconds=120
    )


def runs_of(root: Path, instance: dg.DagsterInstance, number: int) -> list[dg.DagsterRun]:
    (root / "shop.py").write_text(CODE)
    repository = RepositoryPythonOrigin(sys.executable, ModuleCodePointer("shop", "defs", str(root)))
    origin = JobPythonOrigin("idle", repository)
    return [instance.create_run_for_job(idle, job_code_origin=origin) for _ in range(number)]


def test_a_run_that_is_not_made_known_does_not_begin(tmp_path: Path) -> None:
    pids: list[int] = []

    def fails(pid: int) -> None:
        pids.append(pid)
        raise Unknown

    with dg.instance_for_test() as instance:
        runs = runs_of(tmp_path, instance, 2)
        process = started(tmp_path, instance, runs[0])
        process.start(runs[0].run_id, pids.append)
        wait_for("the first run", lambda: instance.get_run_by_id(runs[0].run_id).is_success)
        with pytest.raises(Unknown):
            process.start(runs[1].run_id, fails)
        wait_for("the end of its process", lambda: not psutil.pid_exists(pids[1]))
        assert instance.get_run_by_id(runs[1].run_id).status is dg.DagsterRunStatus.NOT_STARTED


POINTS = ("loaded", "before_fork", "forked", "answered", "before_go", "gone_ahead")


@pytest.mark.parametrize("point", POINTS)
def test_a_preloaded_process_that_is_killed_starts_its_run_or_says_that_it_did_not(tmp_path: Path, point: str) -> None:
    """Killed at each step of starting a run; a run that was not begun is started by another, and none is run twice."""
    wrapper = tmp_path / "python"
    code = (
        "import runpy, sys; from platform_assets.failpoints import arm_from_environment as arm; arm(); sys.argv.pop(0)"
    )
    code += "; sys.argv.insert(0, 'x'); sys.argv[1:3] = []; runpy.run_module('platform_assets.launching.preloaded',"
    code += " run_name='__main__', alter_sys=True)"
    wrapper.write_text(
        f'#!/bin/sh\nPLATFORM_FAILPOINTS=preloaded.{point}=kill exec {sys.executable} -c "{code}" "$@"\n'
    )
    wrapper.chmod(0o755)
    with dg.instance_for_test() as instance:
        (run,) = runs_of(tmp_path, instance, 1)
        begun = True
        try:
            process = started(tmp_path, instance, run, str(wrapper))
            process.start(run.run_id, lambda _: None)
        except NotWarm:
            begun = False
        # what is forked after the kill is none of its children
        assert begun is (point == "gone_ahead")
        if not begun:
            started(tmp_path, instance, run).start(run.run_id, lambda _: None)
        wait_for("the run", lambda: instance.get_run_by_id(run.run_id).is_success)
        assert (tmp_path / "executed").read_text() == "."
