"""A tick of the arrival sensor on a folder with many known files and a few new ones.

    python benchmarks/arrival_tick.py [--known 100000] [--new 10]

Prints the seconds of a tick of the real sensor on an instance, their ratio to the floor of the same run (one bare walk
that looks at each file), and the memory that the tick took at its peak beyond what the process had before.
"""

import argparse
import os
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import dagster as dg

from platform_assets.automation.arrival_sensor import arrival_sensor
from platform_assets.automation.cursor import read_cursor, write_cursor
from platform_assets.environment import read_environment
from platform_assets.feeds.feed import Feed
from platform_assets.landing.found import Completeness, Watermark
from platform_assets.landing.patterns import ArrivalPattern
from platform_assets.sql.contract_file import read_contract
from resources.by_environment import platform_resources

CONTRACT = """
apiVersion: v3.0.2
kind: DataContract
id: feed
name: feed
version: 1.0.0
status: active
servers: [{server: landing, type: local, path: feed, format: csv}]
schema:
  - name: feed
    logicalType: object
    properties: [{name: id, logicalType: integer}]
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--known", type=int, default=100_000)
    parser.add_argument("--new", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, dg.DagsterInstance.ephemeral() as instance:
        root = Path(folder)
        (root / "contract.yaml").write_text(CONTRACT)
        partitions = dg.DynamicPartitionsDefinition(name="feed")
        pattern = ArrivalPattern("feed/{key}.csv")
        feed = Feed(read_contract(root / "contract.yaml"), partitions, pattern, Completeness(settle_seconds=0))
        landing = root / "landing" / "feed"
        landing.mkdir(parents=True)
        cursor = tick(feed, root, instance, None).cursor
        fill(landing, 0, arguments.known)
        # as after many ticks in which all of it was published
        known = max(entry.stat().st_ctime_ns for entry in os.scandir(landing))
        seen = replace(read_cursor(cursor), watermark=Watermark(known, "feed/~"))
        while time.time_ns() <= known + 10**7:
            time.sleep(0.01)
        fill(landing, arguments.known, arguments.new)
        started = time.perf_counter()
        looked = sum(entry.stat(follow_symlinks=False).st_size for entry in os.scandir(landing))
        floor = time.perf_counter() - started
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.perf_counter()
        result = tick(feed, root, instance, write_cursor(seen))
        seconds = time.perf_counter() - started
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert len(result.run_requests or ()) == arguments.new, result
    print(f"bare walk (floor)  {floor:6.3f} s over {arguments.known + arguments.new:,} files, {looked:,} bytes")
    print(f"tick               {seconds:6.3f} s, {seconds / floor:.1f} times the floor; peak memory grew by {grown} KB")


def tick(feed: Feed, home: Path, instance: dg.DagsterInstance, cursor: str | None) -> dg.SensorResult:
    """One evaluation of the feed's sensor."""
    environment = read_environment({"PLATFORM_HOME": str(home), "PLATFORM_ENV": "test"}, cwd=home)
    resources = platform_resources(environment)
    with dg.build_sensor_context(instance=instance, cursor=cursor, resources=resources) as context:
        result = arrival_sensor(feed)(context)
    assert isinstance(result, dg.SensorResult)
    return result


def fill(folder: Path, start: int, count: int) -> None:
    """Deliver ``count`` small files."""
    for number in range(start, start + count):
        (folder / f"{number:07}.csv").write_bytes(b"id\n1\n")


if __name__ == "__main__":
    main()
