"""What cannot be looked at in a landing folder: its partitions wait, and a part is never taken for a delivery."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from platform_assets.landing import walk as landing_walk
from platform_assets.landing.found import Watermark
from tests.landing.test_odd_landing import folder, now, put
from tests.support.landing_faults import faulty
from tests.support.looks import changes


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.EMFILE, errno.ENAMETOOLONG, errno.ESTALE])
@pytest.mark.parametrize("where", ["orders/2024-01-06", "orders/2024-01-06/part.csv"])
def test_a_fault_costs_the_partition_that_lies_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, number: int
) -> None:
    for day in (5, 6, 7):
        put(tmp_path / f"orders/2024-01-0{day}/part.csv")
    put(tmp_path / "orders/2024-01-06/other.csv")
    faulty(monkeypatch, tmp_path / where, number)
    landing = folder(tmp_path)
    asked = landing.deliveries({"2024-01-05", "2024-01-06", "2024-01-08"}, now_ns=now())
    found, _ = changes(landing, Watermark(), now_ns=now(), limit=100)
    assert list(asked.deliveries) == ["2024-01-05"]
    assert list(found.deliveries) == ["2024-01-05", "2024-01-07"]
    for arrivals in (asked, found):
        assert list(arrivals.waiting) == ["2024-01-06"], "a day without files is not one that nobody could look for"
        assert os.strerror(number) in arrivals.waiting["2024-01-06"]
        assert list(arrivals.faults) == [where]


@pytest.mark.parametrize(
    ("pattern", "where", "waiting"),
    [
        ("orders/%Y/%m/%d_*.csv", "orders/2024/02", ["2024-02-01"]),
        ("orders/%Y/%m/%d_*.csv", "orders/2024", ["2024-01-09", "2024-02-01"]),
        ("orders/%Y/%m/%d_*.csv", "orders", ["2024-01-09", "2024-02-01", "2025-01-01"]),
        ("orders/%Y/%m/%d_*.csv", "orders/other", []),
    ],
)
def test_days_without_files_are_not_absent_where_nobody_could_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, where: str, waiting: list[str]
) -> None:
    put(tmp_path / "orders/2024/01/05_a.csv")
    (tmp_path / where).mkdir(parents=True, exist_ok=True)
    faulty(monkeypatch, tmp_path / where, errno.EACCES)
    found = folder(tmp_path, pattern).deliveries({"2024-01-09", "2024-02-01", "2025-01-01"}, now_ns=now())
    assert sorted(found.waiting) == waiting


@pytest.mark.parametrize(
    ("pattern", "where", "waiting"),
    [
        ("region=*/%Y-%m-%d.csv", "region=eu", ["2024-01-05", "2024-01-06", "2024-02-01", "2024-02-02"]),
        ("%Y-%m/region=*/%d.csv", "2024-01/region=eu", ["2024-01-05", "2024-01-06"]),
        ("%Y-%m/region=*/%d.csv", "2024-01", ["2024-01-05", "2024-01-06"]),
        ("region=*/%Y-%m-%d.csv", "lost+found", []),
        ("*/%Y-%m-%d.csv", "lost+found", []),
        ("%Y-%m/*/%d.csv", "2024-01/lost+found", []),
        ("region=*/%Y-%m-%d.csv", "other feed", []),
        ("%Y-%m/region=*/%d.csv", "2024-01/other feed", []),
    ],
)
@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES])
def test_partitions_wait_whose_files_may_lie_in_a_folder_that_cannot_be_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, where: str, waiting: list[str], number: int
) -> None:
    """What is found of them elsewhere may be a part, and a part is never taken for the delivery."""
    days = ("2024-01-05", "2024-02-01")
    for year, month, day in (name.split("-") for name in days):
        path = pattern.replace("region=*", "region=us").replace("*", "us").replace("%Y", year)
        put(tmp_path / path.replace("%m", month).replace("%d", day))
    (tmp_path / where).mkdir(parents=True, exist_ok=True)
    asked = {*days, "2024-01-06", "2024-02-02"}
    faulty(monkeypatch, tmp_path / where, number)
    landing = folder(tmp_path, pattern)
    found = landing.deliveries(asked, now_ns=now())
    assert sorted(found.waiting) == waiting
    assert sorted(found.deliveries) == sorted(set(days) - set(waiting))
    assert all(where in why and os.strerror(number) in why for why in found.waiting.values())
    changed, _ = changes(landing, Watermark(), now_ns=now(), limit=100)
    assert sorted(changed.deliveries) == sorted(found.deliveries), "the sensor takes no part either"


@pytest.mark.parametrize("pattern", ["orders/%Y-%m-%d/*.csv", "%Y-%m-%d.csv", "*/%Y/%m/%d.csv"])
@pytest.mark.parametrize(
    "root", ["nothing", "a file", "below a file", "a link to nothing", "not looked at", "goes away"]
)
def test_without_the_landing_folder_every_partition_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, root: str
) -> None:
    """A volume that is not mounted looks like a folder that is not there, and not like days without a file."""
    path, words = tmp_path / "landing", "is not there"
    if root == "a file":
        path.touch()
        words = "is not a folder"
    elif root == "below a file":
        (tmp_path / "file").touch()
        path = tmp_path / "file/landing"
    elif root == "a link to nothing":
        path.symlink_to(tmp_path / "gone")
    elif root == "not looked at":
        fault = OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        monkeypatch.setattr(Path, "stat", Mock(side_effect=fault))
        words = os.strerror(errno.ENOTCONN)
    elif root == "goes away":
        for name in ("orders/2024-01-05/a.csv", "2024-01-05.csv", "us/2024/01/05.csv"):
            put(path / name)
        descend = landing_walk.Walk._descend

        def going(walk: Any, *more: Any) -> Any:
            yield from descend(walk, *more)
            if path.exists():
                path.rename(tmp_path / "elsewhere")

        monkeypatch.setattr(landing_walk.Walk, "_descend", going)
    asked = {"2024-01-05", "2024-01-06"}
    found = folder(path, pattern).deliveries(asked, now_ns=now())
    assert found.deliveries == {}
    assert list(found.faults) == ["."]
    assert found.waiting == dict.fromkeys(asked, found.faults["."])
    assert f"the landing folder {path} " in found.faults["."]
    assert words in found.faults["."]


@pytest.mark.parametrize("pattern", ["orders/%Y-%m-%d/*.csv", "orders/%Y/%m/%d.csv"])
def test_a_folder_of_the_feed_that_is_not_there_yet_is_empty(tmp_path: Path, pattern: str) -> None:
    found = folder(tmp_path, pattern).deliveries({"2024-01-05"}, now_ns=now())
    assert (found.deliveries, found.waiting, found.faults) == ({}, {}, {})
