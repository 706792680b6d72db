"""Real processes: killed at random moments and at every failpoint, racing for a partition, on a full disk.

The counts are modest by default; PLATFORM_CAMPAIGN multiplies them (20 gives 200 kills).
"""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from platform_assets.publishing.readers import ledger_history, published_versions, unreadable
from resources.warehouse.duckdb import DuckDBWarehouse
from resources.warehouse.errors import WarehouseExhausted
from tests.publishing.support import ASSET, Lake, content, load, states
from tests.publishing.test_leases import AFTER_COMMIT, BEFORE_COMMIT
from tests.publishing.writer import PARTITIONS, ROWS

REPEATS = int(os.environ.get("PLATFORM_CAMPAIGN", "1"))


def start(
    warehouse: DuckDBWarehouse, lake: Lake, version: str, count: int = 1, **environment: str
) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "tests.publishing.writer",
        str(warehouse.path),
        str(lake.folder),
        version,
        str(count),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})


def whole(warehouse: DuckDBWarehouse) -> dict[str, str]:
    """The version of each partition, once it is certain that each is there once, whole, and as the ledger says."""
    found = content(warehouse)
    ledger = published_versions(warehouse, asset=ASSET, partitions=PARTITIONS)
    assert set(found) == set(ledger)
    for partition, versions in found.items():
        assert len(versions) == ROWS, (partition, len(versions))
        assert set(versions) == {ledger[partition].version}
    return {partition: entry.version for partition, entry in ledger.items()}


@pytest.mark.slow
def test_kill_9_at_random_moments(warehouse: DuckDBWarehouse, lake: Lake) -> None:
    generator = random.Random(20240229)
    for moment in range(10 * REPEATS):
        process = start(warehouse, lake, f"k{moment}-", count=1000)
        # half of the moments fall into the imports and the first publication, half into the middle of the work
        assert process.stdout is not None
        if moment % 2:
            process.stdout.readline()
        time.sleep(generator.uniform(0, 0.7 if moment % 2 else 1.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = whole(warehouse)
        assert len(set(before.values())) <= 1
        # the next run succeeds at once: it does not wait for the lease of the dead
        started = time.monotonic()
        verdicts = load(warehouse, *(lake.candidate(p, f"n{moment}", rows=ROWS) for p in PARTITIONS), wait_seconds=5)
        assert states(verdicts) == ["published"] * 3
        assert time.monotonic() - started < 4
        assert set(whole(warehouse).values()) == {f"n{moment}"}


@pytest.mark.parametrize("name", BEFORE_COMMIT + AFTER_COMMIT)
@pytest.mark.slow
def test_kill_9_at_every_failpoint(warehouse: DuckDBWarehouse, lake: Lake, name: str) -> None:
    load(warehouse, *(lake.candidate(p, "old", rows=ROWS) for p in PARTITIONS))
    process = start(warehouse, lake, "new", PLATFORM_FAILPOINTS=f"{name}=kill")
    assert process.wait() == -signal.SIGKILL
    expected = "new0" if name in AFTER_COMMIT else "old"
    assert whole(warehouse) == dict.fromkeys(PARTITIONS, expected)
    again = start(warehouse, lake, "new")
    assert again.wait(30) == 0
    assert whole(warehouse) == dict.fromkeys(PARTITIONS, "new0")


@pytest.mark.slow
def test_two_processes_race_and_a_reader_sees_whole_partitions(warehouse: DuckDBWarehouse, lake: Lake) -> None:
    """Fifty races for the same partitions at the same moment, each from a version that is there to one of the two."""
    load(warehouse, *(lake.candidate(p, "first", rows=ROWS) for p in PARTITIONS))
    for version in ("l", "r"):
        for i in range(50):
            for partition in PARTITIONS:
                lake.candidate(partition, f"{version}{i}", rows=ROWS)
    racers = [start(warehouse, lake, version, count=50) for version in ("l", "r")]
    looks = 0
    while any(racer.poll() is None for racer in racers):
        with warehouse.session(read_only=True) as session:
            rows = session.execute(
                "SELECT s._partition, count(*), count(DISTINCT v), min(v) = max(l.version) FROM raw.sales AS s JOIN "
                "(SELECT partition_key, arg_max(version, token) AS version FROM platform.ledger "
                "WHERE state = 'published' GROUP BY 1) AS l ON l.partition_key = s._partition GROUP BY 1 ORDER BY 1"
            )
        assert rows == [(partition, ROWS, 1, True) for partition in PARTITIONS]
        assert unreadable(warehouse, asset=ASSET, partitions=PARTITIONS) == {}
        looks += 1
    assert [racer.wait() for racer in racers] == [0, 0]
    assert looks > 20
    final = whole(warehouse)
    assert set(final.values()) <= {"l49", "r49"}
    tokens = [entry.token for entry in ledger_history(warehouse, asset=ASSET, partition="a", limit=1000)]
    assert tokens == list(range(len(tokens), 0, -1))


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
        subprocess.run(["umount", str(mount)], check=True)
