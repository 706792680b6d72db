"""A process that publishes versions one after the other, waiting for leases as long as it takes.

``python -m tests.publishing.many_writer WAREHOUSE LAKE ROWS PLAN``: the plan is JSON, a list of a version and its
partitions. It writes all files, prints ``ready``, and begins when it is given a line.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.publishing.support import Lake, load, states
from tests.support.engines import warehouse_at


def main(location: str, folder: str, rows: str, plan: str) -> None:
    warehouse, lake = warehouse_at(location), Lake(Path(folder))
    planned = [
        (version, [lake.candidate(partition, version, rows=int(rows)) for partition in chosen])
        for version, chosen in json.loads(plan)
    ]
    print("ready", flush=True)
    sys.stdin.readline()
    for version, candidates in planned:
        verdicts = load(warehouse, *candidates, run=version, wait_seconds=600)
        assert set(states(verdicts)) == {"published"}, verdicts


if __name__ == "__main__":
    main(*sys.argv[1:])
