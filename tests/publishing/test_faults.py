"""A fault of the machine is not a verdict: nothing is rejected, and the next run succeeds."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from platform_assets.warehouse.protocol import Warehouse
from tests.publishing.few_files import MOST_FILES
from tests.publishing.support import Lake, copies_staged
from tests.support.engines import location_of


def outcomes(kind: str, point: str, warehouse: Warehouse, lake: Lake) -> list[bool]:
    """Whether each attempt of `tests.publishing.few_files` worked, the last of which did.

    DuckDB may end a process that is out of files. Then the attempt failed, and the next process makes the next one.
    """
    found: list[bool] = []
    while True not in found:
        arguments = [kind, point, location_of(warehouse), str(lake.folder), str(len(found))]
        done = subprocess.run(
            [sys.executable, "-m", "tests.publishing.few_files", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        found += [line == "True" for line in done.stdout.split()]
        if done.returncode == -signal.SIGABRT:
            found.append(False)
        else:
            assert done.returncode == 0, done.stderr
    return found


@pytest.mark.slow
@pytest.mark.parametrize("point", ["publish.leased", "publish.staged", "publish.audited"])
def test_too_many_open_files_reject_nothing(warehouse: Warehouse, lake: Lake, point: str) -> None:
    found = outcomes("files", point, warehouse, lake)
    # rows that are in a server by then need no file of the process
    assert (False in found) == (point == "publish.leased" or not copies_staged(warehouse))


@pytest.mark.slow
@pytest.mark.parametrize("point", ["publish.in_place.opened", "publish.in_place.audited"])
def test_too_many_open_files_reject_no_model(warehouse: Warehouse, lake: Lake, point: str) -> None:
    found = outcomes("model", point, warehouse, lake)
    assert (False in found) == (point == "publish.in_place.opened" or not copies_staged(warehouse))


@pytest.mark.slow
def test_too_many_open_files_reject_no_copy_of_a_model(warehouse: Warehouse, lake: Lake) -> None:
    assert False in outcomes("copy", "publish.leased", warehouse, lake)


@pytest.mark.slow
def test_what_could_not_be_given_back_is_given_back_to_other_processes_too(warehouse: Warehouse, lake: Lake) -> None:
    """The process lives on and takes no further lease: only its own late giving back can free the partitions.

    What DuckDB ended instead says nothing; the next process may open one file more.
    """
    found: list[str] = []
    while "False\n" not in found:
        assert set(found) <= {""}, "it worked"
        assert len(found) < MOST_FILES
        arguments = ["publish.in_place.opened", location_of(warehouse), str(lake.folder), str(len(found))]
        with subprocess.Popen(
            [sys.executable, "-m", "tests.publishing.few_files", "once", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as living:
            assert living.stdin is not None
            assert living.stdout is not None
            found.append(living.stdout.readline())
            writer = [sys.executable, "-m", "tests.publishing.writer", "in_place", location_of(warehouse), "", "w", "1"]
            done = subprocess.run(writer, capture_output=True, text=True, check=False)
            assert done.stdout == "w0\n", done.stderr
            living.stdin.close()
            assert living.wait() == (0 if found[-1] else -signal.SIGABRT)
