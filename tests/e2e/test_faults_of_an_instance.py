"""A real `dagster dev` meets a fault: once its cause is gone, all is published without anybody's doing, each once.

A feed of each kind of partition in a project of somebody else's. What ends a fault is what an operator would do to the
machine; nobody launches a run, resets a sensor or touches a delivery. How long it took is printed (`pytest -s`).
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from platform_assets.lake.layout import MANIFEST, partition_folder
from platform_assets.publishing.readers import ledger_history
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from tests.support.projects import write_project
from tests.support.servers import Servers, configure_instance, free_port, wait_for
from tests.support.shop import CONTRACT, FEED

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(sys.platform != "linux", reason="limits of other processes are set on Linux alone"),
]

DAYS = [f"2024-01-0{day}" for day in range(1, 7)]
TOWNS = ["berlin", "köln", "paris", "roma"]
FEEDS = {
    "daily": ("daily/%Y-%m-%d.csv", '{type: daily, start_date: "2024-01-01"}', {f"daily/{d}.csv": d for d in DAYS}),
    "whole": ("whole.csv", "", {"whole.csv": "snapshot"}),
    "fixed": ("fixed/{key}.csv", "{type: static, partition_keys: [north]}", {"fixed/north.csv": "north"}),
    "shops": ("shops/{key}.csv", "{type: dynamic, name: shops}", {f"shops/{town}.csv": town for town in TOWNS}),
}
"""Pattern, partitions, and the files of a delivery with their partitions, by the feed's name."""

PARTITIONS = [(feed, partition) for feed, (_, _, files) in FEEDS.items() for partition in files.values()]

COLUMNS = """\
      - {name: id, logicalType: integer}
      - {name: who, logicalType: string, classification: personal,
         customProperties: [{property: protection, value: hash}]}
"""
KEY = {"PLATFORM_PSEUDONYM_KEY": "not a secret, but long enough"}
DEFINITIONS = """\
from pathlib import Path

import dagster as dg

{more}
@dg.definitions
def defs():
    loaded = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
    return dg.Definitions.merge(loaded, dg.Definitions(executor=dg.in_process_executor))
"""
KILLED = """
from platform_assets.failpoints import armed, kill

ARMED = armed("lake.commit.before_rename", kill)
ARMED.__enter__()

"""
"""What definitions say besides, for runs that are killed when their first partition is about to be committed."""

LIMIT = 4 * 2**20
"""Bytes that a file may have on the full disk: less than the Parquet file of a delivery, more than Dagster's own."""


ROWS = 150_000
"""Rows of a delivery: more than LIMIT bytes of Parquet, when what they hold is hashed."""


class Shop:
    """The project, its `dagster dev`, and the number of times that each partition was published so far."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.servers = Servers(root, free_port(), root, dict(KEY))
        self.published = dict.fromkeys(PARTITIONS, 0)
        files = {}
        for name, (pattern, partitions, _) in FEEDS.items():
            words = f"  partitions: {partitions}\n" if partitions else ""
            files[f"{name}/defs.yaml"] = FEED.format(files=f'"{pattern}"') + words
            files[f"{name}/contract.yaml"] = CONTRACT.format(name=name, columns=COLUMNS)
        write_project(root, files)
        self.define("")
        (root / "data" / "landing").mkdir(parents=True)
        configure_instance(root)

    def define(self, more: str) -> None:
        """Write the definitions, with ``more`` lines of Python."""
        (self.root / "somebody" / "definitions.py").write_text(DEFINITIONS.format(more=more))

    def start(self) -> None:
        self.servers.start("dagster", "dev", "-m", "somebody.definitions", "-p", str(self.servers.port))
        wait_for("the webserver", lambda: self.servers.graphql("{ version }"), seconds=300)

    def restart(self, variables: dict[str, str]) -> None:
        self.servers.stop()
        self.servers.variables = variables
        self.start()

    def deliver(self) -> None:
        """A new delivery of each partition, of about twice LIMIT.

        All of them arrive at once: of files that come one by one each may be a failed run of its own, and after five
        the circuit breaker holds the feed, until somebody releases it.
        """
        paths = [path for _, _, files in FEEDS.values() for path in files]
        arriving = []
        for number, path in enumerate(paths):
            file = self.root / "data" / "landing" / path
            file.parent.mkdir(exist_ok=True)
            seed = time.time_ns() + number
            beside = file.with_name(f".{file.name}.new")
            beside.write_text("id,who\n" + "".join(f"{i},{seed * (i + 1) % 10**40}\n" for i in range(ROWS)))
            arriving.append((beside, file))
        for beside, file in arriving:
            beside.rename(file)

    def counts(self) -> dict[tuple[str, str], int]:
        """How many lines of the ledger say published, by feed and partition."""
        path = self.root / "data" / "warehouse.duckdb"
        found = dict.fromkeys(PARTITIONS, 0)
        if path.exists():
            warehouse = DuckDBWarehouse(path=path)
            for feed in FEEDS:
                for entry in ledger_history(warehouse, asset=f"raw/{feed}"):
                    found[feed, entry.partition] += entry.published
        return found

    def runs(self, *statuses: str, feed: str = "") -> int:
        """How many runs are in one of the statuses, of one feed's sensor or of all."""
        only = f', tags: [{{key: "dagster/sensor_name", value: "{feed}_arrivals"}}]' if feed else ""
        query = f"{{ runsOrError(filter: {{statuses: [{', '.join(statuses)}]{only}}}) {{ ... on Runs {{ count }} }} }}"
        data = wait_for("an answer", lambda: self.servers.graphql(query))
        return int(data["runsOrError"]["count"])

    def failures(self) -> dict[str, int]:
        """How many runs have failed, by feed."""
        return {feed: self.runs("FAILURE", feed=feed) for feed in FEEDS}

    def wait_for_failures(self, earlier: Mapping[str, int]) -> None:
        """Until each feed has a failed run more than ``earlier``; nothing was published then."""
        wait_for(
            "a failed run of each feed",
            lambda: all(count > earlier[feed] for feed, count in self.failures().items()),
            seconds=600,
        )
        assert self.counts() == self.published

    def wait_until_published(self, cause: str) -> None:
        """Until every partition was published once more and no run is under way: it was once."""
        began = time.monotonic()
        wanted = {partition: count + 1 for partition, count in self.published.items()}
        wait_for("every partition", lambda: all(self.counts()[p] >= wanted[p] for p in wanted), seconds=600)
        print(f"{cause}: {time.monotonic() - began:.0f} s until all was published", flush=True)
        wait_for("the last run", lambda: not self.runs("QUEUED", "NOT_STARTED", "STARTING", "STARTED"), seconds=300)
        assert self.counts() == wanted
        self.published = wanted


@pytest.fixture(name="shop", scope="module")
def _shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = Shop(tmp_path_factory.mktemp("instance"))
    try:
        shop.start()
        yield shop
    finally:
        shop.servers.stop()


def limit_files(shop: Shop, size: int) -> None:
    """No file of the servers' processes, and of the runs that they start from now on, may grow past ``size``."""
    done: set[int] = set()
    while new := {process.pid for process in shop.servers.descendants()} - done:  # they start others meanwhile
        for pid in new:
            with suppress(ProcessLookupError):
                _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                wanted = size if hard == resource.RLIM_INFINITY or 0 <= size < hard else hard
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (wanted, hard))
        done |= new


def test_a_full_disk(shop: Shop) -> None:
    failed = shop.failures()
    limit_files(shop, LIMIT)
    try:
        shop.deliver()
        shop.wait_for_failures(failed)
    finally:
        limit_files(shop, resource.RLIM_INFINITY)
    shop.wait_until_published("full disk")


def test_runs_that_are_killed(shop: Shop) -> None:
    failed = shop.failures()
    shop.define(KILLED)
    try:
        shop.deliver()
        shop.wait_for_failures(failed)
    finally:
        shop.define("")
    shop.wait_until_published("killed runs")


def test_a_key_that_is_missing(shop: Shop) -> None:
    failed = shop.failures()
    shop.restart({})
    try:
        shop.deliver()
        shop.wait_for_failures(failed)
    finally:
        shop.restart(dict(KEY))
    shop.wait_until_published("missing key")


def test_manifests_that_cannot_be_read(shop: Shop) -> None:
    shop.deliver()
    shop.wait_until_published("new deliveries")
    for feed, partition in PARTITIONS:
        path = partition_folder(shop.root / "data" / "lake", feed, partition) / MANIFEST
        path.write_bytes(path.read_bytes()[:-20])
    log = shop.root / "logs" / "dagster.log"
    read = log.stat().st_size
    shop.deliver()
    shop.wait_until_published("unreadable manifests")
    with log.open("rb") as lines:
        lines.seek(read)
        assert b"manifest" in lines.read(), "somebody met them"
