"""Many writers at once, where readers wait for none of them: one content for each partition, whatever a reader asks."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from platform_assets.publishing.readers import ledger_history, unreadable
from platform_assets.warehouse.postgres.warehouse import PostgresWarehouse
from platform_assets.warehouse.protocol import Session, Warehouse
from tests.publishing.support import ASSET, Lake, content, load, session_class, states
from tests.support.campaigns import REPEATS
from tests.support.engines import location_of, warehouse_of

PARTITIONS = [f"p{i}" for i in range(12)]
ROWS = 50
LOOK = (
    "SELECT s._partition, count(*), count(DISTINCT s.v), min(s.v) = max(l.version) FROM raw.sales AS s JOIN "
    "(SELECT partition_key, version, row_number() OVER (PARTITION BY partition_key ORDER BY token DESC) AS n "
    "FROM platform.ledger WHERE state = 'published') AS l ON l.partition_key = s._partition AND l.n = 1 GROUP BY 1"
)
"""Rows, versions, and whether it is that of the ledger: of each partition, at one moment."""


@pytest.fixture(params=["postgres"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    return warehouse_of(request.param, tmp_path, request)


_CAMPAIGN = [pytest.mark.slow, pytest.mark.timeout(900 * REPEATS)]
CASES = [
    ("postgres", 3, 4),
    pytest.param("postgres", 8, min(50, 12 * REPEATS), marks=_CAMPAIGN),
    # these take turns
    pytest.param("ducklake", 8, min(50, 3 * REPEATS), marks=_CAMPAIGN),
    pytest.param("ducklake-postgres", 8, min(50, 3 * REPEATS), marks=_CAMPAIGN),
]


def writer(location: str, lake: Lake, plan: list[tuple[str, list[str]]]) -> subprocess.Popen[str]:
    """A process that publishes each version of its plan to some partitions."""
    command = [sys.executable, "-m", "tests.publishing.many_writer", location, str(lake.folder), str(ROWS)]
    process = subprocess.Popen([*command, json.dumps(plan)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def finish(writers: list[subprocess.Popen[str]]) -> float:
    """Let all begin at the same moment; the seconds until the last is done."""
    started = time.monotonic()
    for process in writers:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in writers:
        assert process.wait() == 0
    return time.monotonic() - started


class Reader(threading.Thread):
    """Looks again and again until the writers are done."""

    def __init__(self, warehouse: Warehouse) -> None:
        super().__init__()
        self.warehouse, self.over = warehouse, threading.Event()
        self.looks, self.wrong, self.longest = 0, [], 0.0

    def run(self) -> None:
        with self.warehouse.session(read_only=True) as session:
            while not self.over.is_set():
                started = time.monotonic()
                rows = session.execute(LOOK)
                self.longest = max(self.longest, time.monotonic() - started)
                self.wrong += [row for row in rows if row[1:] != (ROWS, 1, True)]
                self.wrong += [("missing", len(rows))] if len(rows) != len(PARTITIONS) else []
                self.looks += 1


@pytest.mark.parametrize(("warehouse", "count", "rounds"), CASES, indirect=["warehouse"])
def test_writers_of_overlapping_partitions(warehouse: Warehouse, lake: Lake, count: int, rounds: int) -> None:
    generator = random.Random(20240301)
    load(warehouse, *(lake.candidate(partition, "first", rows=ROWS) for partition in PARTITIONS))
    plans = [
        [(f"w{number}-{turn}", generator.sample(PARTITIONS, generator.randrange(1, 7))) for turn in range(rounds)]
        for number in range(count)
    ]
    writers = [writer(location_of(warehouse), lake, plan) for plan in plans]
    readers = [Reader(warehouse) for _ in range(2)]
    for reader in readers:
        reader.start()
    finish(writers)
    for reader in readers:
        reader.over.set()
        reader.join()
        assert reader.wrong == []
        assert reader.looks > rounds
        assert reader.longest < 5, "a reader waited for a writer"
    assert unreadable(warehouse, asset=ASSET, partitions=PARTITIONS) == {}
    for partition, rows in content(warehouse).items():
        assert len(rows) == ROWS
        lines = ledger_history(warehouse, asset=ASSET, partition=partition, limit=10_000)
        assert {*rows} == {lines[0].version}
        planned = sum(partition in chosen for plan in plans for _, chosen in plan)
        assert [line.token for line in lines] == list(range(planned + 1, 0, -1))
    with warehouse.session() as session:
        assert session.execute("SELECT count(*) FROM platform.leases WHERE holder IS NOT NULL") == [(0,)]
        if isinstance(warehouse, PostgresWarehouse):
            assert session.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'platform_staging'") == [(0,)]


@pytest.mark.slow
def test_writers_of_other_partitions_do_not_wait_for_each_other(warehouse: Warehouse, lake: Lake) -> None:
    """The same work by one writer, and by two at once."""
    load(warehouse, *(lake.candidate(partition, "first", rows=ROWS) for partition in PARTITIONS))
    halves = (PARTITIONS[:6], PARTITIONS[6:])
    seconds = {}
    for label, plans in (
        ("one", [[(f"a{turn}", half) for turn in range(15) for half in halves]]),
        ("two", [[(f"b{turn}", half) for turn in range(15)] for half in halves]),
    ):
        seconds[label] = finish([writer(location_of(warehouse), lake, plan) for plan in plans])
    assert seconds["two"] < seconds["one"], seconds


def test_nothing_is_created_inside_the_transaction_that_publishes(
    warehouse: Warehouse, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(warehouse, lake.candidate("a", "v1"))
    inside: list[str] = []
    kind = session_class(warehouse)
    real = kind.execute

    def seen(session: Session, sql: str, parameters: list[object] | tuple[object, ...] = ()) -> object:
        if kind.in_transaction.fget(session):
            inside.append(sql.split()[0])
        return real(session, sql, parameters)

    monkeypatch.setattr(kind, "execute", seen)
    assert states(load(warehouse, lake.candidate("a", "v2"), lake.candidate("b", "v1"))) == ["published"] * 2
    assert {"DELETE", "INSERT", "UPDATE"} <= set(inside)
    # staging has a transaction of its own, before
    publishing = inside[inside.index("DELETE") :]
    assert set(publishing) <= {"DELETE", "INSERT", "SELECT", "UPDATE", "COMMIT"}
