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
from platform_assets.launching.preloaded_process import PreloadedProcess
from tests.support.servers import wait_for

pytestmark = pytest.mark.slow

CODE = """\
import dagster as dg


@dg.op
def nothing(): ...


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


def test_a_run_that_is_not_made_known_does_not_begin(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(CODE)
    repository = RepositoryPythonOrigin(sys.executable, ModuleCodePointer("shop", "defs", str(tmp_path)))
    pids: list[int] = []

    def fails(pid: int) -> None:
        pids.append(pid)
        raise Unknown

    with dg.instance_for_test() as instance:
        runs = [
            instance.create_run_for_job(idle, job_code_origin=JobPythonOrigin("idle", repository)) for _ in range(2)
        ]
        process = PreloadedProcess(
            origin_of_code(runs[0]),
            serialized_ref(instance),
            tmp_path / "modules",
            python=sys.executable,
            variables={},
            seconds=120,
        )
        process.start(runs[0].run_id, pids.append)
        wait_for("the first run", lambda: instance.get_run_by_id(runs[0].run_id).is_success)
        with pytest.raises(Unknown):
            process.start(runs[1].run_id, fails)
        wait_for("the end of its process", lambda: not psutil.pid_exists(pids[1]))
        assert instance.get_run_by_id(runs[1].run_id).status is dg.DagsterRunStatus.NOT_STARTED
