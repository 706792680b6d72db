"""Crashes, races and a full disk: a partition is always exactly its old or its new content."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from platform_assets.failpoints import armed
from platform_assets.ingestion.ingestor import ingest
from platform_assets.lake.deliveries import Delivery, FileVersion
from platform_assets.lake.errors import DeliveryRejected
from platform_assets.lake.layout import MANIFEST
from platform_assets.lake.locations import open_lake
from platform_assets.lake.objects import Overtaken
from platform_assets.lake.versions import VERSIONS
from platform_assets.partition_key import PartitionKey
from platform_assets.stores.objects import Objects
from tests.support.campaigns import times
from tests.support.lake import everywhere

COLUMNS = [{"name": "n", "logicalType": "integer", "primaryKey": True}, {"name": "t", "logicalType": "string"}]
POINTS = (
    "lake.ingest.cleaned", "lake.ingest.read", "lake.commit.before_sync", "lake.commit.before_rename",
    "lake.commit.after_rename", "lake.commit.before_clean_up",
)  # fmt: skip
KILLS = int(os.environ.get("PLATFORM_TEST_KILLS", "25"))
CHILD = """
import sys
from pathlib import Path
from platform_assets.sql.contract_file import parse_contract
from platform_assets.failpoints import arm_from_environment
from platform_assets.lake.deliveries import Delivery, FileVersion
from platform_assets.partition_key import PartitionKey
from platform_assets.ingestion.ingestor import ingest
from platform_assets.lake.locations import open_lake
arm_from_environment()
contract = parse_contract(Path(sys.argv[1]).read_text(), Path("c.yaml"))
delivery = Delivery("feed", PartitionKey("2013-01-01"), tuple(FileVersion.of(Path(name)) for name in sys.argv[3:]))
print("ready", flush=True)
ingest(contract=contract, delivery=delivery, lake=open_lake(sys.argv[2]), pseudonym_key=None)
"""
TEXT = """
apiVersion: v3.1.0
kind: DataContract
id: feed
version: 1.0.0
servers: [{server: s, type: local, path: x, format: csv}]
schema: [{name: feed, properties: [{name: n, logicalType: integer, primaryKey: true}, {name: t, logicalType: string}]}]
customProperties: [{property: quarantineLimit, value: 0.5}]
"""


class Crash(BaseException):
    """Stands for the end of the process, where a real one would take the test with it."""


def table(word: str, rows: int = 400) -> str:
    return "n,t\n" + "".join(
        f"{number},{word}\n" if number % 10 else f"{number}.5,{word}\n" for number in range(1, rows)
    )


def words(lake: Any) -> set[str]:
    """The words of the partition's rows, after checking that it is whole."""
    manifest = lake.store.manifest("feed", "2013-01-01")
    assert manifest is not None
    rows = lake.rows(manifest)
    assert len(rows) == manifest.rows_out
    if lake.store.rejection("feed", "2013-01-01") is None:
        assert len(lake.quarantined()) == manifest.rows_quarantined
    return {row[1] for row in rows}


def polled(lake: Any) -> set[str]:
    """What a reader beside running ingestions finds; one that fell two versions behind looks again."""
    while True:
        manifest = lake.store.manifest("feed", "2013-01-01")
        assert manifest is not None
        try:
            rows = lake.rows(manifest)
        except duckdb.IOException:
            assert lake.store.manifest("feed", "2013-01-01") != manifest
            continue
        assert len(rows) == manifest.rows_out
        return {row[1] for row in rows}


def command(lake: Any, file: Path) -> list[str]:
    contract = lake.landing / "contract.yaml"
    contract.write_text(TEXT)
    return [sys.executable, "-c", CHILD, str(contract), str(lake.store), str(file)]


def ingestions(lake: Any) -> list[str]:
    """The ingestions that have left data in the partition."""
    if lake.url:
        keys = [listed.key.split("/") for listed in Objects(lake.url).listed("feed/2013-01-01")]
        return sorted({parts[2] for parts in keys if parts[2] != VERSIONS})
    entries = (lake.path / "feed" / "2013-01-01").iterdir()
    return sorted(entry.name for entry in entries if not entry.name.startswith(".lock") and entry.name != MANIFEST)


@pytest.mark.slow
@everywhere
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_each_step_the_partition_is_old_or_new(
    lake: Any, make_contract: Callable[..., Any], point: str
) -> None:
    contract = make_contract(COLUMNS)
    lake.ingest(contract, lake.file("a.csv", table("old")))
    new = lake.file("b.csv", table("new"))
    environment = {**os.environ, "PLATFORM_FAILPOINTS": f"{point}=kill"}
    done = subprocess.run(command(lake, new), env=environment, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert words(lake) == {"new" if point in POINTS[4:] else "old"}
    manifest = lake.ingest(contract, new)
    assert words(lake) == {"new"}
    left = set(ingestions(lake)) - {manifest.ingestion}
    assert len(left) <= 1, "only the version before may be left"
    assert not list((lake.path / "_quarantine/.work").glob("*/*")), "nothing unprotected is left"


@everywhere
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_random_moments_the_partition_is_old_or_new(lake: Any, make_contract: Callable[..., Any]) -> None:
    contract = make_contract(COLUMNS)
    source = random.Random(11)
    current = "0"
    lake.ingest(contract, lake.file("d.csv", table("0", 20_000)))
    killed = 0
    for turn in range(1, KILLS + 1):
        path = lake.file("d.csv", table(str(turn), 20_000))
        with subprocess.Popen(command(lake, path), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(source.uniform(0, 0.12))
            child.kill()
            killed += child.wait() == -signal.SIGKILL
        found = words(lake)
        assert found in ({current}, {str(turn)})
        current = found.pop()
    assert killed > KILLS // 4
    manifest = lake.ingest(contract, lake.file("d.csv", table("end")))
    assert words(lake) == {"end"}
    lake.store.sweep("feed", "2013-01-01", older_than=dt.timedelta(0))
    assert len(set(ingestions(lake)) - {manifest.ingestion}) <= 1, "only the version before may be left"


@everywhere
@pytest.mark.parametrize("point", ["lake.reject.before_rename", "lake.reject.before_clean_up"])
def test_a_crash_while_rejecting_leaves_the_last_good_version(
    lake: Any, make_contract: Callable[..., Any], point: str
) -> None:
    contract = make_contract(COLUMNS, terms={"quarantineLimit": 0.2})
    lake.ingest(contract, lake.file("a.csv", table("old")))
    bad = lake.file("b.csv", "n,t\n1,new\nx,new\n")

    def crash() -> None:
        raise Crash

    with armed(point, crash), pytest.raises(Crash):
        lake.ingest(contract, bad)
    assert words(lake) == {"old"}
    with pytest.raises(DeliveryRejected) as caught:
        lake.ingest(contract, bad)
    assert caught.value.code == "quarantine_limit"
    assert words(lake) == {"old"}
    assert [row.raw for row in lake.quarantined()] == ["x,new"]


@everywhere
def test_the_version_before_stays_for_a_reader_and_goes_with_the_next(
    lake: Any, make_contract: Callable[..., Any]
) -> None:
    contract = make_contract(COLUMNS)
    first = lake.ingest(contract, lake.file("a.csv", table("1")))
    second = lake.ingest(contract, lake.file("a.csv", table("22")))
    assert {row[1] for row in lake.rows(first)} == {"1"}
    lake.ingest(contract, lake.file("a.csv", table("333")))
    assert {row[1] for row in lake.rows(second)} == {"22"}
    with lake.store.on_disk([first]) as files:
        assert not any(path.exists() for path in files["2013-01-01"])


@everywhere
def test_the_same_delivery_is_read_once(lake: Any, make_contract: Callable[..., Any]) -> None:
    contract = make_contract(COLUMNS)
    path = lake.file("a.csv", table("x"))
    first = lake.ingest(contract, path)
    assert lake.ingest(contract, path) == first, "each reading is an ingestion of its own"
    forced = lake.ingest(contract, path, force=True)
    assert (forced.ingestion != first.ingestion, forced.content_hash) == (True, first.content_hash)
    changed = make_contract([COLUMNS[0], {**COLUMNS[1], "required": True}])
    assert lake.ingest(changed, path).contract_digest != first.contract_digest


def test_a_touched_file_is_a_new_version_with_the_same_hash(lake: Any, make_contract: Callable[..., Any]) -> None:
    path = lake.file("a.csv", table("x"))
    first = lake.ingest(make_contract(COLUMNS), path)
    os.utime(path, ns=(1, 1))
    second = lake.ingest(make_contract(COLUMNS), path)
    assert (second.delivery_version != first.delivery_version, second.content_hash) == (True, first.content_hash)


def _race(contract: Any, lake: str, file: str, barrier: Any) -> None:
    delivery = Delivery("feed", PartitionKey("2013-01-01"), (FileVersion.of(Path(file)),))
    barrier.wait()
    while True:
        try:
            ingest(contract=contract, delivery=delivery, lake=open_lake(lake), pseudonym_key=None)
        except Overtaken:
            continue  # as a run does, whose failure another try can mend
        return


@everywhere
def test_two_processes_at_once_end_with_the_content_of_one(lake: Any, make_contract: Callable[..., Any]) -> None:
    context = multiprocessing.get_context("spawn")
    contract = make_contract(COLUMNS)
    files = [lake.file(f"{word}.csv", table(word, 5000)) for word in ("left", "right")]
    lake.ingest(contract, lake.file("old.csv", table("old")))
    for _ in range(times(2)):
        barrier = context.Barrier(2)
        children = [
            context.Process(target=_race, args=(contract, str(lake.store), str(file), barrier)) for file in files
        ]
        for child in children:
            child.start()
        while any(child.is_alive() for child in children):
            assert polled(lake) in ({"old"}, {"left"}, {"right"})
        for child in children:
            child.join()
            assert child.exitcode == 0
        assert words(lake) in ({"left"}, {"right"})
        assert not list((lake.path / "_quarantine/.work").glob("*/*"))
