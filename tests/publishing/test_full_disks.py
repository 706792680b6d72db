"""A disk or memory that is full at some moment of publishing: an error that says so, the old state, a next run that
succeeds. Here they are those of this process: the server of another engine has its own."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from platform_assets.contracts.model import BatchRule, Bounds, Metric
from platform_assets.publishing.ledger import history
from platform_assets.publishing.readers import ledger_history
from platform_assets.publishing.taking import GIVING_BACK
from platform_assets.publishing.verdicts import State
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from platform_assets.warehouse.errors import WarehouseExhausted
from tests.publishing.campaign import Campaign
from tests.publishing.marts import MART
from tests.publishing.support import ASSET, Lake, content, load, states
from tests.publishing.writer import FULL, ROWS
from tests.support.campaigns import REPEATS


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(tmp_path / "w.duckdb", wait_seconds=120, threads=1)


@pytest.mark.slow
@pytest.mark.timeout(300 * REPEATS)
@pytest.mark.parametrize("kind", ["files", "in_place"])
def test_a_disk_that_is_full_at_a_random_moment(warehouse: DuckDBWarehouse, lake: Lake, kind: str) -> None:
    """No file may grow past a random size: the log of a transaction is smaller than the database, and fails first."""
    generator = random.Random(20240301)
    campaign = Campaign(kind, warehouse, lake)
    assert set(campaign.publish("first")) == {"published"}
    expected, failed = "first", 0
    for moment in range(5 * REPEATS):
        largest = max(path.stat().st_size for path in warehouse.path.parent.glob("w.duckdb*"))
        limit = generator.choice([generator.uniform(0, 100_000), largest * generator.uniform(0, 1.2)])
        campaign.prepare(f"d{moment}-", 8)
        process = campaign.start_limited(f"d{moment}-", 8, int(limit))
        told, error = process.communicate()
        assert process.returncode in (0, FULL), error
        failed += process.returncode == FULL
        expected = told.split()[-1] if told else expected
        found = campaign.whole()
        # in place a mart may be new and its copy still old; a commit may have worked and reported an error
        following = f"d{moment}-{int(told.split()[-1].rpartition('-')[2]) + 1 if told else 0}"
        assert set(found.values()) in ({expected}, {following}), (found, error)
        with warehouse.session(read_only=True) as session:
            entries = history(session, ASSET if kind == "files" else MART, None, 1000)
        assert State.REJECTED not in {entry.state for entry in entries}
        expected = f"n{moment}"
        assert set(campaign.publish(expected)) == {"published"}
        assert set(campaign.whole().values()) == {expected}
    assert failed >= REPEATS


@pytest.mark.slow
@pytest.mark.parametrize("megabytes", [1, 2, 3, 5, 8])
def test_a_disk_that_is_full_at_some_moment(
    warehouse: DuckDBWarehouse, lake: Lake, megabytes: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """No file may grow past a limit, so that the write fails early or late: in the rows, in the ledger, in the WAL."""
    select = "CAST(i AS BIGINT) AS id, 'old' AS v, random() AS x"
    load(warehouse, lake.candidate("a", "old", rows=ROWS, select=select))
    big = lake.candidate("a", "new", rows=1_000_000, select=select.replace("old", "new"))
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (megabytes * 2**20, megabytes * 2**20))
        try:
            load(warehouse, big, run="full")
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}".encode())
            os._exit(3)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
    assert "WarehouseExhausted" in capfd.readouterr().err
    assert content(warehouse) == {"a": ["old"] * ROWS}
    assert states(load(warehouse, big, run="later", wait_seconds=5)) == ["published"]
    assert content(warehouse) == {"a": ["new"] * 1_000_000}


def can_mount() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0


@pytest.mark.slow
@pytest.mark.parametrize("size", ["2m", "6m", "20m"] if can_mount() else [])
def test_a_small_file_system_that_is_full(tmp_path: Path, lake: Lake, size: str) -> None:
    """Needs root to mount; the test above has the same writes fail without.

    DuckDB keeps the blocks of the transaction that failed, so the disk stays full until there is more of it.
    """
    mount = tmp_path / "small"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(mount)], check=True)
    try:
        warehouse = DuckDBWarehouse(mount / "w.duckdb", threads=1)
        load(warehouse, lake.candidate("a", "old", rows=ROWS))
        big = lake.candidate("a", "new", rows=4_000_000, select="CAST(i AS BIGINT) AS id, 'new' AS v, random() AS x")
        for attempt in range(2):
            with pytest.raises(WarehouseExhausted, match="Free some space"):
                load(warehouse, big, run=f"full{attempt}")
            assert content(warehouse) == {"a": ["old"] * ROWS}
        subprocess.run(["mount", "-o", "remount,size=200m", str(mount)], check=True)
        assert states(load(warehouse, big, wait_seconds=5)) == ["published"]
        assert content(warehouse) == {"a": ["new"] * 4_000_000}
    finally:
        for thread in threading.enumerate():
            if thread.name == GIVING_BACK:
                thread.join()
        subprocess.run(["umount", str(mount)], check=True)


def test_too_little_memory_rejects_nothing(warehouse: DuckDBWarehouse, lake: Lake) -> None:
    select = "CAST(i AS BIGINT) AS id, 'v1' AS v, random() AS x"
    candidate = lake.candidate("a", "v1", rows=2_000_000, select=select)
    exact = BatchRule("copies", Metric.DUPLICATE_FRACTION, Bounds(0, 0), columns=("id", "x"))
    small = DuckDBWarehouse(warehouse.path, memory_limit="12MB", threads=1)
    with pytest.raises(WarehouseExhausted, match="memory"):
        load(small, candidate, rules=[exact], run="small")
    assert ledger_history(warehouse, asset=ASSET) == []
    assert states(load(warehouse, candidate, rules=[exact], wait_seconds=0)) == ["published"]
