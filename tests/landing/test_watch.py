"""Real events of a real file system: what counts as moved into place, what waits, and what wakes a feed."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
import time
from pathlib import Path

import pytest

from platform_assets.landing.changes import MOST_FILES
from tests.support.file_clock import wait_for_later_stamp
from tests.support.watched_landing import daily, until, watched_landing

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the events are inotify's, which Linux alone has")


def test_a_file_that_is_renamed_into_place_is_whole_and_wakes_at_once(tmp_path: Path) -> None:
    with watched_landing(tmp_path, daily()) as there:
        there.move("orders/2024-01-01.csv")
        until(lambda: there.woken.names == ["orders"])
        assert there.is_whole("orders/2024-01-01.csv")
        assert there.watch.trouble is None


def test_one_that_comes_from_elsewhere_is_too(tmp_path: Path) -> None:
    with watched_landing(tmp_path / "landing", daily()) as there:
        outside = tmp_path / "outside.csv"
        outside.write_text("id\n1\n")
        there.move("orders/2024-01-01.csv", outside)
        until(lambda: there.woken.names == ["orders"])
        assert there.is_whole("orders/2024-01-01.csv")


def test_a_file_that_is_written_in_place_waits(tmp_path: Path) -> None:
    with watched_landing(tmp_path, daily()) as there:
        there.put("orders/2024-01-01.csv")
        there.all_taken()
        assert not there.is_whole("orders/2024-01-01.csv")
        assert "orders" not in there.woken.names


def test_it_wakes_once_it_has_not_changed_for_the_settle_time(tmp_path: Path) -> None:
    with watched_landing(tmp_path, daily(settle=0.3)) as there:
        changed = there.put("orders/2024-01-01.csv").stat().st_ctime
        until(lambda: there.woken.names == ["orders"])
        assert time.time() >= changed + 0.3


def test_a_temporary_name_is_nothing_and_its_rename_is(tmp_path: Path) -> None:
    """As rsync and others do it: a hidden name, or one with an ending, in the same folder."""
    with watched_landing(tmp_path, daily(settle=0)) as there:
        hidden = there.put("orders/.2024-01-01.csv.x7Qa1")
        part = there.put("orders/2024-01-02.csv.part")
        there.all_taken()
        assert "orders" not in there.woken.names
        there.move("orders/2024-01-01.csv", hidden)
        there.move("orders/2024-01-02.csv", part)
        until(lambda: "orders" in there.woken.names)


def test_what_is_appended_to_after_its_rename_waits(tmp_path: Path) -> None:
    with watched_landing(tmp_path, daily()) as there:
        path = there.move("orders/2024-01-01.csv")
        until(lambda: there.is_whole("orders/2024-01-01.csv"))
        wait_for_later_stamp(tmp_path)
        with path.open("a") as file:
            file.write("2\n")
        assert not there.is_whole("orders/2024-01-01.csv"), "before the event is taken, too"
        there.all_taken()
        assert not there.is_whole("orders/2024-01-01.csv")


def test_what_its_writer_still_has_open_waits_though_nothing_is_written(tmp_path: Path) -> None:
    with watched_landing(tmp_path, daily()) as there, there.put(".draft").open("a") as writer:
        there.move("orders/2024-01-01.csv", tmp_path / ".draft")
        until(lambda: there.woken.names == ["orders"])
        assert not there.is_whole("orders/2024-01-01.csv")
        writer.write("2\n")
        writer.flush()
        assert not there.is_whole("orders/2024-01-01.csv")
        writer.close()
        there.all_taken()
        assert not there.is_whole("orders/2024-01-01.csv"), "it was written after its rename"


@pytest.mark.slow
@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EINVAL], ids=errno.errorcode.get)
def test_a_file_of_which_the_system_does_not_tell_waits(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of another user, or of a file system without leases; the answer is made here, as root sees all."""

    def refuses(_: int, command: int, __: int) -> int:
        if command == fcntl.F_SETLEASE:
            raise OSError(number, os.strerror(number))
        return 0

    monkeypatch.setattr(fcntl, "fcntl", refuses)
    with watched_landing(tmp_path, daily(settle=1)) as there:
        there.move("orders/2024-01-01.csv")
        until(lambda: there.woken.names == ["orders"])
        assert not there.is_whole("orders/2024-01-01.csv")
        until(lambda: there.woken.names == ["orders"] * 2, "when the settle time is over")
        assert not there.is_whole("orders/2024-01-01.csv")


def test_a_reader_hinders_nothing(tmp_path: Path) -> None:
    with watched_landing(tmp_path, daily()) as there:
        path = there.move("orders/2024-01-01.csv")
        with path.open() as reader:
            until(lambda: there.is_whole("orders/2024-01-01.csv"))
            assert reader.read() == "id\n1\n"


def test_a_hard_link_waits(tmp_path: Path) -> None:
    """The file may be written by its other name, of which no event comes."""
    with watched_landing(tmp_path / "landing", daily(settle=0.2)) as there:
        (tmp_path / "other").write_text("id\n1\n")
        os.link(tmp_path / "other", there.root / "orders/2024-01-01.csv")
        until(lambda: there.woken.names == ["orders"])
        assert not there.is_whole("orders/2024-01-01.csv")


def test_a_folder_that_is_moved_into_place_brings_whole_files(tmp_path: Path) -> None:
    with watched_landing(tmp_path, daily("orders/%Y-%m/%d/orders.csv")) as there:
        there.put("draft/01/orders.csv")
        wait_for_later_stamp(tmp_path)
        (tmp_path / "draft").rename(tmp_path / "orders/2024-01")
        until(lambda: "orders" in there.woken.names)
        assert there.is_whole("orders/2024-01/01/orders.csv")
        count = len(there.woken.names)
        (tmp_path / "orders/2024-01/02").mkdir()
        until(lambda: "orders/2024-01/02" in there.watch.folders)
        there.move("orders/2024-01/02/orders.csv")
        until(lambda: len(there.woken.names) > count, "the folder that came is watched too")


def test_a_folder_that_was_added_to_since_brings_files_that_wait(tmp_path: Path) -> None:
    with watched_landing(tmp_path, daily("orders/%Y-%m-%d/orders.csv")) as there:
        # as if it was moved before the file was added: then both of the folder's times are those of the file
        draft = tmp_path / "draft"
        draft.mkdir()
        moved = tmp_path / "orders/2024-01-01"
        there.watch._lock.acquire()
        try:
            draft.rename(moved)
            wait_for_later_stamp(moved)
            (moved / "orders.csv").write_text("id\n")
        finally:
            there.watch._lock.release()
        there.all_taken()
        assert not there.is_whole("orders/2024-01-01/orders.csv")


def test_files_of_a_folder_that_is_made_are_seen(tmp_path: Path) -> None:
    with watched_landing(tmp_path, daily("orders/%Y/%m/%d.csv", settle=0.1)) as there:
        there.put("orders/2024/01/01.csv")
        until(lambda: "orders" in there.woken.names)


def test_a_marker_wakes_at_once_and_nothing_else_does(tmp_path: Path) -> None:
    feed = daily("orders/%Y-%m-%d/*.csv", marker="orders/%Y-%m-%d/_SUCCESS")
    with watched_landing(tmp_path, feed) as there:
        there.put("orders/2024-01-01/a.csv")
        there.move("orders/2024-01-01/b.csv")
        there.all_taken()
        assert "orders" not in there.woken.names
        there.put("orders/2024-01-01/_SUCCESS", "")
        until(lambda: "orders" in there.woken.names)
        assert not there.is_whole("orders/2024-01-01/b.csv"), "the marker says so, not the rename"


def test_a_manifest_wakes_at_once_if_it_was_moved_into_place(tmp_path: Path) -> None:
    feed = daily("orders/%Y-%m-%d/*.csv", marker="orders/%Y-%m-%d.manifest", lists_files=True)
    with watched_landing(tmp_path, feed) as there:
        there.put("orders/2024-01-01/a.csv")
        there.put("orders/2024-01-01.manifest", "2024-01-01/a.csv")
        there.move("orders/2024-01-01/b.csv")
        there.all_taken()
        assert "orders" not in there.woken.names, "what is written in place may still grow"
        there.move("orders/2024-01-01.manifest")
        until(lambda: "orders" in there.woken.names)
        assert there.is_whole("orders/2024-01-01.manifest")
        assert not there.is_whole("orders/2024-01-01/b.csv")


def test_one_of_several_files_is_not_whole_by_its_rename(tmp_path: Path) -> None:
    with watched_landing(tmp_path, daily("orders/%Y-%m-%d*.csv", one_file=False)) as there:
        there.move("orders/2024-01-01_a.csv")
        there.all_taken()
        assert not there.is_whole("orders/2024-01-01_a.csv")


@pytest.mark.slow
def test_many_files_at_once_wake_a_few_times(tmp_path: Path) -> None:
    with watched_landing(tmp_path, daily("orders/{key}.csv")) as there:
        for number in range(3_000):
            there.move(f"orders/{number}.csv")
        began = time.monotonic()
        until(lambda: there.is_whole("orders/2999.csv"))
        there.all_taken()
        assert 1 <= there.woken.names.count("orders") <= 4 + time.monotonic() - began
        assert len(there.watch.changes) <= 2 * MOST_FILES
