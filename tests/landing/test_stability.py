"""What is taken before its settle time is over: by a marker, by a known rename, by what a look before has found."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from platform_assets.landing.arrivals import LandingFolder
from platform_assets.landing.found import Completeness, Found, Watermark
from platform_assets.landing.landing import FileNames
from platform_assets.landing.patterns import ArrivalPattern
from platform_assets.landing.stability import CLOCK_STEP_NS, whole_up_to
from tests.support.day_names import by_day
from tests.support.file_clock import wait_for_later_stamp

SETTLE = 30.0


def folder(root: Path, *whole: str, marker: bool = False) -> LandingFolder:
    """The landing folder of daily files, of which those named ``whole`` are known to be."""

    def known(found: Found) -> bool:
        return found.path in whole

    completeness = Completeness(SETTLE, ArrivalPattern("%Y-%m-%d/_SUCCESS") if marker else None)
    return LandingFolder(str(root), FileNames("orders", ArrivalPattern("%Y-%m-%d/*.csv"), by_day, completeness), known)


def put(root: Path, name: str) -> None:
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text("id\n1\n")
    wait_for_later_stamp(root)


def soon() -> int:
    return time.time_ns() + 2 * CLOCK_STEP_NS


def test_what_is_known_to_be_whole_is_taken_and_looked_at_again_when_it_is_stable(tmp_path: Path) -> None:
    put(tmp_path, "2024-01-01/a.csv")
    put(tmp_path, "2024-01-02/a.csv")
    now = soon()
    look = folder(tmp_path, "2024-01-01/a.csv").look(Watermark(), now_ns=now, limit=10)
    assert (set(look.arrivals.deliveries), look.new, look.arrivals.young) == (
        {"2024-01-01"},
        {"2024-01-01"},
        {"2024-01-01"},
    )
    assert look.watermark == Watermark(), "what was written before it, and is not stable, comes later"
    later = folder(tmp_path).look(look.watermark, now_ns=now + int(SETTLE * 1e9), limit=10)
    assert set(later.arrivals.deliveries) == {"2024-01-01", "2024-01-02"}
    assert later.arrivals.young == set()


def test_a_delivery_waits_for_those_of_its_files_that_are_not_known(tmp_path: Path) -> None:
    put(tmp_path, "2024-01-01/a.csv")
    put(tmp_path, "2024-01-01/b.csv")
    look = folder(tmp_path, "2024-01-01/a.csv").look(Watermark(), now_ns=soon(), limit=10)
    assert look.arrivals.deliveries == {}
    assert "changed less than 30 seconds ago" in look.arrivals.waiting["2024-01-01"]


def test_a_file_that_changed_just_now_may_change_within_the_same_step_of_the_clock(tmp_path: Path) -> None:
    put(tmp_path, "2024-01-01/a.csv")
    changed = (tmp_path / "2024-01-01/a.csv").stat().st_ctime_ns
    known = folder(tmp_path, "2024-01-01/a.csv")
    assert known.look(Watermark(), now_ns=changed + CLOCK_STEP_NS - 1, limit=10).arrivals.deliveries == {}
    assert known.look(Watermark(), now_ns=changed + CLOCK_STEP_NS, limit=10).arrivals.deliveries


def test_a_marker_completes_what_was_written_before_it(tmp_path: Path) -> None:
    put(tmp_path, "2024-01-01/a.csv")
    put(tmp_path, "2024-01-01/b.csv")
    marked = folder(tmp_path, marker=True)
    assert marked.look(Watermark(), now_ns=soon(), limit=10).arrivals.deliveries == {}
    put(tmp_path, "2024-01-01/_SUCCESS")
    for found in (marked.look(Watermark(), now_ns=soon(), limit=10).arrivals, marked.deliveries(now_ns=soon())):
        assert len(found.deliveries["2024-01-01"].files) == 2
        assert found.young == {"2024-01-01"}


def test_what_is_written_after_the_marker_waits(tmp_path: Path) -> None:
    put(tmp_path, "2024-01-01/a.csv")
    put(tmp_path, "2024-01-01/_SUCCESS")
    put(tmp_path, "2024-01-01/b.csv")
    marked = folder(tmp_path, marker=True)
    look = marked.look(Watermark(), now_ns=soon(), limit=10)
    assert (set(look.arrivals.deliveries), look.arrivals.unstable) == (set(), {"2024-01-01"})
    assert marked.deliveries(now_ns=soon() + int(SETTLE * 1e9)).deliveries


@pytest.mark.parametrize("marker", [False, True])
def test_a_rename_is_not_whole_without_the_marker_of_its_delivery(tmp_path: Path, marker: bool) -> None:
    put(tmp_path, "2024-01-01/a.csv")
    look = folder(tmp_path, "2024-01-01/a.csv", marker=marker).look(Watermark(), now_ns=soon(), limit=10)
    assert bool(look.arrivals.deliveries) is not marker


def test_a_run_takes_what_the_tick_found_to_be_whole_and_nothing_later(tmp_path: Path) -> None:
    put(tmp_path, "2024-01-01/a.csv")
    tick = soon()
    run = replace(folder(tmp_path), known_whole=whole_up_to(tick - CLOCK_STEP_NS))
    assert run.deliveries(now_ns=tick).deliveries
    while time.time_ns() <= tick:
        time.sleep(0.005)
    put(tmp_path, "2024-01-01/b.csv")
    assert run.deliveries(now_ns=soon()).unstable == {"2024-01-01"}
