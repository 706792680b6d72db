"""Several processes hold assets and count failures at once, or are killed while they do: nothing is lost or torn."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from platform_assets.holds.breaker import Failures, failures_of
from platform_assets.holds.holds import held
from tests.instance.support import instance

EACH = 25


def start(home: Path, name: str, what: str, count: int, points: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.holds.writer", str(home), name, what, str(count)]
    variables = {**os.environ, "PLATFORM_FAILPOINTS": points}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=variables)


def finish(*writers: subprocess.Popen[str]) -> list[int]:
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
    return [writer.returncode for writer in writers]


@pytest.mark.slow
def test_what_two_processes_hold_at_once_is_all_held(tmp_path: Path) -> None:
    with instance(tmp_path, "quick") as on:
        assert finish(*(start(tmp_path, name, "hold", EACH) for name in "ab")) == [0, 0]
        assert set(held(on, 2.0).holds) == {f"raw/{name}{number}" for name in "ab" for number in range(EACH)}


def test_failures_that_two_processes_count_at_once_are_all_counted(tmp_path: Path) -> None:
    with instance(tmp_path, "quick") as on:
        assert finish(*(start(tmp_path, name, "fail", EACH) for name in "ab")) == [0, 0]
        assert len(failures_of(on, ["raw/orders"])["raw/orders"].row) == 2 * EACH
        assert list(held(on, 100.0).holds) == ["raw/orders"]


@pytest.mark.slow
@pytest.mark.parametrize("point", ["instance.values.before_write", "holds.breaker.before_hold"])
def test_a_writer_that_is_killed_leaves_the_old_state_or_the_new_one(tmp_path: Path, point: str) -> None:
    with instance(tmp_path, "quick") as on:
        assert finish(start(tmp_path, "a", "fail", 1, f"{point}=kill")) == [-signal.SIGKILL]
        found = failures_of(on, ["raw/orders"])["raw/orders"]
        assert (found == Failures()) == (point == "instance.values.before_write")
        assert held(on, 2.0).holds == {}
        assert finish(start(tmp_path, "b", "fail", 1)) == [0]
        assert list(held(on, 2.0).holds) == ["raw/orders"], "the next failure holds it"
