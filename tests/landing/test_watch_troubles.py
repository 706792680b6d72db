"""What hinders the events of a landing folder: folders that come and go, limits of the system, other systems."""

from __future__ import annotations

import os
import resource
import shutil
import sys
import threading
from pathlib import Path

import pytest

from platform_assets.landing import inotify, watch
from tests.support.watched_landing import Landing, daily, until, watched_landing


def open_files() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def test_a_folder_that_does_not_exist_yet(tmp_path: Path) -> None:
    there = Landing(tmp_path / "landing", daily())
    try:
        assert there.watch.trouble == "the landing folder is not there"
        (tmp_path / "landing").mkdir()
        there.watch.add(there.feed)
        assert there.watch.trouble is None
        (tmp_path / "landing/orders").mkdir()
        until(lambda: "orders" in there.watch.folders)
        there.move("orders/2024-01-01.csv")
        until(lambda: there.woken.names == ["orders"])
    finally:
        there.watch.end()


@pytest.mark.parametrize("gone", ["orders", "."])
@pytest.mark.parametrize("way", ["removed", "moved"])
def test_a_folder_that_is_taken_away_and_made_anew(tmp_path: Path, gone: str, way: str) -> None:
    with watched_landing(tmp_path / "landing", daily("orders/{key}.csv")) as there:
        folder = there.root / gone
        if way == "removed":
            shutil.rmtree(folder)
        else:
            folder.rename(tmp_path / "away")
            # what happens there is no longer of the feed
            (tmp_path / "away" / "2024-01-09.csv").write_text("id\n")
        (there.root / "orders").mkdir(parents=True)
        moved: list[str] = []

        def one_is_seen() -> bool:
            there.watch.add(there.feed)  # as the next tick does
            moved.append(f"orders/{len(moved)}.csv")
            there.move(moved[-1])
            return any(there.is_whole(name) for name in moved)

        until(one_is_seen)
        assert there.watch.trouble is None


@pytest.mark.parametrize("number", [28, 24], ids=["ENOSPC", "EMFILE"])
def test_a_limit_of_the_system_is_said_and_leaves_nothing_open(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def limit(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(inotify.Inotify, "_add_watch", limit)
    (tmp_path / "orders").mkdir()
    there = Landing(tmp_path, daily())
    try:
        before = open_files()
        for _ in range(5):
            there.watch.add(there.feed)
        assert open_files() == before
        assert "fs.inotify.max_user" in str(there.watch.trouble)
        monkeypatch.undo()
        there.watch.add(there.feed)
        assert there.watch.trouble is None
    finally:
        there.watch.end()


def test_few_open_files_suffice(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        with watched_landing(tmp_path, daily("orders/%Y-%m-%d/orders.csv")) as there:
            for number in range(300):
                (tmp_path / f"orders/2024-{1 + number // 28:02}-{1 + number % 28:02}").mkdir()
            there.all_taken()
            there.move("orders/2024-03-03/orders.csv")
            until(lambda: there.is_whole("orders/2024-03-03/orders.csv"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_an_end_leaves_no_thread_and_no_file(tmp_path: Path) -> None:
    before, threads = open_files(), threading.active_count()
    for _ in range(3):
        with watched_landing(tmp_path, daily()):
            pass
    assert open_files() == before
    assert threading.active_count() == threads


def test_a_system_without_inotify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "platform_assets.landing.inotify", None)
    with watched_landing(tmp_path, daily()) as there:
        assert "no inotify" in str(there.watch.trouble)


def test_a_network_file_system_is_watched_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "shared_file_system", lambda _: "nfs4")
    with watched_landing(tmp_path, daily()) as there:
        assert "nfs4" in str(there.watch.trouble)
        there.move("orders/2024-01-01.csv")
        until(lambda: there.woken.names == ["orders"])


def test_what_the_library_trips_over_is_watched_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with watched_landing(tmp_path, daily(settle=0.2)) as there:
        read = inotify.Inotify.read_events

        def fails(self: inotify.Inotify) -> list[inotify.InotifyEvent]:
            monkeypatch.setattr(inotify.Inotify, "read_events", read)
            raise KeyError(7)

        monkeypatch.setattr(inotify.Inotify, "read_events", fails)
        there.move("orders/2024-01-01.csv")
        until(lambda: "orders" in there.woken.names, "what may have been missed is looked at")
        there.move("orders/2024-01-02.csv")
        until(lambda: there.is_whole("orders/2024-01-02.csv"))
