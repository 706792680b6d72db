"""Deliveries found in a real folder: settled, replaced, late, in several files, and what only looks like a file."""

import os
import time
from pathlib import Path

import pytest

from platform_assets.landing.arrivals import LandingFolder
from platform_assets.landing.found import Arrivals, Completeness, Watermark
from platform_assets.landing.landing import FileNames
from platform_assets.landing.patterns import ArrivalPattern, PatternError
from tests.support.day_names import by_day
from tests.support.file_clock import wait_for_later_stamp
from tests.support.looks import changes

DAY = ArrivalPattern("orders/orders_%Y-%m-%d*.csv")


def folder(root: Path, pattern: ArrivalPattern = DAY, *, settle: float = 0, marker: str | None = None) -> LandingFolder:
    completeness = Completeness(settle, ArrivalPattern(marker) if marker else None)
    return LandingFolder(str(root), FileNames("orders", pattern, by_day, completeness))


def put(path: Path, text: str = "id\n1\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def now() -> int:
    return time.time_ns() + 1_000_000_000


def test_a_delivery_in_several_files_is_one_delivery(tmp_path: Path) -> None:
    put(tmp_path / "orders/orders_2024-01-01_b.csv")
    put(tmp_path / "orders/orders_2024-01-01_a.csv")
    put(tmp_path / "orders/orders_2024-01-02.csv")
    found = folder(tmp_path).deliveries(now_ns=now())
    assert sorted(found.deliveries) == ["2024-01-01", "2024-01-02"]
    names = [Path(file.path).name for file in found.deliveries["2024-01-01"].files]
    assert names == ["orders_2024-01-01_a.csv", "orders_2024-01-01_b.csv"]


def test_a_file_that_still_changes_is_waited_for_even_with_an_old_mtime(tmp_path: Path) -> None:
    path = put(tmp_path / "orders/orders_2024-01-01.csv")
    os.utime(path, (0, 0))
    found = folder(tmp_path, settle=60).deliveries(now_ns=time.time_ns())
    assert found.deliveries == {}
    assert "60 seconds" in found.waiting["2024-01-01"]
    assert folder(tmp_path, settle=60).deliveries(now_ns=time.time_ns() + 61 * 10**9).deliveries


def test_only_what_changed_is_reported_late_and_out_of_order_files_too(tmp_path: Path) -> None:
    landing = folder(tmp_path)
    put(tmp_path / "orders/orders_2024-01-05.csv")
    found, watermark = changes(landing, Watermark(), now_ns=now(), limit=100)
    assert list(found.deliveries) == ["2024-01-05"]
    assert changes(landing, watermark, now_ns=now(), limit=100) == (type(found)(), watermark)
    wait_for_later_stamp(tmp_path)
    put(tmp_path / "orders/orders_2024-01-02.csv")
    found, watermark = changes(landing, watermark, now_ns=now(), limit=100)
    assert list(found.deliveries) == ["2024-01-02"]


def test_a_replaced_file_is_a_new_version_and_an_added_file_renews_the_whole_delivery(tmp_path: Path) -> None:
    landing = folder(tmp_path)
    path = put(tmp_path / "orders/orders_2024-01-01.csv")
    first, watermark = changes(landing, Watermark(), now_ns=now(), limit=100)
    wait_for_later_stamp(tmp_path)
    path.write_text("id\n2\n")
    second, watermark = changes(landing, watermark, now_ns=now(), limit=100)
    assert second.deliveries["2024-01-01"].version != first.deliveries["2024-01-01"].version
    wait_for_later_stamp(tmp_path)
    put(tmp_path / "orders/orders_2024-01-01_more.csv")
    third, _ = changes(landing, watermark, now_ns=now(), limit=100)
    assert len(third.deliveries["2024-01-01"].files) == 2


def test_many_changes_are_taken_in_steps_and_none_is_lost(tmp_path: Path) -> None:
    landing = folder(tmp_path)
    for day in range(1, 29):
        put(tmp_path / f"orders/orders_2024-02-{day:02}.csv")
    seen: set[str] = set()
    watermark, steps = Watermark(), 0
    while True:
        found, mark_after = changes(landing, watermark, now_ns=now(), limit=5)
        if mark_after == watermark:
            break
        seen |= set(found.deliveries)
        watermark, steps = mark_after, steps + 1
    assert len(seen) == 28
    assert steps == 6


@pytest.mark.parametrize("pattern", ["%Y-%m-%d/part*.csv", "%Y-%m-%d/x/part*.csv", "*/%Y-%m-%d_part*.csv", "%Y/%m/%d*"])
def test_a_folder_that_is_moved_in_is_news_though_its_files_keep_their_times(tmp_path: Path, pattern: str) -> None:
    landing = folder(tmp_path / "landing", ArrivalPattern(pattern))
    name = pattern.replace("%Y", "2024").replace("%m", "01").replace("*/", "eu/").replace("*", "0")
    top = name.split("/")[0]
    put(tmp_path / "stage" / name.replace("%d", "01").split("/", 1)[1])
    wait_for_later_stamp(tmp_path)
    put(tmp_path / "landing" / name.replace("%d", "09").replace("eu/", "us/").replace("2024/", "2023/"))
    _, watermark = changes(landing, Watermark(), now_ns=now(), limit=100)
    wait_for_later_stamp(tmp_path)
    (tmp_path / "stage").rename(tmp_path / "landing" / top.replace("%d", "01"))
    assert changes(
        folder(tmp_path / "landing", ArrivalPattern(pattern), settle=60), watermark, now_ns=time.time_ns(), limit=100
    ) == (Arrivals(), watermark)
    found, after = changes(landing, watermark, now_ns=now(), limit=100)
    assert list(found.deliveries) == ["2024-01-01"]
    assert changes(landing, after, now_ns=now(), limit=100) == (Arrivals(), after)


def test_a_folder_of_one_partition_that_is_moved_in_is_news_though_something_was_added(tmp_path: Path) -> None:
    landing = folder(tmp_path / "landing", ArrivalPattern("%Y-%m-%d/part*.csv"))
    put(tmp_path / "stage/part-0.csv")
    wait_for_later_stamp(tmp_path)
    put(tmp_path / "landing/2024-01-02/part-0.csv")
    _, watermark = changes(landing, Watermark(), now_ns=now(), limit=100)
    wait_for_later_stamp(tmp_path)
    (tmp_path / "stage").rename(tmp_path / "landing/2024-01-01")
    put(tmp_path / "landing/2024-01-01/_SUCCESS", "")
    assert list(changes(landing, watermark, now_ns=now(), limit=100)[0].deliveries) == ["2024-01-01"]


def test_a_file_added_to_a_shared_folder_is_news_of_its_partition_alone(tmp_path: Path) -> None:
    landing = folder(tmp_path, ArrivalPattern("*/%Y/%Y-%m-%d.csv"))
    for day in range(1, 9):
        put(tmp_path / f"eu/2024/2024-01-0{day}.csv")
    _, watermark = changes(landing, Watermark(), now_ns=now(), limit=100)
    wait_for_later_stamp(tmp_path)
    put(tmp_path / "eu/2024/2024-01-09.csv")
    assert list(changes(landing, watermark, now_ns=now(), limit=100)[0].deliveries) == ["2024-01-09"]


def test_a_marker_completes_a_delivery_and_is_no_data(tmp_path: Path) -> None:
    pattern = ArrivalPattern("orders/%Y-%m-%d/*")
    landing = folder(tmp_path, pattern, marker="orders/%Y-%m-%d/_SUCCESS")
    put(tmp_path / "orders/2024-01-01/part-0.csv")
    found, watermark = changes(landing, Watermark(), now_ns=now(), limit=100)
    assert found.deliveries == {}
    assert "_SUCCESS" in found.waiting["2024-01-01"]
    wait_for_later_stamp(tmp_path)
    put(tmp_path / "orders/2024-01-01/_SUCCESS", "")
    found, _ = changes(landing, watermark, now_ns=now(), limit=100)
    assert [Path(f.path).name for f in found.deliveries["2024-01-01"].files] == ["part-0.csv"]


def test_what_only_looks_like_a_file_is_told_and_not_opened(tmp_path: Path) -> None:
    target = put(tmp_path / "elsewhere.csv")
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders/orders_2024-01-01.csv").symlink_to(target)
    os.mkfifo(tmp_path / "orders/orders_2024-01-02.csv")
    (tmp_path / "orders/orders_2024-01-03.csv").mkdir()
    put(tmp_path / "orders/orders_2024-01-04.csv.part")
    put(tmp_path / "orders/.orders_2024-01-05.csv")
    for found in (
        folder(tmp_path).deliveries(now_ns=now()),
        changes(folder(tmp_path), Watermark(), now_ns=now(), limit=10)[0],
    ):
        assert found.deliveries == {}
        assert sorted(found.irregular.values()) == ["a folder", "a pipe", "a symbolic link"]


def test_names_that_fit_no_partition_are_told(tmp_path: Path) -> None:
    put(tmp_path / "orders/orders_2024-02-30.csv")
    put(tmp_path / "orders/orders_2024_02_01.csv")
    put(tmp_path / "orders/of_another_feed.csv")
    found, _ = changes(folder(tmp_path), Watermark(), now_ns=now(), limit=10)
    assert sorted(found.unmatched) == ["orders/orders_2024-02-30.csv", "orders/orders_2024_02_01.csv"]
    assert found.deliveries == {}


def test_a_folder_that_is_not_there_yet_has_no_deliveries(tmp_path: Path) -> None:
    assert changes(folder(tmp_path / "none"), Watermark(), now_ns=now(), limit=10)[1] == Watermark()


@pytest.mark.parametrize(
    ("pattern", "part"),
    [("a_%Q.csv", "%Q"), ("/etc/%Y.csv", "relative"), ("../%Y.csv", "relative"), ("{key}_%Y.csv", "one or the other")],
)
def test_a_pattern_that_cannot_be_read_says_why(pattern: str, part: str) -> None:
    with pytest.raises(PatternError, match=part):
        _ = ArrivalPattern(pattern).regex


def test_a_repeated_token_must_agree() -> None:
    pattern = ArrivalPattern("%Y/x_%Y-%m.csv")
    assert pattern.token("2024/x_2024-01.csv") == ("2024", "01")
    assert pattern.token("2023/x_2024-01.csv") is None
