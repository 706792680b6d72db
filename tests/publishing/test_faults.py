"""A fault of the machine is not a verdict: nothing is rejected, and the next run succeeds."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from platform_assets.contracts.model import BatchRule, Bounds, Metric
from platform_assets.failpoints import armed
from platform_assets.publishing.readers import ledger_history
from platform_assets.publishing.verdicts import State
from platform_assets.warehouse.errors import StatementFailed, WarehouseError
from platform_assets.warehouse.protocol import Warehouse
from tests.publishing.marts import MART, copy, materialize
from tests.publishing.support import ASSET, NOT_EMPTY, Lake, content, copies_staged, load, states
from tests.support.engines import location_of

MEAN = BatchRule("mean", Metric.MEAN, Bounds(0), columns=("x",))


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


MOST_FILES = 200
"""More than any attempt needs: how many it needs depends on what this process has open already."""


@pytest.mark.parametrize(
    "name", ["publish.leased", *(pytest.param(f"publish.{at}", marks=pytest.mark.slow) for at in ("staged", "audited"))]
)
def test_too_many_open_files_reject_nothing(warehouse: Warehouse, lake: Lake, name: str) -> None:
    worked: list[bool] = []
    while True not in worked:
        more = len(worked)
        assert more < MOST_FILES
        candidates = [lake.candidate(p, f"v{more}", rows=20_000) for p in "abc"]
        before = content(warehouse)
        with few_files_from(name, more):
            worked.append(attempt(lambda: load(warehouse, *candidates, rules=[NOT_EMPTY, MEAN], run=f"few{more}")))  # noqa: B023
        assert {entry.state for entry in ledger_history(warehouse, asset=ASSET)} <= {State.PUBLISHED}
        if not worked[-1]:
            assert content(warehouse) == before
        verdicts = load(warehouse, *candidates, rules=[NOT_EMPTY, MEAN], run=f"next{more}", wait_seconds=0)
        assert {verdict.state for verdict in verdicts} == {State.PUBLISHED}
    # rows that are in a server by then need no file of this process
    assert (False in worked) == (name == "publish.leased" or not copies_staged(warehouse))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["publish.in_place.opened", "publish.in_place.audited"])
def test_too_many_open_files_reject_no_model(warehouse: Warehouse, name: str) -> None:
    """A run whose own process could neither record nor give back: the next one of the process does not wait for it."""
    built: list[bool] = []
    copied: list[bool] = []
    while not (True in built and True in copied):
        more = len(built)
        assert more < MOST_FILES
        with few_files_from(name, more):
            built.append(attempt(lambda: materialize(warehouse, f"v{more}")))  # noqa: B023
        found = {entry.state for entry in ledger_history(warehouse, asset=MART)}
        assert State.REJECTED not in found
        assert states(materialize(warehouse, f"next{more}")) == ["published"] * 3
        with few_files_from("publish.leased", more):
            copied.append(attempt(lambda: copy(warehouse)))
        assert {entry.state for entry in ledger_history(warehouse, asset="published/daily")} <= {State.PUBLISHED}
        assert {verdict.state for verdict in copy(warehouse)} == {State.PUBLISHED}
    assert (False in built) == (name == "publish.in_place.opened" or not copies_staged(warehouse))
    assert False in copied


def test_what_could_not_be_given_back_is_given_back_to_other_processes_too(warehouse: Warehouse) -> None:
    """This process lives on and takes no further lease: only its own late giving back can free the partitions."""
    with few_files_from("publish.in_place.opened", 0), pytest.raises(WarehouseError):
        materialize(warehouse, "v1")
    writer = [sys.executable, "-m", "tests.publishing.writer", "in_place", location_of(warehouse), "", "w", "1"]
    done = subprocess.run(writer, capture_output=True, text=True, check=False)
    assert done.stdout == "w0\n", done.stderr
