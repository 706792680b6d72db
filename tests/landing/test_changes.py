"""What is remembered of changes: when feeds are due, how often, and that memory is bounded, by a clock of the test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from platform_assets.landing import changes
from platform_assets.landing.changes import AT_ONCE_SECONDS, BETWEEN_SECONDS, Changes


@pytest.fixture(name="status")
def _status(tmp_path: Path) -> os.stat_result:
    (tmp_path / "file").touch()
    return (tmp_path / "file").stat()


def times(memory: Changes, until: float) -> list[tuple[float, set[str]]]:
    """When which feeds are due, as one who waits just for that sees it."""
    found = []
    while (due := memory.next_due()) is not None and due <= until:
        taken = memory.take_due(due)
        if taken:
            found.append((due, taken))
    return found


def test_a_file_that_grows_is_due_once_when_it_has_stopped() -> None:
    memory = Changes()
    for second in range(100):
        memory.written("orders", "a", now=second, wait=30)
    assert times(memory, 1000) == [(99 + 30 + AT_ONCE_SECONDS, {"orders"})]
    assert len(memory) == 0


def test_files_are_due_one_by_one_and_feeds_apart() -> None:
    memory = Changes()
    memory.written("orders", "a", now=0, wait=30)
    memory.written("orders", "b", now=10, wait=30)
    memory.written("sales", "a", now=10, wait=5)
    due = [(15, {"sales"}), (30, {"orders"}), (40, {"orders"})]
    assert times(memory, 1000) == [(moment + AT_ONCE_SECONDS, feeds) for moment, feeds in due]


def test_a_burst_is_due_once_a_second(status: os.stat_result) -> None:
    memory = Changes()
    for number in range(10_000):
        memory.moved("orders", f"{number}", status, now=number / 2_000, wait=30)
        times(memory, number / 2_000)
    found = times(memory, 20)
    assert len(found) <= 2
    assert found[-1][0] <= 5 + BETWEEN_SECONDS + AT_ONCE_SECONDS


def test_a_move_is_due_at_once_also_of_what_was_written_just_before(status: os.stat_result) -> None:
    memory = Changes()
    memory.written("orders", "a", now=0, wait=30)
    memory.moved("orders", "a", status, now=1, wait=30)
    assert times(memory, 100) == [(1 + AT_ONCE_SECONDS, {"orders"})]


def test_a_move_is_forgotten_when_the_file_is_stable_anyway(status: os.stat_result) -> None:
    memory = Changes()
    memory.moved("orders", "a", status, now=0, wait=30)
    memory.moved("orders", "a", status, now=10, wait=30)
    memory.take_due(31)
    assert memory.was_moved("orders", "a", status)
    memory.take_due(40)
    assert not memory.was_moved("orders", "a", status)
    assert (len(memory), memory.next_due()) == (0, None)


def test_a_move_that_was_written_to_counts_no_more(status: os.stat_result) -> None:
    memory = Changes()
    memory.moved("orders", "a", status, now=0, wait=30)
    memory.written("orders", "a", now=1, wait=30)
    assert not memory.was_moved("orders", "a", status)


def test_memory_has_a_bound_and_every_feed_is_due_all_the_same(
    status: os.stat_result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "MOST_FILES", 10)
    memory = Changes()
    for number in range(1_000):
        memory.written("orders", f"{number}", now=number / 1_000, wait=30)
        memory.moved("orders", f"m{number}", status, now=number / 1_000, wait=30)
        memory.written("sales", f"{number}", now=number / 1_000, wait=50)
    assert len(memory) <= 22
    assert {feed for _, feeds in times(memory, 49) for feed in feeds} == {"orders"}
    assert times(memory, 1000)[-1][1] == {"sales"}


@pytest.mark.parametrize("wait", [1, 3600])
def test_one_file_written_and_moved_in_turn_leaves_nothing_behind(status: os.stat_result, wait: float) -> None:
    memory = Changes()
    for number in range(5_000):
        memory.written("orders", "a", now=number / 10, wait=wait)
        memory.moved("orders", "a", status, now=number / 10, wait=wait)
        times(memory, number / 10)
    assert len(memory._due._by_time) + len(memory._forgotten._by_time) < 50
