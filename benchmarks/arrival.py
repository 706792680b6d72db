"""From a file in the landing folder to its published partition, by a real `dagster dev`.

    python benchmarks/arrival.py [--drops 20]

Prints the median and the 95th percentile of the seconds between the end of writing, or the rename, and the publication,
for each way in which files come: written in place with the default settle time, written in place with a settle time of
one second, and renamed into place. The floor of the same run is one delivery that is taken by the same assets in a
process that is running already.
"""

import argparse
import datetime as dt
import importlib
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg

from benchmarks._dev_server import DevServer
from benchmarks._feeds_project import MODULE, write_project

FEEDS = {"slow": "", "fast": "settle_seconds: 1", "renamed": "", "floor": "settle_seconds: 0"}
PUBLISHED = """query($key: AssetKeyInput!) { assetOrError(assetKey: $key) { ... on Asset {
  assetMaterializations(limit: 1000) { partition timestamp } } } }"""
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
TEXT = "id\n1\n2\n3\n"


def day(number: int) -> str:
    """Days that do not adjoin: each delivery has a run of its own."""
    return (dt.date(2024, 1, 1) + dt.timedelta(days=2 * number)).isoformat()


def written(folder: Path, name: str) -> None:
    (folder / name).write_text(TEXT)


def renamed(folder: Path, name: str) -> None:
    draft = folder.parent / f".{name}.tmp"
    draft.write_text(TEXT)
    draft.rename(folder / name)


class Arrivals:
    """Deliveries of one project under a `dagster dev`, and when each was published."""

    def __init__(self, landing: Path, server: DevServer) -> None:
        self.landing, self.server = landing, server

    def published(self, feed: str) -> dict[str, float]:
        """The timestamps at which partitions of the feed were published."""
        answer = self.server.ask(PUBLISHED, key={"path": ["raw", feed]}) or {"assetOrError": {}}
        found = answer["assetOrError"].get("assetMaterializations", [])
        return {event["partition"]: float(event["timestamp"]) / 1000 for event in found}

    def seconds(self, feed: str, drop: Callable[[Path, str], None], drops: int, *, apart: float | None) -> list[float]:
        """Seconds of each delivery; the next comes ``apart`` seconds later, or when the one before is published."""
        ended = {}
        for number in range(drops):
            drop(self.landing / feed, f"{feed}_{day(number)}.csv")
            ended[day(number)] = time.time()
            if apart is None:
                self.wait(feed, number + 2)
                # somewhere between two looks of whoever looks
                time.sleep(0.37 * (1 + number % 5))
            else:
                time.sleep(apart)
        self.wait(feed, drops + 1)
        published = self.published(feed)
        return [published[key] - moment for key, moment in ended.items()]

    def wait(self, feed: str, count: int) -> None:
        end = time.monotonic() + 150
        while len(self.published(feed)) < count:
            assert time.monotonic() < end, (self.landing.parents[1] / "log").read_text()[-3000:]
            time.sleep(0.1)


def floor(root: Path, landing: Path) -> float:
    """Median seconds of one delivery by the assets of the project in this process."""
    sys.path.insert(0, str(root))
    job = importlib.import_module(MODULE).defs().resolve_implicit_global_asset_job_def()
    keys = [dg.AssetKey(["lake", "floor"]), dg.AssetKey(["raw", "floor"])]
    seconds = []
    with dg.instance_for_test() as instance:
        for number in range(6):
            written(landing / "floor", f"floor_{day(number)}.csv")
            began = time.perf_counter()
            done = job.execute_in_process(
                instance=instance, asset_selection=keys, partition_key=day(number), run_config=QUIET
            )
            assert done.success
            seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drops", type=int, default=20, help="deliveries of each way")
    arguments = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="arrival-"))
    landing = write_project(root, FEEDS)
    one = floor(root, landing)
    print(f"in a process that is there already (floor): {one:.2f} s", flush=True)
    server = DevServer(root, MODULE, runs=4)
    try:
        arrivals = Arrivals(landing, server)
        for feed in ("slow", "fast", "renamed"):
            # the first run waits for the definitions to be loaded, and the sensor's first tick begins to watch
            written(landing / feed, f"{feed}_2025-01-01.csv")
        for feed in ("slow", "fast", "renamed"):
            arrivals.wait(feed, 1)
        for words, feed, drop, apart in (
            ("renamed into place, default settings", "renamed", renamed, None),
            ("written in place, settle_seconds: 1", "fast", written, None),
            ("written in place, default settings (30)", "slow", written, 3.1),
        ):
            found = sorted(arrivals.seconds(feed, drop, arguments.drops, apart=apart))
            p95 = found[max(0, round(0.95 * len(found)) - 1)]
            middle = statistics.median(found)
            print(
                f"{words}: p50 {middle:.1f} s, p95 {p95:.1f} s, slowest {found[-1]:.1f} s; {middle / one:.1f} floors",
                flush=True,
            )
    finally:
        server.stop()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
