"""A process that runs out of files it may open: DuckDB may end such a process, which no other test should share.

``python -m tests.publishing.few_files KIND POINT WAREHOUSE LAKE FIRST`` publishes with FIRST more files to open from
the failpoint POINT on, then with one more, and so on until it works. KIND is ``files``, ``model`` or ``copy``. Each
attempt is followed by one without a limit, and is a line: whether it worked. KIND ``once`` makes one attempt at a model
and lives on until its standard input ends.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from platform_assets.contracts.model import BatchRule, Bounds, Metric
from platform_assets.failpoints import armed
from platform_assets.publishing.readers import ledger_history
from platform_assets.publishing.verdicts import State
from platform_assets.warehouse.errors import StatementFailed, WarehouseError
from platform_assets.warehouse.protocol import Warehouse
from tests.publishing.marts import MART, copy, materialize
from tests.publishing.support import ASSET, NOT_EMPTY, Lake, content, load, states
from tests.support.engines import warehouse_at

MEAN = BatchRule("mean", Metric.MEAN, Bounds(0), columns=("x",))
MOST_FILES = 200
"""More than any attempt needs: how many it needs depends on what the process has open already."""


@contextmanager
def few_files_from(name: str, more: int) -> Iterator[None]:
    """From the failpoint ``name`` to the end of the block only ``more`` files can be opened."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    def lower() -> None:
        lowest = os.open("/", os.O_RDONLY)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + more, hard))

    try:
        with armed(name, lower):
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def attempt(work: Callable[[], object]) -> bool:
    """Whether it worked; if not, then not for a reason that is in the data."""
    try:
        work()
    except StatementFailed:
        raise
    except WarehouseError:
        return False
    return True


def from_files(warehouse: Warehouse, lake: Lake, point: str, more: int) -> bool:
    candidates = [lake.candidate(p, f"v{more}", rows=20_000) for p in "abc"]
    before = content(warehouse)
    with few_files_from(point, more):
        worked = attempt(lambda: load(warehouse, *candidates, rules=[NOT_EMPTY, MEAN], run=f"few{more}"))
    assert {entry.state for entry in ledger_history(warehouse, asset=ASSET)} <= {State.PUBLISHED}
    assert worked or content(warehouse) == before
    verdicts = load(warehouse, *candidates, rules=[NOT_EMPTY, MEAN], run=f"next{more}", wait_seconds=0)
    assert {verdict.state for verdict in verdicts} == {State.PUBLISHED}
    return worked


def in_place(warehouse: Warehouse, _lake: Lake, point: str, more: int) -> bool:
    """The process could neither record nor give back: its own next run does not wait for it."""
    with few_files_from(point, more):
        worked = attempt(lambda: materialize(warehouse, f"v{more}"))
    assert State.REJECTED not in {entry.state for entry in ledger_history(warehouse, asset=MART)}
    assert states(materialize(warehouse, f"next{more}")) == ["published"] * 3
    return worked


def copied(warehouse: Warehouse, _lake: Lake, point: str, more: int) -> bool:
    assert states(materialize(warehouse, f"v{more}")) == ["published"] * 3
    with few_files_from(point, more):
        worked = attempt(lambda: copy(warehouse))
    assert {entry.state for entry in ledger_history(warehouse, asset="published/daily")} <= {State.PUBLISHED}
    assert {verdict.state for verdict in copy(warehouse)} == {State.PUBLISHED}
    return worked


KINDS = {"files": from_files, "model": in_place, "copy": copied}


def main(kind: str, point: str, location: str, lake: str, first: str) -> None:
    warehouse, shelf = warehouse_at(location), Lake(Path(lake))
    if kind == "once":
        with few_files_from(point, int(first)):
            print(attempt(lambda: materialize(warehouse, "v1")), flush=True)
        sys.stdin.read()
        return
    # modules that are imported late need files too
    KINDS[kind](warehouse, shelf, "nowhere", -1 - int(first))
    for more in range(int(first), MOST_FILES):
        worked = KINDS[kind](warehouse, shelf, point, more)
        print(worked, flush=True)
        if worked:
            return
    raise AssertionError(f"{MOST_FILES} files are not enough")


if __name__ == "__main__":
    main(*sys.argv[1:])
