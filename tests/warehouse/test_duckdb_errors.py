"""Whose fault an error of DuckDB is: only what a statement or its data can cause is blamed on them."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from platform_assets.warehouse.duckdb.errors import translated, unreadable
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from platform_assets.warehouse.errors import (
    StatementFailed,
    StorageFault,
    WarehouseBusy,
    WarehouseError,
    WarehouseExhausted,
    WarehouseUnreadable,
)

DATABASE = Path("/data/w.duckdb")


@contextmanager
def few_files(more: int = 0) -> Iterator[None]:
    """Within the block this process may open ``more`` files and no others."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open("/", os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    made = DuckDBWarehouse(tmp_path / "w.duckdb", wait_seconds=120, threads=1)
    with made.session():
        pass
    return made


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    path = tmp_path / "lake" / "f.parquet"
    path.parent.mkdir()
    duckdb.connect().execute(
        f"COPY (SELECT i, md5(CAST(i AS VARCHAR)) AS s FROM range(30000) AS r(i)) TO '{path}' (ROW_GROUP_SIZE 10000)"
    )
    return path


def reading(path: Path) -> str:
    return f"SELECT count(*), sum(i), max(s) FROM read_parquet('{path}')"


SYSTEM = [errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.EIO, errno.EROFS, errno.ESTALE, errno.ENOMEM]


@pytest.mark.parametrize("code", SYSTEM)
@pytest.mark.parametrize("said", ['Cannot open file "/lake/f.parquet": {}', 'Could not read from file "/lake/f": {}'])
def test_what_the_system_refuses_is_no_fault_of_the_statement(code: int, said: str) -> None:
    text = f"IO Error: {said.format(os.strerror(code))}\n\nLINE 1: SELECT"
    for kind in (duckdb.IOException, duckdb.Error):
        assert type(translated(kind(text), DATABASE)) is StorageFault


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_told_whatever_the_error_is_called(code: int) -> None:
    text = f'Could not write file "/data/w.duckdb.wal": {os.strerror(code)}'
    for kind in (duckdb.IOException, duckdb.FatalException, duckdb.TransactionException, duckdb.Error):
        assert type(translated(kind(text), DATABASE)) is WarehouseExhausted
    assert type(unreadable(DATABASE, OSError(code, os.strerror(code)))) is WarehouseExhausted


@pytest.mark.parametrize(
    "kind",
    [
        *(duckdb.FatalException, duckdb.InternalException, duckdb.InterruptException, duckdb.TransactionException),
        *(duckdb.SerializationException, duckdb.ConnectionException, duckdb.OutOfMemoryException, duckdb.HTTPException),
    ],
)
def test_classes_that_say_nothing_about_the_data(kind: type[duckdb.Error]) -> None:
    assert not isinstance(translated(kind("something"), DATABASE), StatementFailed)


def test_values_that_read_like_an_error_of_the_system_are_values() -> None:
    for words in ("Permission denied", "No space left on device", "Input/output error"):
        error = duckdb.ConversionException(f"Could not convert string '{words}' to INT64")
        assert type(translated(error, DATABASE)) is StatementFailed


def test_the_database_s_own_file_is_never_the_fault_of_a_statement() -> None:
    short = 'Could not read enough bytes from file "{}": attempted to read 10 bytes from location 20'
    for name in (DATABASE, f"{DATABASE}.wal", f"{DATABASE}.tmp/duckdb_temp_storage-0.tmp"):
        assert type(translated(duckdb.IOException(short.format(name)), DATABASE)) is StorageFault
    assert type(translated(duckdb.IOException(short.format("/lake/f.parquet")), DATABASE)) is StatementFailed


@pytest.mark.parametrize(
    "sql", ["BROKEN", "SELECT * FROM nowhere", "SELECT CAST('x' AS INTEGER)", "SELECT error('no')"]
)
def test_a_statement_s_own_fault(warehouse: DuckDBWarehouse, sql: str) -> None:
    with warehouse.session() as session:
        with pytest.raises(StatementFailed):
            session.execute(sql)
        assert session.execute("SELECT 1") == [(1,)]


def test_a_missing_file_is_the_statement_s_fault(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    odd = tmp_path / "no*pe[1].parquet"
    with warehouse.session() as session:
        for path in (tmp_path / "nope.parquet", tmp_path / "nowhere" / "nope.parquet"):
            with pytest.raises(StatementFailed, match="No files found"):
                session.execute(reading(path))
        for name in (odd, warehouse.path / "below a file"):
            pattern = str(name).replace("[", "[[]").replace("*", "[*]")
            with pytest.raises(StatementFailed, match="No files found"):
                session.execute(reading(Path(pattern)))


@pytest.mark.parametrize("keep", [0, 4, 40, 0.5, "middle", "footer"])
def test_a_damaged_file_is_the_data_s_fault(warehouse: DuckDBWarehouse, parquet: Path, keep: float | str) -> None:
    content = parquet.read_bytes()
    footer = int.from_bytes(content[-8:-4], "little") + 8
    if keep == "middle":
        content = content[:1000] + content[len(content) // 2 :]
    elif keep == "footer":
        content = content[:-footer] + bytes([255]) * (footer - 8) + content[-8:]
    else:
        content = content[: int(keep if keep == 0 or keep > 1 else len(content) * float(keep))]
    parquet.write_bytes(content)
    with warehouse.session() as session:
        with pytest.raises(StatementFailed):
            session.execute(reading(parquet))
        assert session.execute("SELECT 1") == [(1,)]


def test_too_many_open_files(warehouse: DuckDBWarehouse, parquet: Path) -> None:
    with warehouse.session() as session:
        with few_files(), pytest.raises(StorageFault, match=r"Too many open files\. .*run again"):
            session.execute(reading(parquet))
        assert session.execute(reading(parquet))[0][0] == 30000
    # the lock file cannot be opened, or the database, or its log
    for more in range(3):
        with few_files(more), pytest.raises(WarehouseError) as caught, warehouse.session():
            raise WarehouseError("it could be opened")
        assert not isinstance(caught.value, StatementFailed)
    with warehouse.session() as session:
        assert session.execute("SELECT 1") == [(1,)]


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_file_that_may_not_be_read(tmp_path: Path, parquet: Path, what: str) -> None:
    """To DuckDB a folder that it may not read looks like one without the file."""
    closed = parquet if what == "file" else parquet.parent
    opened = [
        folder
        for folder in (tmp_path, *tmp_path.parents)
        if folder.stat().st_uid == os.geteuid() and folder not in (Path("/"), Path("/tmp"))
    ]
    modes = {path: path.stat().st_mode for path in (closed, *opened)}
    try:
        for folder in opened:
            folder.chmod(modes[folder] | 0o711)
        closed.chmod(0)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                if os.geteuid() == 0:  # who may read everything
                    os.setuid(65534)
                duckdb.connect().execute(reading(parquet))
            except duckdb.IOException as error:
                code = 0 if type(translated(error, DATABASE)) is StorageFault else 2
            finally:
                os._exit(code)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
    assert status == 0


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounting needs root")
@pytest.mark.parametrize("writing", ["the warehouse", "its folder"])
def test_a_read_only_file_system(tmp_path: Path, writing: str) -> None:
    mount = tmp_path / "mount"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(mount)], check=False).returncode:
        pytest.skip("this root may not mount")
    try:
        path = mount / ("w.duckdb" if writing == "the warehouse" else "folder/w.duckdb")
        if writing == "the warehouse":
            with DuckDBWarehouse(path).session():
                pass
        subprocess.run(["mount", "-o", "remount,ro", str(mount)], check=True)
        with pytest.raises((StorageFault, WarehouseUnreadable), match="Read-only"), DuckDBWarehouse(path).session():
            pass
        subprocess.run(["mount", "-o", "remount,rw", str(mount)], check=True)
        with DuckDBWarehouse(path).session() as session:
            assert session.execute("SELECT 1") == [(1,)]
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def test_a_connection_is_closed_when_the_session_cannot_begin(
    warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[duckdb.DuckDBPyConnection] = []

    def refuse(self: object, sql: str) -> None:
        opened.append(self._connection)  # type: ignore[attr-defined]
        raise StorageFault("no")

    with monkeypatch.context() as patch:
        patch.setattr("platform_assets.warehouse.duckdb.warehouse.DuckDBSession.execute", refuse)
        with pytest.raises(StorageFault), warehouse.session():
            pass
    with pytest.raises(duckdb.ConnectionException):
        opened[0].execute("SELECT 1")


def test_a_lock_file_that_cannot_be_written_is_still_a_lock(
    warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    refused: list[Exception] = []

    def second() -> None:
        try:
            with DuckDBWarehouse(warehouse.path, wait_seconds=0.2).session():
                pass
        except WarehouseBusy as error:
            refused.append(error)

    with warehouse.session() as session:
        assert session.execute("SELECT 1") == [(1,)]
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert len(refused) == 1


class Clock:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_both_waits_together_keep_the_limit(warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """First a session of the platform has the file, then a program that knows nothing of the lock."""
    clock = Clock()

    @contextmanager
    def exclusive(*_: object, **__: object) -> Iterator[None]:
        clock.sleep(1)
        yield

    with warehouse.session():
        pass
    monkeypatch.setattr("platform_assets.warehouse.duckdb.warehouse.time", clock)
    monkeypatch.setattr("platform_assets.warehouse.duckdb.opening.time", clock)
    monkeypatch.setattr("platform_assets.warehouse.duckdb.warehouse.exclusive", exclusive)
    foreign = duckdb.connect(str(warehouse.path))
    started = clock.now
    with pytest.raises(WarehouseBusy, match="this very process"), DuckDBWarehouse(warehouse.path, 1.5).session():
        pass
    foreign.close()
    assert clock.now - started == pytest.approx(1.5)
