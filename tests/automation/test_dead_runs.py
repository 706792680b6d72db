"""A run whose process was killed is ended; one that is under way, or not of this machine, is left alone."""

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from platform_assets._compat import GRPC_INFO_TAG
from platform_assets.automation import dead_runs
from platform_assets.automation.dead_runs import dead_runs_sensor, end_dead_runs, free_slots_of_runs_that_are_over
from platform_assets.feeds import run_tags
from platform_assets.launching.worker_process import WorkerProcess

PROGRAM = textwrap.dedent("""
    import sys, time
    import dagster as dg

    @dg.asset
    def slow():
        print("started", flush=True)
        time.sleep(3600)

    with dg.DagsterInstance.from_ref(dg.deserialize_value(sys.argv[1], dg._core.instance.ref.InstanceRef)) as instance:
        dg.materialize([slow], instance=instance)
""")

LAUNCHERS = {
    "SyncInMemoryRunLauncher": ("dagster._core.launcher.sync_in_memory_run_launcher", "SyncInMemoryRunLauncher"),
    "not installed here": ("no_such_package", "K8sRunLauncher"),
}


def tick(instance: dg.DagsterInstance) -> str:
    with dg.build_sensor_context(instance) as context:
        return dead_runs_sensor()(context).skip_message


def started_and_killed(instance: dg.DagsterInstance, program: Path) -> dg.DagsterRun:
    """A run that is started on the instance, and whose process was killed."""
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), dg.serialize_value(instance.get_ref())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    (run,) = instance.get_runs()
    assert run.status is dg.DagsterRunStatus.STARTED
    return run


@pytest.mark.slow
def test_a_killed_run_of_another_machine_or_launcher_is_left_alone(tmp_path: Path) -> None:
    with dg.instance_for_test() as instance:
        run = started_and_killed(instance, tmp_path / "program.py")
        for why, (module, name) in LAUNCHERS.items():
            overrides = {"run_launcher": {"module": module, "class": name}}
            with dg.instance_for_test(temp_dir=instance.root_directory, overrides=overrides) as other:
                assert f"{why}: they are no processes of this machine" in tick(other)
        instance.add_run_tags(run.run_id, {GRPC_INFO_TAG: '{"host": "code.example.org", "port": 4000}'})
        assert tick(instance) == "every run that is under way has a process"
        assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.STARTED
        instance.add_run_tags(run.run_id, {GRPC_INFO_TAG: '{"host": "localhost", "socket": "/tmp/socket"}'})
        assert tick(instance) == f"ended {run.run_id}"
        assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.FAILURE


def test_a_killed_run_is_ended_and_one_under_way_is_not(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    with dg.instance_for_test() as instance:
        command = [sys.executable, str(program), dg.serialize_value(instance.get_ref())]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "started\n"
            (run,) = instance.get_runs()
            assert end_dead_runs(instance) == [], "it is under way"
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.STARTED
        assert end_dead_runs(instance) == [run.run_id]
        assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.FAILURE
        assert end_dead_runs(instance) == []


def test_a_slot_of_a_run_that_is_over_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    with dg.instance_for_test(overrides={"concurrency": {"pools": {"default_limit": 1}}}) as instance:
        over, under_way = (
            create_run_for_test(instance, status=status).run_id
            for status in (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTED)
        )
        storage = instance.event_log_storage
        for pool, run_id in (("one", over), ("two", under_way)):
            storage.initialize_concurrency_limit_to_default(pool)
            assert storage.claim_concurrency_slot(pool, run_id, "step").is_claimed
        instance.report_run_failed(instance.get_run_by_id(over), "killed")
        assert free_slots_of_runs_that_are_over(instance) == [], "its steps may be about to give it back"
        monkeypatch.setattr(dead_runs, "OVER_SECONDS", -1.0)
        assert free_slots_of_runs_that_are_over(instance) == [over]
        assert storage.claim_concurrency_slot("one", "another", "step").is_claimed
        assert not storage.claim_concurrency_slot("two", "another", "step").is_claimed


def test_a_run_whose_process_died_before_it_began_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    here = WorkerProcess.of(os.getpid())
    tags = {"alive": here, "dead": replace(here, began="earlier"), "elsewhere": replace(here, machine="x", began="y")}
    with dg.instance_for_test() as instance:
        runs = {
            name: create_run_for_test(
                instance, status=dg.DagsterRunStatus.STARTING, tags={run_tags.WORKER: worker.to_tag()}
            ).run_id
            for name, worker in tags.items()
        }
        create_run_for_test(instance, status=dg.DagsterRunStatus.STARTING)
        assert end_dead_runs(instance) == [], "its launcher may be about to start it in another process"
        monkeypatch.setattr(dead_runs, "STARTING_SECONDS", -1.0)
        assert end_dead_runs(instance) == [runs["dead"]]
        assert end_dead_runs(instance) == []
