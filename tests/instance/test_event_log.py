"""The quick event log: the same answers as the stock storage, from the same files, in turns and at once."""

from __future__ import annotations

import inspect
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from platform_assets import event_log
from platform_assets.event_log import RELIED_ON, QuickSqliteEventLogStorage

DAYS = dg.StaticPartitionsDefinition([f"d{i:02}" for i in range(12)])
RANGE = {"dagster/asset_partition_range_start": "d00", "dagster/asset_partition_range_end": "d11"}
BAD = "d05"
REPORTS = 15


@dg.multi_asset(
    specs=[dg.AssetSpec("raw", partitions_def=DAYS)],
    check_specs=[dg.AssetCheckSpec("verdict", asset="raw", partitions_def=DAYS)],
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def raw(context):  # type: ignore[no-untyped-def]
    for key in context.partition_keys:
        if key != BAD:
            tags = {"dagster/data_version": f"version of {key}"}
            yield dg.AssetMaterialization("raw", partition=key, metadata={"rows": 3}, tags=tags)
        passed = key != BAD
        yield dg.AssetCheckEvaluation(asset_key=dg.AssetKey("raw"), check_name="verdict", passed=passed, partition=key)
    yield dg.Output(None, output_name="raw", metadata={"__source_asset_observation__": True})
    yield dg.Output(None, output_name="raw_verdict")


@contextmanager
def instance(home: Path, kind: str) -> Iterator[dg.DagsterInstance]:
    module, name = {
        "quick": ("platform_assets.event_log", "QuickSqliteEventLogStorage"),
        "stock": ("dagster._core.storage.event_log", "SqliteEventLogStorage"),
    }[kind]
    config = {"module": module, "class": name, "config": {"base_dir": str(home / "events")}}
    with dg.instance_for_test(overrides={"event_log_storage": config}, temp_dir=str(home)) as made:
        assert type(made.event_log_storage).__name__ == name
        yield made


def materialize(on: dg.DagsterInstance) -> str:
    result = dg.materialize([raw], instance=on, tags=RANGE)
    assert result.success
    return result.run_id


def answers(on: dg.DagsterInstance, run_id: str) -> dict[str, object]:
    """What the UI asks for, without what differs from run to run by nature."""
    log, key = on.event_log_storage, dg.AssetKey("raw")
    check = dg.AssetCheckKey(key, "verdict")
    record = on.get_asset_records([key])[0].asset_entry
    last = record.last_materialization
    history = log.get_asset_check_execution_history(check, limit=50)
    return {
        "events": [(e.dagster_event_type, e.step_key) for e in on.all_logs(run_id)],
        "planned": len(on.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED)),
        "materialized": on.get_materialized_partitions(key),
        "latest": sorted(log.get_latest_storage_id_by_partition(key, dg.DagsterEventType.ASSET_MATERIALIZATION)),
        "tags": log.get_latest_tags_by_partition(
            key, dg.DagsterEventType.ASSET_MATERIALIZATION, ["dagster/data_version"]
        ),
        "last": (record.last_run_id == run_id, last and last.get_dagster_event().partition),
        "checks": sorted((str(h.partition), h.status.value) for h in history if h.run_id == run_id),
        "failed": sorted(log.get_latest_asset_partition_materialization_attempts_without_materializations(key)),
        "stats": on.get_run_stats(run_id).materializations,
        "status": on.get_run_by_id(run_id).status.value,  # type: ignore[union-attr]
        "changes": len(on.fetch_run_status_changes(dg.DagsterEventType.RUN_SUCCESS, 100).records),
    }


def test_the_same_answers_as_the_stock_storage(tmp_path: Path) -> None:
    found = {}
    for kind in ("stock", "quick"):
        (tmp_path / kind).mkdir()
        with instance(tmp_path / kind, kind) as on:
            found[kind] = answers(on, materialize(on))
    assert found["quick"] == found["stock"]
    assert found["quick"]["planned"] == 12
    assert len(found["quick"]["materialized"]) == 11  # type: ignore[arg-type]
    assert (BAD, "FAILED") in found["quick"]["checks"]  # type: ignore[operator]


def test_either_takes_over_from_the_other(tmp_path: Path) -> None:
    runs: list[str] = []
    for kind in ("quick", "stock", "quick", "stock"):
        with instance(tmp_path, kind) as on:
            runs.append(materialize(on))
            seen = [answers(on, run) for run in runs]
        for earlier in seen[:-1]:
            assert earlier["events"] == seen[-1]["events"]
            assert earlier["checks"] == seen[-1]["checks"]
    assert seen[-1]["changes"] == 4


def test_both_are_at_work_at_once(tmp_path: Path) -> None:
    with instance(tmp_path, "quick") as quick, instance(tmp_path, "stock") as stock:
        for writer, reader in ((quick, stock), (stock, quick)):
            run = materialize(writer)
            assert answers(reader, run) == answers(writer, run)


def test_planned_events_are_one_transaction(tmp_path: Path) -> None:
    with instance(tmp_path, "quick") as on:
        batches: list[int] = []
        stored = on.event_log_storage.store_event_batch

        def counted(events: list[dg.EventLogEntry]) -> None:
            batches.append(len(events))
            stored(events)

        on.event_log_storage.store_event_batch = counted  # type: ignore[method-assign, assignment]
        materialize(on)
        # twelve materializations and the check; everything after them is stored as it happens
        assert batches[0] == 13
        assert set(batches[1:]) == {1}


def test_an_error_in_the_index_leaves_nothing_in_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster stores a failed batch again one by one: what was kept of it would be there twice."""
    with instance(tmp_path, "quick") as on:
        run = materialize(on)
        event = on.all_logs(run, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)[0]
        before = len(on.all_logs(run))

        def broken(*_: object) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        with monkeypatch.context() as patch:
            patch.setattr(event_log, "_upsert_asset", broken)
            with pytest.raises(sqlite3.OperationalError):
                on.event_log_storage.store_event(event)
        assert len(on.all_logs(run)) == before
        on.event_log_storage.store_event(event)
        assert len(on.all_logs(run)) == before + 1


def test_connections_are_kept_but_not_without_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # a new run's file takes dagster a third of a second to set up
    monkeypatch.setattr(event_log, "MAX_KEPT", 4)
    with instance(tmp_path, "quick") as on:
        log = on.event_log_storage
        assert isinstance(log, QuickSqliteEventLogStorage)
        for i in range(10):
            on.report_engine_event("hello", job_name="job", run_id=f"run{i}")
        for i in range(10):
            assert len(on.all_logs(f"run{i}")) == 1
        assert len(log._kept) <= 4
        assert sum(str(tmp_path) in file.path for file in psutil.Process().open_files()) <= 3 * 5
        run = materialize(on)
        assert run not in log._kept or log._kept[run].in_use is False


def test_files_that_were_deleted_are_made_anew(tmp_path: Path) -> None:
    with instance(tmp_path, "quick") as on, instance(tmp_path, "stock") as other:
        run = materialize(on)
        assert on.all_logs(run)
        other.event_log_storage.wipe()
        assert on.all_logs(run) == []
        assert on.get_materialized_partitions(dg.AssetKey("raw")) == set()
        again = materialize(on)
        assert answers(other, again) == answers(on, again)
        on.event_log_storage.wipe()
        assert answers(on, materialize(on))["planned"] == 12


def test_a_deleted_run_is_forgotten(tmp_path: Path) -> None:
    with instance(tmp_path, "quick") as on:
        run, kept = materialize(on), materialize(on)
        on.delete_run(run)
        assert on.all_logs(run) == []
        assert answers(on, kept)["planned"] == 12


def in_child(work: Callable[[], None]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_fork_shares_no_connection(tmp_path: Path) -> None:
    with instance(tmp_path, "quick") as on:
        on.report_engine_event("parent", job_name="job", run_id="run")
        log = on.event_log_storage
        assert isinstance(log, QuickSqliteEventLogStorage)
        inherited = {id(kept.connection) for kept in log._kept.values()}

        def work() -> None:
            on.report_engine_event("child", job_name="job", run_id="run")
            assert not inherited & {id(kept.connection) for kept in log._kept.values()}

        with log._lock:  # as if another thread were in the middle of a statement
            assert in_child(work) == 0
        on.report_engine_event("parent again", job_name="job", run_id="run")
        assert [e.message for e in on.all_logs("run")] == ["parent", "child", "parent again"]
    with sqlite3.connect(tmp_path / "events" / "run.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


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
            from platform_assets.event_log import QuickSqliteEventLogStorage
            import dagster as dg
            from pathlib import Path
            sys.path.insert(0, ".")
            from tests.instance.test_event_log import instance
            with instance(Path(sys.argv[1]), "quick") as writing:
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
            deadline = time.monotonic() + 10
            while "event 4" not in seen and time.monotonic() < deadline:
                time.sleep(0.05)
            assert process.poll() is None
            process.communicate("\n")
            assert [message for message in seen if message.startswith("event")] == [f"event {i}" for i in range(5)]


def _report(home: str, name: str, kind: str) -> None:
    with instance(Path(home), kind) as on:
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


def test_what_was_stored_survives_kill_9(tmp_path: Path) -> None:
    code = """
    import sys
    from pathlib import Path
    import dagster as dg
    from tests.instance.test_event_log import instance
    with instance(Path(sys.argv[1]), "quick") as writing:
        i = 0
        while True:
            writing.report_runless_asset_event(dg.AssetMaterialization("a", partition=f"{i}"))
            print(i, flush=True)
            i += 1
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    last = [int(process.stdout.readline()) for _ in range(60)][-1]
    process.send_signal(signal.SIGKILL)
    last = max([last, *(int(line) for line in process.stdout.read().split("\n")[:-1] if line)])
    process.wait()
    for kind in ("quick", "stock"):
        with instance(tmp_path, kind) as on:
            found = on.get_materialized_partitions(dg.AssetKey("a"))
            assert {str(i) for i in range(last + 1)} <= found
            assert len(found) <= last + 2


def test_what_the_module_relies_on_is_still_there() -> None:
    for owner, names in RELIED_ON.items():
        missing = [name for name in names if not hasattr(owner, name)]
        assert missing == [], f"{owner.__name__} has changed: {missing}"
    assert "_is_batch_writing_enabled" in inspect.getsource(dg.DagsterInstance.handle_new_event)
    # what the overriding methods are written against
    source = inspect.getsource(SqliteEventLogStorage)
    assert "def _connect(self, shard: str)" in source
    for overridden in ("store_event", "has_table", "wipe", "upgrade", "dispose", "index_connection", "run_connection"):
        ours = list(inspect.signature(getattr(QuickSqliteEventLogStorage, overridden)).parameters)
        stock = list(inspect.signature(getattr(SqliteEventLogStorage, overridden)).parameters)
        assert ours == stock, overridden


def test_an_explicit_batch_size_is_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "0")
    with instance(tmp_path, "quick") as on:
        assert on._get_event_batch_size() == 0
