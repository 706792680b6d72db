"""The quick event log and other processes: watchers see what is written, and nothing gets lost between writers."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import dagster as dg
import pytest

from tests.instance.support import instance

REPORTS = 15


@pytest.mark.slow
def test_a_watcher_notices_events_of_another_process(tmp_path: Path) -> None:
    """In WAL mode a commit does not touch the file that dagster's watcher watches."""
    for kind in ("stock", "quick"):
        with instance(tmp_path, kind) as watching:
            run_id = f"watched-by-{kind}"
            watching.report_engine_event("before", job_name="job", run_id=run_id)
            seen: list[str] = []
            watching.watch_event_logs(run_id, None, lambda event, _cursor, seen=seen: seen.append(event.message))
            code = """
            import sys, time
            from platform_assets.instance.event_log import QuickSqliteEventLogStorage
            import dagster as dg
            from pathlib import Path
            sys.path.insert(0, ".")
            from tests.instance.support import instance
            with instance(Path(sys.argv[1]), "quick", process="writing") as writing:
                for i in range(5):
                    writing.report_engine_event(f"event {i}", job_name="job", run_id=sys.argv[2])
                    time.sleep(0.05)
                print("written", flush=True)
                sys.stdin.readline()  # keeps its connections open
            """
            process = subprocess.Popen(
                [sys.executable, "-c", textwrap.dedent(code), str(tmp_path), run_id],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert process.stdout is not None
            assert process.stdout.readline() == "written\n"
            deadline = time.monotonic() + 120
            while "event 4" not in seen and time.monotonic() < deadline:
                time.sleep(0.05)
            assert process.poll() is None
            process.communicate("\n")
            assert [message for message in seen if message.startswith("event")] == [f"event {i}" for i in range(5)]


def _report(home: str, name: str, kind: str) -> None:
    with instance(Path(home), kind, process=name) as on:
        for i in range(REPORTS):
            on.report_engine_event(f"{name} {i}", job_name="job", run_id=f"run{i % 3}")
            on.report_runless_asset_event(dg.AssetMaterialization("shared", partition=f"{name}-{i}"))


@pytest.mark.slow
def test_processes_and_threads_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with instance(tmp_path, "quick") as on:
        processes = [
            context.Process(target=_report, args=(str(tmp_path), f"p{i}", kind))
            for i, kind in enumerate(("quick", "quick", "stock"))
        ]
        for process in processes:
            process.start()

        def threaded(name: str) -> None:
            for i in range(REPORTS):
                on.report_engine_event(f"{name} {i}", job_name="job", run_id=f"run{i % 3}")

        threads = [threading.Thread(target=threaded, args=(f"t{i}",)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for process in processes:
            process.join()
            assert process.exitcode == 0
        told = [event.message for i in range(3) for event in on.all_logs(f"run{i}")]
        assert len(told) == len(set(told)) == 7 * REPORTS
        assert len(on.get_materialized_partitions(dg.AssetKey("shared"))) == 3 * REPORTS
