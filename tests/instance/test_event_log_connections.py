"""The connections that the quick event log keeps: bounded, dropped with their file, never shared over a fork."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import psutil
import pytest

from platform_assets.instance import connections as event_log_connections
from platform_assets.instance.event_log import QuickSqliteEventLogStorage
from tests.instance.support import EVENTS, answers, instance, materialize


def test_connections_are_kept_but_not_without_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # a new run's file takes dagster a third of a second to set up
    monkeypatch.setattr(event_log_connections, "MAX_KEPT", 4)
    with instance(tmp_path, "quick") as on:
        log = on.event_log_storage
        assert isinstance(log, QuickSqliteEventLogStorage)
        for i in range(10):
            on.report_engine_event("hello", job_name="job", run_id=f"run{i}")
        for i in range(10):
            assert len(on.all_logs(f"run{i}")) == 1
        assert len(log._kept) <= 4
        assert sum("history/runs/" in file.path for file in psutil.Process().open_files()) <= 3 * 5
        run = materialize(on)
        assert run not in log._kept or log._kept[run].in_use is False


@pytest.mark.slow
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
    with sqlite3.connect(tmp_path / EVENTS / "run.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
