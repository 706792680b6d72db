"""DuckDB under the conformance suite, and what only a file that others may hold can do to it."""

from __future__ import annotations

import multiprocessing
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from platform_assets.sql.literals import literal
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from platform_assets.warehouse.errors import (
    WarehouseBusy,
    WarehouseError,
    WarehouseExhausted,
)
from platform_assets.warehouse.protocol import ColumnDef, TableName
from tests.support.forks import refused_in_a_child
from tests.support.waiting import watched_waits
from tests.warehouse.conformance import WarehouseConformance
from tests.warehouse.conformance_turns import TurnsConformance

T = TableName("raw", "t")


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(tmp_path / "folder" / "w.duckdb", wait_seconds=120, threads=1)


class TestDuckDB(WarehouseConformance, TurnsConformance):
    pass


def child(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A process that knows nothing of the platform's lock; it is ready once it has printed a line."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


HOLDER = """
    import duckdb, sys
    connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
    print("ready", flush=True)
    sys.stdin.readline()
"""
"""Holds the file until it is given a line, or killed."""


@pytest.fixture
def filled(warehouse: DuckDBWarehouse) -> DuckDBWarehouse:
    with warehouse.session() as session:
        session.ensure_table(T, [ColumnDef("id", "BIGINT")])
        session.execute("INSERT INTO raw.t VALUES (1)")
    return warehouse


@pytest.mark.parametrize("mode", ["read", "write"])
def test_a_foreign_process_is_waited_for_and_named(filled: DuckDBWarehouse, mode: str) -> None:
    process = child(HOLDER, filled.path, mode)
    with watched_waits() as waits:

        def free() -> None:
            waits.one()
            process.communicate("enough\n")

        freeing = threading.Thread(target=free)
        freeing.start()
        with filled.session() as session:
            assert session.execute("SELECT * FROM raw.t") == [(1,)]
        freeing.join()
    assert f"process {process.pid}" in waits.one()


def test_the_wait_for_a_foreign_process_has_an_end(filled: DuckDBWarehouse) -> None:
    process = child(HOLDER, filled.path, "write")
    try:
        impatient = DuckDBWarehouse(filled.path, wait_seconds=0.5)
        for attempt in (impatient.session, impatient.reserve):
            with pytest.raises(WarehouseBusy, match=rf"process {process.pid} .*Nothing was changed"), attempt():
                pass
    finally:
        process.kill()
        process.wait()
    # killed with -9: the file is free at once
    with impatient.session() as session:
        assert session.execute("SELECT * FROM raw.t") == [(1,)]


def test_a_connection_left_open_in_this_process_is_named(filled: DuckDBWarehouse) -> None:
    left_open = duckdb.connect(str(filled.path))
    with pytest.raises(WarehouseBusy, match="this very process"), DuckDBWarehouse(filled.path, 0.3).session():
        pass
    left_open.close()
    with filled.session():
        pass


def test_a_platform_process_killed_while_it_writes_frees_everything(filled: DuckDBWarehouse) -> None:
    process = child(
        """
        import sys, time
        from pathlib import Path
        from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
        with DuckDBWarehouse(Path(sys.argv[1])).session(purpose="the one to be killed") as session:
            session.execute("BEGIN")
            session.execute("INSERT INTO raw.t SELECT * FROM range(100000)")
            print("ready", flush=True)
            sys.stdin.readline()
        """,
        filled.path,
    )
    with (
        pytest.raises(WarehouseBusy, match=rf"pid {process.pid} \(the one to be killed\)"),
        DuckDBWarehouse(filled.path, wait_seconds=0.3).session(),
    ):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    with filled.session() as session:
        assert session.execute("SELECT * FROM raw.t") == [(1,)]


@pytest.mark.slow
def test_a_process_killed_while_the_file_is_made_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    """DuckDB itself, killed between the headers of a new file, leaves one that cannot be opened again."""
    path = tmp_path / "w.duckdb"
    for left in (".w.duckdb.123.new", ".w.duckdb.123.new.wal"):
        (tmp_path / left).write_text("half")
    for moment in range(12):
        process = child(
            """
            import sys
            from pathlib import Path
            from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
            print("ready", flush=True)
            with DuckDBWarehouse(Path(sys.argv[1])).session() as session:
                session.execute("CREATE TABLE IF NOT EXISTS x (i INTEGER)")
            """,
            path,
        )
        time.sleep(0.002 * moment)
        process.kill()
        process.wait()
        with DuckDBWarehouse(path).session() as session:
            session.execute("CREATE TABLE IF NOT EXISTS x (i INTEGER)")
        path.unlink()
    with DuckDBWarehouse(path).session():
        pass
    assert sorted(file.name for file in tmp_path.iterdir()) == ["w.duckdb", "w.duckdb.lock"]


def test_a_session_carried_over_a_fork_is_refused_and_harmless(filled: DuckDBWarehouse) -> None:
    with filled.session() as session:
        session.execute("INSERT INTO raw.t VALUES (2)")
        assert refused_in_a_child(session, "INSERT INTO raw.t VALUES (3)")
        session.execute("INSERT INTO raw.t VALUES (4)")
    with filled.session(read_only=True) as session:
        assert session.execute("SELECT id FROM raw.t ORDER BY id") == [(1,), (2,), (4,)]


def _insert(path: Path, start: int) -> None:
    for i in range(start, start + 20):
        with DuckDBWarehouse(path).session() as session, session.transaction():
            session.execute("INSERT INTO raw.t VALUES (?)", [i])


@pytest.mark.slow
def test_processes_wait_for_each_other(filled: DuckDBWarehouse) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_insert, args=(filled.path, start)) for start in (100, 200, 300)]
    for writer in writers:
        writer.start()
    seen = 0
    while any(writer.is_alive() for writer in writers):
        with filled.session(read_only=True) as session:
            found = session.execute("SELECT count(*) FROM raw.t")[0][0]
        assert found >= seen
        seen = found
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    with filled.session(read_only=True) as session:
        assert session.execute("SELECT count(*), count(DISTINCT id) FROM raw.t") == [(61, 61)]


@pytest.fixture
def _small_files() -> Iterator[None]:
    """No file of this process may grow past 20 MB, which looks to a program like a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20 * 2**20, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, previous)


@pytest.mark.usefixtures("_small_files")
def test_a_full_disk_is_told_and_changes_nothing(filled: DuckDBWarehouse) -> None:
    with pytest.raises(WarehouseExhausted, match="space"), filled.session() as session, session.transaction():
        session.execute("INSERT INTO raw.t SELECT (hash(i) // 2)::BIGINT FROM range(10000000) AS r(i)")
    with filled.session() as session:
        assert session.execute("SELECT * FROM raw.t") == [(1,)]
        session.execute("INSERT INTO raw.t VALUES (2)")


def test_too_little_memory_is_told(filled: DuckDBWarehouse) -> None:
    small = DuckDBWarehouse(filled.path, memory_limit="20MB", threads=1)
    with small.session() as session:
        session.execute("SET max_temp_directory_size = '0KB'")
        with pytest.raises(WarehouseExhausted, match="memory_limit"):
            session.execute("SELECT list(md5(CAST(i AS VARCHAR))) FROM range(3000000) AS r(i)")
    with filled.session() as session:
        assert session.execute("SELECT * FROM raw.t") == [(1,)]


def test_binding_values_does_not_import_pandas(tmp_path: Path) -> None:
    """DuckDB's own binding does, where pandas is installed: 1.2 s of CPU in every process."""
    code = """
    import sys
    from pathlib import Path
    from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
    from platform_assets.warehouse.protocol import ColumnDef
    with DuckDBWarehouse(Path(sys.argv[1])).session() as session:
        session.execute("SELECT ?, ?", ["a", 1])
        session.stage_rows([ColumnDef("a", "VARCHAR")], [("x",)])
    print("ready", flush=True)
    sys.exit("pandas" in sys.modules)
    """
    assert child(code, tmp_path / "w.duckdb").wait() == 0


@pytest.mark.parametrize("value", [object(), b"bytes", [1], "nul\0"])
def test_values_that_cannot_be_bound_are_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        literal(value)


def test_no_session_ever_leaves_the_file_locked(warehouse: DuckDBWarehouse) -> None:
    for _ in range(3):
        with pytest.raises(KeyError), warehouse.session():
            raise KeyError
        with pytest.raises(KeyError), warehouse.reserve():
            raise KeyError
        with pytest.raises(WarehouseError), warehouse.session() as session:
            session.execute("BROKEN")
    duckdb.connect(str(warehouse.path)).close()


def test_the_storage_format_is_the_warehouse_s_own_for_new_files_and_is_left_alone_in_old_ones(tmp_path: Path) -> None:
    duckdb.connect(str(tmp_path / "old.duckdb"), config={"storage_compatibility_version": "v1.2.0"}).close()
    formats = {}
    for name in ("old", "new"):
        for _ in range(2):
            with DuckDBWarehouse(tmp_path / f"{name}.duckdb").session() as session:
                session.ensure_table(T, [ColumnDef("a", "VARCHAR")])
                formats[name] = session.execute("SELECT tags FROM duckdb_databases() WHERE NOT internal")[0][0]
    assert formats == {"old": {"storage_version": "v1.2.0+"}, "new": {"storage_version": "v1.4.0+"}}
