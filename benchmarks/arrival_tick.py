"""A tick of the arrival sensor on a landing place with many known files and a few new ones.

    python benchmarks/arrival_tick.py [--known 100000] [--new 10] [--objects]

Prints the seconds of a tick of the real sensor on an instance, their ratio to the floor of the same run, and the memory
that the tick took at its peak beyond what the process had before. The floor is one bare walk that looks at each file.

With --objects the files are objects on an S3 server that is started for it, sixty a day, and the new ones
are those of days that never came. The floor is one request of the listing; the server is moto's, which takes longer for
it the more objects it has (a third of a second of 100,000).
"""

import argparse
import datetime as dt
import os
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import dagster as dg

from demo.object_store import FILLED, s3_server
from platform_assets.automation.arrival_sensor import arrival_sensor
from platform_assets.automation.cursor import read_cursor, write_cursor
from platform_assets.environment import read_environment
from platform_assets.feeds.feed import Feed
from platform_assets.lake.names import escape
from platform_assets.landing import objects as landing_objects
from platform_assets.landing.found import Completeness, Rotation, Watermark
from platform_assets.landing.patterns import ArrivalPattern
from platform_assets.sql.contract_file import read_contract
from platform_assets.stores.objects import Objects
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


FIRST = dt.date(2020, 1, 1)
A_DAY = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--known", type=int, default=100_000)
    parser.add_argument("--new", type=int, default=10)
    parser.add_argument("--objects", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, dg.DagsterInstance.ephemeral() as instance:
        root = Path(folder)
        (root / "contract.yaml").write_text(CONTRACT)
        if arguments.objects:
            of_objects(root, instance, arguments.known, arguments.new)
        else:
            of_files(root, instance, arguments.known, arguments.new)


def of_files(root: Path, instance: dg.DagsterInstance, known: int, new: int) -> None:
    partitions = dg.DynamicPartitionsDefinition(name="feed")
    pattern = ArrivalPattern("feed/{key}.csv")
    feed = Feed(read_contract(root / "contract.yaml"), partitions, pattern, Completeness(settle_seconds=0))
    landing = root / "landing" / "feed"
    landing.mkdir(parents=True)
    cursor = tick(feed, root, instance, None).cursor
    fill(landing, 0, known)
    # as after many ticks in which all of it was published
    last = max(entry.stat().st_ctime_ns for entry in os.scandir(landing))
    seen = replace(read_cursor(cursor), watermark=Watermark(last, "feed/~"))
    while time.time_ns() <= last + 10**7:
        time.sleep(0.01)
    fill(landing, known, new)
    started = time.perf_counter()
    looked = sum(entry.stat(follow_symlinks=False).st_size for entry in os.scandir(landing))
    floor = time.perf_counter() - started
    print(f"bare walk (floor)  {floor:6.3f} s over {known + new:,} files, {looked:,} bytes")
    measured(feed, root, instance, write_cursor(seen), new, floor)


def of_objects(root: Path, instance: dg.DagsterInstance, known: int, new: int) -> None:
    end = FIRST + dt.timedelta(days=known // A_DAY + new)
    partitions = dg.DailyPartitionsDefinition(str(FIRST), end_date=str(end))
    pattern = ArrivalPattern("feed/%Y-%m-%d_*.csv")
    feed = Feed(read_contract(root / "contract.yaml"), partitions, pattern, Completeness(settle_seconds=0))
    days = [str(FIRST + dt.timedelta(days=number)) for number in range(known // A_DAY + new)]
    keys = [f"feed/{day}_{number:02}.csv" for day in days[:-new] for number in range(A_DAY)]
    for day in days[:-new]:
        (root / "lake" / "feed" / escape(day)).mkdir(parents=True)
    with s3_server(keys) as server:
        os.environ |= {**server.variables, "PLATFORM_LANDING": f"s3://{FILLED}"}
        objects = Objects(f"s3://{FILLED}")
        seen = read_cursor(tick(feed, root, instance, None).cursor)
        # as in the middle of a round, after many ticks in which all of it was published: the objects are of just now,
        # and clocks that may differ would make all of them new
        landing_objects.CLOCKS_NS = 0
        now = time.time_ns()
        at = keys[len(keys) // 2]
        seen = replace(seen, again=None, rotation=Rotation(at, now, now), watermark=Watermark(now), asked={})
        while time.time_ns() // 10**9 <= now // 10**9:
            time.sleep(0.01)
        for day in days[-new:]:
            objects.create(f"feed/{day}_00.csv", b"id\n1\n")
        started = time.perf_counter()
        listed = len(next(objects.pages("feed")))
        floor = time.perf_counter() - started
        print(f"one request of the listing (floor)  {floor:6.3f} s, {listed:,} of {len(keys) + new:,} objects")
        measured(feed, root, instance, write_cursor(seen), new, floor)


def measured(feed: Feed, root: Path, instance: dg.DagsterInstance, cursor: str, new: int, floor: float) -> None:
    """A tick that finds what is new, its time and its memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    result = tick(feed, root, instance, cursor)
    seconds = time.perf_counter() - started
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert len(read_cursor(result.cursor).asked) == new, result
    print(f"tick               {seconds:6.3f} s, {seconds / floor:.1f} times the floor; peak memory grew by {grown} KB")


def tick(feed: Feed, home: Path, instance: dg.DagsterInstance, cursor: str | None) -> dg.SensorResult:
    """One evaluation of the feed's sensor."""
    places = {"PLATFORM_LANDING": os.environ["PLATFORM_LANDING"]} if "PLATFORM_LANDING" in os.environ else {}
    environment = read_environment({"PLATFORM_HOME": str(home), "PLATFORM_ENV": "test", **places}, cwd=home)
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
