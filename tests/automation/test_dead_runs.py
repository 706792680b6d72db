"""A run whose process was killed is ended; one that is under way is left alone."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import dagster as dg

from platform_assets.automation.dead_runs import end_dead_runs

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
