"""Errors, full disks and kills: what the quick event log leaves, read by itself and by the stock storage."""

from __future__ import annotations

import itertools
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import textwrap
import traceback
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from platform_assets.failpoints import armed, kill
from platform_assets.instance import event_log
from tests.instance.support import EVENTS, instance, materialize


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


@pytest.mark.slow
def test_what_was_stored_survives_kill_9(tmp_path: Path) -> None:
    code = """
    import sys
    from pathlib import Path
    import dagster as dg
    from tests.instance.support import instance
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


BETWEEN = "event_log.run_committed"


def kinds(on: dg.DagsterInstance, run_id: str) -> list[str]:
    return [event.dagster_event_type.name for event in on.all_logs(run_id) if event.dagster_event_type is not None]


def indexed(home: Path, run_id: str) -> list[str]:
    """The kinds of events of a run that are in the index."""
    with sqlite3.connect(home / EVENTS / "index.db") as connection:
        found = connection.execute("SELECT dagster_event_type FROM event_logs WHERE run_id = ? ORDER BY id", [run_id])
        return [dg.DagsterEventType(row[0]).name for row in found]


def at_time(number: int, action: Callable[[], None]) -> Callable[[], None]:
    """Something that does ``action`` when it is called for the ``number``-th time."""
    calls = itertools.count(1)
    return lambda: action() if next(calls) == number else None


def in_child(work: Callable[[], None]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (1, "ASSET_CHECK_EVALUATION_PLANNED"),
        pytest.param(2, "RUN_START", marks=pytest.mark.slow),
        (3, "ASSET_MATERIALIZATION"),
        pytest.param(4, "ASSET_CHECK_EVALUATION", marks=pytest.mark.slow),
        (26, "RUN_SUCCESS"),
    ],
)
def test_a_kill_between_the_two_commits_leaves_what_it_leaves_in_the_stock_storage(
    tmp_path: Path, number: int, kind: str
) -> None:
    """The run knows the event and the index does not, never the other way round; both storages go on from there."""

    def work() -> None:
        with instance(tmp_path, "quick") as on, armed(BETWEEN, at_time(number, kill)):
            materialize(on)

    assert in_child(work) == -signal.SIGKILL
    for storage in ("stock", "quick"):
        with instance(tmp_path, storage) as on:
            killed = on.get_run_records()[-1].dagster_run.run_id
            assert kinds(on, killed)[-1] == kind
            assert indexed(tmp_path, killed) == mirrored(kinds(on, killed))[: -13 if number == 1 else -1]
            again = materialize(on)
            assert indexed(tmp_path, again) == mirrored(kinds(on, again))
            assert len(on.get_materialized_partitions(dg.AssetKey("raw"))) == 11


def mirrored(found: list[str]) -> list[str]:
    """Those of a run's events that belong into the index."""
    return [kind for kind in found if kind.startswith("ASSET_") or kind in ("RUN_START", "RUN_SUCCESS")]


def test_an_index_that_cannot_be_committed_leaves_no_event_twice(tmp_path: Path) -> None:
    """Dagster stores a failed batch again, one by one; the run's events of the first attempt are gone by then."""

    def full() -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with instance(tmp_path, "quick") as on:
        with armed(BETWEEN, at_time(1, full)):
            run = materialize(on)
        assert len(on.all_logs(run, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED)) == 12
        assert indexed(tmp_path, run) == mirrored(kinds(on, run))


@pytest.mark.slow
@pytest.mark.parametrize("more", [0, 4_000, 16_000, 40_000])
def test_a_full_disk_leaves_a_log_that_goes_on(tmp_path: Path, more: int) -> None:
    """No file may grow ``more`` bytes beyond the largest, so that one of the two commits fails sooner or later."""
    with instance(tmp_path, "quick") as on:
        materialize(on)

    def work() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with instance(tmp_path, "quick") as on:
            on.report_runless_asset_event(dg.AssetMaterialization("a", partition="first"))
            limit = (tmp_path / EVENTS / "index.db-wal").stat().st_size + more
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            for i in range(1000):
                on.report_runless_asset_event(dg.AssetMaterialization("a", partition=f"{i}"))
                written.write_text(f"{i}")

    written = tmp_path / "written"
    written.write_text("-1")
    assert in_child(work) == 1
    last = int(written.read_text())
    for storage in ("stock", "quick"):
        with instance(tmp_path, storage) as on:
            found = on.get_materialized_partitions(dg.AssetKey("a"))
            assert found == {"first", *(str(i) for i in range(last + 1))}
            for name in (tmp_path / EVENTS).glob("*.db"):
                with sqlite3.connect(name) as connection:
                    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            run = materialize(on)
            assert indexed(tmp_path, run) == mirrored(kinds(on, run))
