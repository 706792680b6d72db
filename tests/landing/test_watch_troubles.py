"""What hinders the events of a landing folder: folders that come and go, limits of the system, other systems."""

from __future__ import annotations

import errno
import logging
import os
import resource
import shutil
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from platform_assets.landing import watch
from tests.support.watched_landing import Landing, daily, until, watched_landing

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the events are inotify's, which Linux alone has")

LIBRARY = "watchdog.observers.inotify_c"
"""Not imported: it cannot be on other systems."""


def open_files() -> int:
    return psutil.Process().num_fds()


def no_watch(number: int, *names: str) -> Callable[..., int]:
    """What takes the place of the library's watching: it fails for folders of these names, or for all."""

    def fails(self: object, path: bytes, mask: int) -> int:
        if names and Path(os.fsdecode(path)).name not in names:
            return watches(self, path, mask)
        raise OSError(number, os.strerror(number))

    from watchdog.observers.inotify_c import Inotify

    watches = Inotify._add_watch
    return fails


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


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE], ids=errno.errorcode.get)
def test_a_limit_of_the_system_is_said_and_leaves_nothing_open(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{LIBRARY}.Inotify._add_watch", no_watch(number))
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


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.ENOMEM, errno.EACCES, errno.EIO], ids=errno.errorcode.get)
def test_a_folder_that_could_not_be_watched_is_tried_again(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{LIBRARY}.Inotify._add_watch", no_watch(number, "2024", "2025"))
    for year in ("2023", "2024", "2025"):
        (tmp_path / "orders" / year / "01").mkdir(parents=True)
    with watched_landing(tmp_path, daily("orders/%Y/%m/%d.csv", settle=0.1)) as there:
        assert there.watch.folders == {"", "orders", "orders/2023", "orders/2023/01"}
        there.watch.add(there.feed)
        assert os.strerror(number) in str(there.watch.trouble)
        there.put("orders/2024/01/01.csv")
        there.all_taken()
        assert "orders" not in there.woken.names
        monkeypatch.undo()
        there.watch.add(there.feed)
        assert there.watch.trouble is None
        assert there.watch.folders >= {f"orders/{year}/01" for year in ("2023", "2024", "2025")}
        until(lambda: "orders" in there.woken.names, "what came meanwhile")
        there.move("orders/2025/01/01.csv")
        until(lambda: there.is_whole("orders/2025/01/01.csv"))


def test_one_that_is_gone_is_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{LIBRARY}.Inotify._add_watch", no_watch(errno.EACCES, "2024"))
    (tmp_path / "orders" / "2024").mkdir(parents=True)
    with watched_landing(tmp_path, daily("orders/%Y/%m-%d.csv")) as there:
        assert there.watch.trouble == f"orders/2024: {os.strerror(errno.EACCES)}"
        (tmp_path / "orders" / "2024").rmdir()
        monkeypatch.undo()
        there.watch.add(there.feed)
        assert there.watch.trouble is None


def test_a_folder_that_must_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library takes it for one that is watched; root may read all, so that the system's answer is made here."""
    (tmp_path / "orders").mkdir()

    def refuses(*_: object) -> int:
        return -1

    monkeypatch.setattr(f"{LIBRARY}.inotify_add_watch", refuses)
    monkeypatch.setattr(f"{LIBRARY}.ctypes.get_errno", lambda: errno.EACCES)
    there = Landing(tmp_path, daily())
    try:
        assert there.watch.trouble == os.strerror(errno.EACCES)
        assert there.watch.folders == set()
        monkeypatch.undo()
        there.watch.add(there.feed)
        assert there.watch.trouble is None
        assert there.watch.folders == {"", "orders"}
    finally:
        there.watch.end()


def test_an_entry_that_is_gone_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever comes first in the listing of a folder that was moved into place."""

    class Gone:
        def __init__(self, entry: os.DirEntry[str]) -> None:
            self.name, self.is_dir, self._entry = entry.name, entry.is_dir, entry

        def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
            if self.name.startswith("gone"):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            return self._entry.stat(follow_symlinks=follow_symlinks)

    class Listing:
        def __init__(self, folder: Path) -> None:
            self._entries = sorted((Gone(entry) for entry in scandir(folder)), key=lambda entry: entry.name[-1])

        def __enter__(self) -> list[Gone]:
            return self._entries

        def __exit__(self, *_: object) -> None: ...

    scandir = os.scandir
    with watched_landing(tmp_path, daily("orders/{key}/a.csv")) as there:
        for name in ("gone0", "there1", "gone2", "there3"):
            there.put(f"draft/{name}/a.csv")
        monkeypatch.setattr(watch.os, "scandir", Listing)
        (tmp_path / "draft").rename(tmp_path / "moved")
        shutil.rmtree(tmp_path / "orders")
        (tmp_path / "moved").rename(tmp_path / "orders")
        until(lambda: there.watch.folders >= {"orders/there1", "orders/there3"})
        assert there.watch.trouble is None


def test_more_events_than_the_system_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with watched_landing(tmp_path, daily("orders/%Y/%m-%d.csv", settle=0.1)) as there:
        read = os.read

        def overflows(number: int, size: int) -> bytes:
            found = read(number, size)
            if there.watch._watches is None or number != there.watch._watches.fd:
                return found
            monkeypatch.setattr(os, "read", read)
            return struct.pack("iIII", -1, 0x4000, 0, 0)

        monkeypatch.setattr(os, "read", overflows)
        with caplog.at_level(logging.WARNING, watch.log.name):
            (tmp_path / "orders" / "2024").mkdir()
            until(lambda: "orders/2024" in there.watch.folders, "the event of which was lost")
        assert "fs.inotify.max_queued_events" in caplog.text
        assert "Traceback" not in caplog.text
        until(lambda: "orders" in there.woken.names, "what may have been missed is looked at")


def test_a_sensor_that_cannot_be_woken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def wake(_: str) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    (tmp_path / "orders").mkdir()
    there = Landing(tmp_path, daily())
    there.watch._wake = wake
    try:
        with caplog.at_level(logging.WARNING, watch.log.name):
            there.move("orders/2024-01-01.csv")
            until(lambda: "the sensor orders is evaluated at its next interval" in caplog.text)
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


def test_what_the_account_of_folders_trips_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with watched_landing(tmp_path, daily(settle=0.2)) as there:

        def fails(_: object) -> None:
            monkeypatch.undo()
            raise KeyError(7)

        monkeypatch.setattr("platform_assets.landing.inotify.FolderWatches.events", fails)
        there.move("orders/2024-01-01.csv")
        until(lambda: "orders" in there.woken.names, "what may have been missed is looked at")
        there.move("orders/2024-01-02.csv")
        until(lambda: there.is_whole("orders/2024-01-02.csv"))
