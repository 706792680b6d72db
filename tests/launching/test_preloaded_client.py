"""A run begins in the process that its launcher knows of, or not at all."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin

from platform_assets.launching._compat import origin_of_code, serialized_ref
from platform_assets.launching.preloaded_client import CannotFork, PreloadedProcess
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


MODULE = "platform_assets.launching.preloaded"


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


def test_a_run_whose_process_is_killed_before_it_begins_has_not_begun(tmp_path: Path) -> None:
    with dg.instance_for_test() as instance:
        first, second = runs_of(tmp_path, instance, 2)
        process = started(tmp_path, instance, first)
        with pytest.raises(CannotFork, match="killed before it began"):
            process.start(first.run_id, lambda pid: os.kill(pid, signal.SIGKILL))
        process.start(second.run_id, lambda _: None)
        wait_for("the second run", lambda: instance.get_run_by_id(second.run_id).is_success)
        assert instance.get_run_by_id(first.run_id).status is dg.DagsterRunStatus.NOT_STARTED
        assert (tmp_path / "executed").read_text() == "."


def newest_parent() -> psutil.Process:
    """The process that runs are forked from, of those that live the one that was started last."""
    found = []
    for child in psutil.Process().children():
        # one that has ended has no command line
        with contextlib.suppress(psutil.NoSuchProcess):
            if MODULE in child.cmdline():
                found.append(child)
    return max(found, key=lambda child: child.create_time())


def test_a_process_that_does_not_answer_starts_nothing_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with dg.instance_for_test() as instance:
        first, second = runs_of(tmp_path, instance, 2)
        process = started(tmp_path, instance, first)
        parent = newest_parent()
        process._channel.settimeout(0.5)
        parent.suspend()
        with pytest.raises(CannotFork):
            process.start(first.run_id, lambda _: None)
        wait_for("its end", lambda: not process.is_current())
        started(tmp_path, instance, second).start(second.run_id, lambda _: None)
        wait_for("the second run", lambda: instance.get_run_by_id(second.run_id).is_success)
        assert instance.get_run_by_id(first.run_id).status is dg.DagsterRunStatus.NOT_STARTED
        assert (tmp_path / "executed").read_text() == "."


def test_an_interrupt_is_for_the_runs_whatever_their_code_imports(tmp_path: Path) -> None:
    """multiprocessing lets an interrupt through that was blocked, once it has made a lock."""
    with dg.instance_for_test() as instance:
        (run,) = runs_of(tmp_path, instance, 1)
        (tmp_path / "shop.py").write_text(f"import multiprocessing as m\nm.get_context('spawn').Lock()\n{CODE}")
        process = started(tmp_path, instance, run)
        parent = newest_parent()
        parent.send_signal(signal.SIGINT)
        process.start(run.run_id, lambda _: None)
        wait_for("the run", lambda: instance.get_run_by_id(run.run_id).is_success)
        assert process.is_current()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("import socket; kept = socket.socket()", "keeps a connection open"),
        ("import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()", "thread"),
        ("(", "SyntaxError in .*shop.py"),
        ("raise KeyError('a value')", "KeyError in .*shop.py"),
    ],
)
def test_code_that_must_not_be_forked_is_refused_with_the_reason(tmp_path: Path, line: str, reason: str) -> None:
    with dg.instance_for_test() as instance:
        (run,) = runs_of(tmp_path, instance, 1)
        (tmp_path / "shop.py").write_text(f"{CODE}\n{line}\n")
        with pytest.raises(CannotFork, match=reason) as refused:
            started(tmp_path, instance, run)
        assert "a value" not in str(refused.value)


def test_an_interpreter_that_is_not_there_is_no_fault_of_the_run(tmp_path: Path) -> None:
    with dg.instance_for_test() as instance:
        (run,) = runs_of(tmp_path, instance, 1)
        with pytest.raises(CannotFork, match="cannot be started"):
            started(tmp_path, instance, run, str(tmp_path / "no python"))


def test_a_file_of_the_future_does_not_have_the_code_loaded_each_time(tmp_path: Path) -> None:
    with dg.instance_for_test() as instance:
        (run,) = runs_of(tmp_path, instance, 1)
        ahead = time.time() + 10 * 86_400
        os.utime(tmp_path / "shop.py", (ahead, ahead))
        wait_for("a moment after the file", lambda: time.time_ns() > (tmp_path / "shop.py").stat().st_ctime_ns)
        assert started(tmp_path, instance, run).is_current()


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
        except CannotFork:
            begun = False
        # what is forked after the kill is none of its children
        assert begun is (point == "gone_ahead")
        if not begun:
            started(tmp_path, instance, run).start(run.run_id, lambda _: None)
        wait_for("the run", lambda: instance.get_run_by_id(run.run_id).is_success)
        assert (tmp_path / "executed").read_text() == "."
