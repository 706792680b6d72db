"""The quick storage of runs and schedules: the stock one's files, shared with it, whatever processes and threads do."""

from __future__ import annotations

import inspect
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, InstigatorType, SensorInstigatorData
from dagster._core.test_utils import create_run_for_test

from platform_assets.instance.storage import RELIED_ON, QuickSqliteRunStorage, QuickSqliteStorage
from tests.instance.support import instance


def names(on: dg.DagsterInstance) -> set[str]:
    return {run.job_name for run in on.get_runs()}


def test_either_storage_goes_on_where_the_other_has_stopped(tmp_path: Path) -> None:
    for i, kind in enumerate(("quick", "stock", "quick", "stock")):
        with instance(tmp_path, kind) as on:
            run = create_run_for_test(on, f"job{i}", tags={"number": str(i)})
            on.report_run_failed(run, "by hand")
            assert names(on) == {f"job{j}" for j in range(i + 1)}
            assert {r.status for r in on.get_runs()} == {dg.DagsterRunStatus.FAILURE}
            assert len(on.get_runs(dg.RunsFilter(tags={"number": "0"}))) == 1


def test_both_storages_at_once_see_what_the_other_writes(tmp_path: Path) -> None:
    with instance(tmp_path, "quick") as quick, instance(tmp_path, "stock") as stock:
        for i in range(3):
            create_run_for_test(quick, f"quick{i}")
            assert f"quick{i}" in names(stock)
            create_run_for_test(stock, f"stock{i}")
            assert f"stock{i}" in names(quick)


def test_the_states_of_sensors_are_kept(tmp_path: Path) -> None:
    @dg.asset
    def table() -> None: ...

    @dg.sensor(target=dg.AssetSelection.assets(table), name="looking")
    def looking(): ...

    origin = _origin()
    for kind, cursor in (("quick", "1"), ("stock", "2"), ("quick", "3")):
        with instance(tmp_path, kind) as on:
            before = on.get_instigator_state(origin.get_id(), origin.get_selector().get_id())
            data = SensorInstigatorData(cursor=cursor)
            state = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING, data)
            (on.update_instigator_state if before else on.add_instigator_state)(state)
            seen = on.get_instigator_state(origin.get_id(), origin.get_selector().get_id())
            assert seen is not None
            assert isinstance(seen.instigator_data, SensorInstigatorData)
            assert seen.instigator_data.cursor == cursor


def _origin():  # type: ignore[no-untyped-def]
    from dagster._core.remote_origin import (
        GrpcServerCodeLocationOrigin,
        RemoteInstigatorOrigin,
        RemoteRepositoryOrigin,
    )

    location = GrpcServerCodeLocationOrigin(host="localhost", port=1, location_name="somewhere")
    return RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), "looking")


def test_threads_write_side_by_side(tmp_path: Path) -> None:
    with instance(tmp_path, "quick") as on:
        faults: list[BaseException] = []

        def work(thread: int) -> None:
            try:
                for i in range(5):
                    create_run_for_test(on, f"job{thread}_{i}")
            except BaseException as error:
                faults.append(error)
                raise

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not faults
        assert len(names(on)) == 40


def test_a_forked_child_has_connections_of_its_own(tmp_path: Path) -> None:
    with instance(tmp_path, "quick") as on:
        create_run_for_test(on, "before")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                create_run_for_test(on, "in_child")
                code = 0 if names(on) == {"before", "in_child"} else 2
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        create_run_for_test(on, "after")
        assert names(on) == {"before", "in_child", "after"}
    with sqlite3.connect(tmp_path / "shared/history/runs.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.slow
def test_what_was_committed_outlives_a_kill(tmp_path: Path) -> None:
    code = """
    import os, signal, sys
    from pathlib import Path
    from dagster._core.test_utils import create_run_for_test
    from tests.instance.support import instance
    with instance(Path(sys.argv[1]), "quick") as on:
        for i in range(5):
            create_run_for_test(on, f"job{i}")
        os.kill(os.getpid(), signal.SIGKILL)
    """
    root = Path(__file__).resolve().parents[2]
    ended = subprocess.run([sys.executable, "-c", inspect.cleandoc(code), str(tmp_path)], cwd=root, check=False)
    assert ended.returncode == -signal.SIGKILL
    for kind in ("quick", "stock"):
        with instance(tmp_path, kind) as on:
            assert names(on) == {f"job{i}" for i in range(5)}


def test_a_file_that_was_put_in_place_of_the_first_is_the_one_that_counts(tmp_path: Path) -> None:
    history = tmp_path / "shared/history"
    with instance(tmp_path, "quick") as on:
        create_run_for_test(on, "first")
        with sqlite3.connect(history / "runs.db") as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(history / "runs.db", history / "copy")
        create_run_for_test(on, "second")
        for name in ("runs.db-wal", "runs.db-shm"):
            (history / name).unlink()
        (history / "copy").rename(history / "runs.db")
        assert names(on) == {"first"}
        create_run_for_test(on, "third")
        assert names(on) == {"first", "third"}


def test_few_files_stay_open(tmp_path: Path) -> None:
    import psutil

    with instance(tmp_path, "quick") as on:
        for i in range(30):
            create_run_for_test(on, f"job{i}")
        assert sum("/shared/" in file.path for file in psutil.Process().open_files()) < 20
    assert not [file.path for file in psutil.Process().open_files() if str(tmp_path) in file.path]


def test_a_database_of_another_version_of_the_schema_is_left_to_dagster(tmp_path: Path) -> None:
    """One without a version, or without tables, is what the stock storage makes of it."""
    folder = tmp_path / "shared" / "history"
    folder.mkdir(parents=True)
    sqlite3.connect(folder / "runs.db").execute("CREATE TABLE strange (i INTEGER)").connection.close()
    with instance(tmp_path, "quick") as on:
        create_run_for_test(on, "job")
        assert names(on) == {"job"}


def test_dagster_home_is_the_default_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with pytest.raises(ValueError, match="base_dir is missing, and DAGSTER_HOME is not set"):
        QuickSqliteStorage.from_config_value(None, {})
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    storage = QuickSqliteStorage.from_config_value(None, {})
    assert isinstance(storage.run_storage, QuickSqliteRunStorage)
    assert (tmp_path / "history" / "runs" / "index.db").exists()
    assert (tmp_path / "schedules" / "schedules.db").exists()
    storage.dispose()


@pytest.mark.parametrize("cls", RELIED_ON, ids=lambda cls: cls.__name__)
def test_dagster_still_has_what_is_relied_on(cls: type) -> None:
    made = cls.__init__.__code__.co_names if hasattr(cls, "__init__") else ()
    for name in RELIED_ON[cls]:
        assert hasattr(cls, name) or name in made, name
