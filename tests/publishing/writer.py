"""A process for the campaigns: publishes versions of three partitions until it is killed or done.

``python -m tests.publishing.writer WAREHOUSE LAKE VERSION COUNT`` publishes VERSION0 ... for a, b and c, one after
the other, printing each when its verdicts are there. Failpoints come from the environment.
"""

from __future__ import annotations

import sys
from pathlib import Path

from platform_assets.failpoints import arm_from_environment
from resources.warehouse.duckdb import DuckDBWarehouse
from tests.publishing.support import Lake, load, states

ROWS = 400
PARTITIONS = ("a", "b", "c")


def main(warehouse: str, lake: str, version: str, count: str) -> None:
    arm_from_environment()
    shelf = Lake(Path(lake))
    for i in range(int(count)):
        candidates = [shelf.candidate(partition, f"{version}{i}", rows=ROWS) for partition in PARTITIONS]
        verdicts = load(DuckDBWarehouse(Path(warehouse), threads=1), *candidates, run=f"{version}{i}")
        assert set(states(verdicts)) <= {"published", "unpublished"}, verdicts
        print(f"{version}{i}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
