"""A process for the campaigns: publishes version after version until it is killed, done, or out of disk.

``python -m tests.publishing.writer KIND WAREHOUSE LAKE VERSION COUNT [LIMIT]`` publishes VERSION0 ... and prints each
when its verdicts are there. KIND is ``files`` (from the lake) or ``in_place`` (a mart that is overwritten, judged and
copied). No file may grow past LIMIT bytes; an error because of that ends the process with code 3. Failpoints come from
the environment.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from platform_assets.failpoints import arm_from_environment
from platform_assets.warehouse.errors import WarehouseExhausted
from platform_assets.warehouse.protocol import Session, Warehouse
from tests.publishing.marts import DAYS, copy, materialize
from tests.publishing.support import Lake, load, session_class, states
from tests.support.engines import warehouse_at

ROWS = 400
PARTITIONS = ("a", "b", "c")
FULL = 3


def publish_files(warehouse: Warehouse, lake: Lake, version: str, wait_seconds: float = 120) -> list[str]:
    candidates = [lake.candidate(partition, version, rows=ROWS) for partition in PARTITIONS]
    return states(load(warehouse, *candidates, run=version, wait_seconds=wait_seconds))


def publish_in_place(warehouse: Warehouse, version: str, wait_seconds: float = 600) -> list[str]:
    verdicts = materialize(warehouse, version, run=version, rows=ROWS, wait_seconds=wait_seconds)
    return states([*verdicts, *copy(warehouse, DAYS, run=version)])


def main(kind: str, path: str, lake: str, version: str, count: str, limit: str = "") -> None:
    arm_from_environment()
    warehouse, shelf = warehouse_at(path), Lake(Path(lake))
    if limit:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    for i in range(int(count)):
        name = f"{version}{i}"
        found = publish_files(warehouse, shelf, name) if kind == "files" else publish_in_place(warehouse, name)
        # another writer's version may have come between the mart and its copy
        allowed = {"published", "unpublished"} | ({"rejected"} if kind == "in_place" else set())
        assert set(found) <= allowed, found
        print(name, flush=True)


def main_until(statements: str, *arguments: str) -> None:
    """:func:`main`, killed before the statement of that number."""
    kind, left = session_class(warehouse_at(arguments[1])), [int(statements)]
    real = kind.execute

    def execute(session: Session, sql: str, parameters: Sequence[object] = ()) -> object:
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        return real(session, sql, parameters)

    kind.execute = execute
    main(*arguments)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except WarehouseExhausted as error:
        print(error, file=sys.stderr)
        sys.exit(FULL)
