"""A writer in a process of its own that works for a while under its lease, before it publishes.

``python -m tests.publishing.worker KIND WAREHOUSE LAKE VERSION LEASE_SECONDS WORK_SECONDS [elsewhere]``. KIND is
``files`` (the warehouse is free meanwhile), ``in_place`` (as well) or ``reserved`` (the warehouse is held meanwhile, as
dbt does). It prints ``leased`` when it has its lease, then the states of its verdicts. ``elsewhere``: it knows as
little of other lease owners as a writer on another machine.
"""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

from platform_assets.failpoints import armed
from platform_assets.publishing.in_place import BuiltModel, open_candidates, record_verdicts
from tests.publishing.marts import DAYS, MART, TABLE, build
from tests.publishing.support import Lake, load, states, unknown_here
from tests.support.engines import warehouse_at

WAIT = 120.0


def main(kind: str, path: str, lake: str, version: str, lease: str, work: str, where: str = "") -> None:
    warehouse, shelf = warehouse_at(path), Lake(Path(lake))

    def leased() -> None:
        print("leased", flush=True)
        time.sleep(float(work))

    with unknown_here() if where == "elsewhere" else contextlib.nullcontext():
        if kind == "files":
            with armed("publish.leased", leased):
                verdicts = load(
                    warehouse,
                    shelf.candidate("a", version),
                    run=version,
                    lease_seconds=float(lease),
                    wait_seconds=WAIT,
                )
        else:
            candidates = open_candidates(
                warehouse, partitions={MART: DAYS}, run_id=version, lease_seconds=float(lease), wait_seconds=WAIT
            )
            with candidates as opened:
                with warehouse.reserve(purpose="a dbt") if kind == "reserved" else contextlib.nullcontext():
                    leased()
                build(warehouse, version)
                verdicts = record_verdicts(warehouse, opened, {MART: BuiltModel(TABLE, "day")})
    print(*sorted(set(states(verdicts))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
