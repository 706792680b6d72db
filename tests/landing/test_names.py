"""Names in a landing folder: alternatives in a pattern, and what other programs leave beside data."""

from __future__ import annotations

import time
from pathlib import Path

import dagster as dg
import obstore
import pytest
from obstore.store import from_url

from demo.object_store import S3Server
from platform_assets.feeds.partition_names import may_hold, partition_key_of, parts_of
from platform_assets.landing.arrivals import LandingFolder
from platform_assets.landing.found import Completeness
from platform_assets.landing.landing import FileNames
from platform_assets.landing.objects import LandingObjects
from platform_assets.landing.patterns import ArrivalPattern, NameMatch, sure_start
from tests.support.day_names import by_day

LEFT_BESIDE = [
    "2024-01-01.csv.part", "2024-01-01.csv.tmp", "2024-01-01.csv.filepart", "2024-01-01.csv.crdownload",
    "2024-01-01.csv~", "2024-01-01.csv.md5", "2024-01-01.csv.sha256", "2024-01-01.csv.sha512", ".DS_Store", "_SUCCESS",
    "Thumbs.db", "desktop.ini", "_committed_17", "~$2024-01-01.csv",
]  # fmt: skip


def deliveries(root: Path, pattern: str, marker: str | None = None) -> dict[str, list[str]]:
    completeness = Completeness(0, ArrivalPattern(marker) if marker else None)
    found = LandingFolder(str(root), FileNames("feed", ArrivalPattern(pattern), by_day, completeness)).deliveries(
        now_ns=time.time_ns() + 10**9
    )
    assert not found.faults
    return {key: [Path(file.path).name for file in delivery.files] for key, delivery in found.deliveries.items()}


@pytest.mark.parametrize(
    ("pattern", "path", "day"),
    [
        ("%Y-%m-%d.{csv,csv.gz}", "2024-01-01.csv", True),
        ("%Y-%m-%d.{csv,csv.gz}", "2024-01-01.csv.gz", True),
        ("%Y-%m-%d.{csv,csv.gz}", "2024-01-01.csv.zst", False),
        ("%Y-%m-%d.{csv,csv.gz}", "2024-01-01.csvXgz", False),
        ("%Y-%m-%d.csv{,.gz}", "2024-01-01.csv", True),
        ("{north,south}/%Y-%m-%d*.{csv,txt}", "south/2024-01-01_b.txt", True),
        ("{north,south}/%Y-%m-%d*.{csv,txt}", "east/2024-01-01_b.txt", False),
    ],
)
def test_alternatives_in_a_pattern(pattern: str, path: str, day: bool) -> None:
    assert (ArrivalPattern(pattern).token(path) is not None) == day


def test_keys_stand_beside_alternatives() -> None:
    pattern = ArrivalPattern("shops/{key}.{csv,csv.gz}")
    token = pattern.token("shops/south.csv.gz")
    assert token is not None
    assert pattern.read(token) == NameMatch(key="south")
    assert pattern.has_alternatives
    assert not ArrivalPattern("shops/{key}.csv").has_alternatives


def test_files_of_each_alternative_are_found_in_their_folders(tmp_path: Path) -> None:
    for path in ("north/2024-01-01.csv", "south/2024-01-01.csv.gz", "east/2024-01-01.csv"):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text("id\n")
    found = deliveries(tmp_path, "{north,south}/%Y-%m-%d.{csv,csv.gz}")
    assert found == {"2024-01-01": ["2024-01-01.csv", "2024-01-01.csv.gz"]}


def test_what_programs_leave_beside_data_is_passed_over(tmp_path: Path) -> None:
    for name in ["2024-01-01.csv", *LEFT_BESIDE]:
        (tmp_path / name).write_text("id\n")
    assert deliveries(tmp_path, "%Y-%m-%d*") == {"2024-01-01": ["2024-01-01.csv"]}
    everything = LandingFolder(str(tmp_path), FileNames("feed", ArrivalPattern("%Y-%m-%d*"), by_day, Completeness(0)))
    assert not everything.deliveries(now_ns=time.time_ns() + 10**9).unmatched


def test_a_feed_may_be_of_such_names_and_wait_for_them(tmp_path: Path) -> None:
    for name in ("2024-01-01.csv", "2024-01-01.csv.md5", "2024-01-02.csv"):
        (tmp_path / name).write_text("id\n")
    assert deliveries(tmp_path, "%Y-%m-%d.csv.md5") == {"2024-01-01": ["2024-01-01.csv.md5"]}
    assert deliveries(tmp_path, "%Y-%m-%d.csv", "%Y-%m-%d.csv.md5") == {"2024-01-01": ["2024-01-01.csv"]}


NFC, NFD = "Bücher/Zürich", "Bu\u0308cher/Zu\u0308rich"


@pytest.mark.parametrize(("pattern", "path"), [(NFC, NFD), (NFD, NFC), (NFD, NFD)])
def test_letters_with_marks_are_the_same_in_either_form(tmp_path: Path, pattern: str, path: str) -> None:
    name = f"{path}_2024-01-01.csv"
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).write_text("id\n")
    arrival = ArrivalPattern(f"{pattern}_%Y-%m-%d.csv")
    landing = LandingFolder(str(tmp_path), FileNames("feed", arrival, by_day, Completeness(0)))
    (file,) = landing.deliveries(now_ns=time.time_ns() + 10**9).deliveries["2024-01-01"].files
    assert Path(file.path).read_text() == "id\n", "the name that it has"
    assert (arrival.folder, arrival.resembles(f"{path}_1.csv")) == ("", True)
    assert ArrivalPattern(f"a/{pattern}.csv").folder == "a"


def test_a_key_is_read_in_the_composed_form() -> None:
    pattern = ArrivalPattern("shops/{key}.csv")
    token = pattern.token("shops/ko\u0308ln.csv")
    assert token is not None
    assert pattern.read(token) == NameMatch(key="köln")


@pytest.mark.parametrize(
    ("text", "start"),
    [("plain/%", "plain/%"), ("cafés", "caf"), ("cafe\u0301s", "caf"), ("книга", "книга"), ("кний", "кни"), ("", "")],
)
def test_what_is_sure_of_the_beginning_of_a_name(text: str, start: str) -> None:
    assert sure_start(text) == start


def test_objects_of_either_form_are_listed(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.variables.items():
        monkeypatch.setenv(name, value)
    url = s3.bucket()
    for key in ("Zürich", "Ko\u0308ln", "Bern"):
        obstore.put(from_url(url, client_options={"allow_http": True}), f"läden/{key}.csv", b"id\n1\n")
    static = dg.StaticPartitionsDefinition(["Zu\u0308rich", "Köln", "Bern"])
    names = FileNames(
        "shops", ArrivalPattern("la\u0308den/{key}.csv"), partition_key_of(static), Completeness(0),
        may_hold(static), parts_of(static),
    )  # fmt: skip
    landing = LandingObjects(url, names)
    now = time.time_ns() + 2 * 10**9
    assert set(landing.deliveries(now_ns=now).deliveries) == {"Zu\u0308rich", "Köln", "Bern"}
    for key in ("Zu\u0308rich", "Köln", "Bern"):
        (file,) = landing.deliveries({key}, now_ns=now).deliveries[key].files
        assert not landing.lacks([file])
