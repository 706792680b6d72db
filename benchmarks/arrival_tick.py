"""A tick of the arrival sensor on a folder with many known files and a few new ones.

    python benchmarks/arrival_tick.py [--known 100000] [--new 10]

Prints the seconds of a tick, their ratio to the floor of the same run (one bare walk that looks at each file), and
the memory that the tick took at its peak beyond what the process had before.
"""

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

from platform_assets.landing.arrivals import Completeness, LandingFolder, Mark
from platform_assets.landing.patterns import ArrivalPattern


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--known", type=int, default=100_000)
    parser.add_argument("--new", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        fill(root, 0, arguments.known)
        landing = LandingFolder(
            "feed", root, ArrivalPattern("feed/{key}.csv"), lambda match: match.key, Completeness(settle_seconds=0)
        )
        mark = Mark()
        while True:
            _, after = landing.changed_since(mark, now_ns=time.time_ns(), limit=20_000)
            if after == mark:
                break
            mark = after
        fill(root, arguments.known, arguments.new)
        started = time.perf_counter()
        looked = sum(entry.stat(follow_symlinks=False).st_size for entry in os.scandir(root / "feed"))
        floor = time.perf_counter() - started
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.perf_counter()
        found, _ = landing.changed_since(mark, now_ns=time.time_ns(), limit=2_000)
        seconds = time.perf_counter() - started
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert len(found.deliveries) == arguments.new
    print(f"bare walk (floor)  {floor:6.3f} s over {arguments.known + arguments.new:,} files, {looked:,} bytes")
    print(f"tick               {seconds:6.3f} s, {seconds / floor:.1f} times the floor; peak memory grew by {grown} KB")


def fill(root: Path, start: int, count: int) -> None:
    """Deliver ``count`` small files."""
    (root / "feed").mkdir(exist_ok=True)
    for number in range(start, start + count):
        (root / "feed" / f"{number:07}.csv").write_bytes(b"id\n1\n")


if __name__ == "__main__":
    main()
