"""Deliveries that are complete when all files of a manifest are there: in a folder, on an S3 and on an SFTP server."""

from __future__ import annotations

import os
import time
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import obstore
import pytest
from obstore.store import from_url

from demo.object_store import S3Server
from platform_assets.landing import manifests
from platform_assets.landing.found import Arrivals, Completeness, Look, Watermark
from platform_assets.landing.landing import FileNames, Landing
from platform_assets.landing.locations import open_landing
from platform_assets.landing.manifest_format import ListedFile, ManifestError, read_manifest
from platform_assets.landing.patterns import ArrivalPattern
from platform_assets.landing.stability import CLOCK_STEP_NS
from tests.support.day_names import by_day, parts_of
from tests.support.file_clock import wait_for_later_stamp
from tests.support.sftp_server import SftpServer, sftp_server

SECOND = 10**9
DAY, MANIFEST = "orders/%Y-%m-%d/*.csv", "orders/%Y-%m-%d.manifest"
KEY = "2024-01-01"


@dataclass
class Place:
    """A landing place of one kind; ``put`` and ``remove`` take a path below it."""

    root: str
    put: Callable[[str, str], object]
    remove: Callable[[str], object]

    def landing(self, *, settle: float = 0, manifest: str = MANIFEST) -> Landing:
        completeness = Completeness(settle, ArrivalPattern(manifest), lists_files=True)
        return open_landing(
            self.root, FileNames("orders", ArrivalPattern(DAY), by_day, completeness, parts_of=parts_of)
        )

    def look(self, **more: float) -> Look:
        return self.landing(**more).look(Watermark(), now_ns=time.time_ns() + 2 * SECOND, limit=100)

    def found(self) -> Arrivals:
        """What is found now, which a look of the sensor and one at the partition alone agree on."""
        look = self.look().arrivals
        asked = self.landing().deliveries({KEY}, now_ns=time.time_ns() + 2 * SECOND)
        assert (look.deliveries, look.waiting) == (asked.deliveries, asked.waiting)
        return look


@pytest.fixture(scope="module")
def sftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with sftp_server(tmp_path_factory.mktemp("sftp"), openssh=False) as started:
        yield started


@pytest.fixture(params=["folder", "s3", "sftp"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("s3")
        for name, value in server.variables.items():
            monkeypatch.setenv(name, value)
        url = f"{server.bucket()}/landing"
        store = from_url(url, client_options={"allow_http": True})
        return Place(url, lambda key, text: obstore.put(store, key, text.encode()), lambda key: store.delete(key))
    if request.param == "sftp":
        known: SftpServer = request.getfixturevalue("sftp")
        for name, value in known.variables.items():
            monkeypatch.setenv(name, value)
    root = known.url(tmp_path) if request.param == "sftp" else str(tmp_path)
    return Place(root, lambda path, text: put(tmp_path / path, text), lambda path: (tmp_path / path).unlink())


def put(path: Path, text: str = "id\n1\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def names(arrivals: Arrivals) -> list[str]:
    return [Path(file.path).name for file in arrivals.deliveries[KEY].files]


def test_a_delivery_is_what_its_manifest_lists_once_all_of_it_is_there(place: Place) -> None:
    place.put(f"orders/{KEY}/a.csv", "id\n1\n")
    place.put(f"orders/{KEY}/left.csv", "id\n7\n")
    assert "no file like 'orders/%Y-%m-%d.manifest'" in place.found().waiting[KEY]
    place.put(f"orders/{KEY}.manifest", f"{KEY}/a.csv\n5 {KEY}/b.csv\n{KEY}/readme.txt\n")
    waiting = place.found().waiting[KEY]
    assert waiting == f"of what orders/{KEY}.manifest lists is not there: orders/{KEY}/b.csv"
    place.put(f"orders/{KEY}/b.csv", "id\n")
    assert place.found().waiting[KEY] == (f"orders/{KEY}/b.csv has 3 bytes, and orders/{KEY}.manifest, line 2, says 5")
    place.put(f"orders/{KEY}/b.csv", "id\n2\n")
    found = place.found()
    assert (names(found), found.waiting) == (["a.csv", "b.csv"], {})
    assert found.unmatched == [f"orders/{KEY}/left.csv"], "what it does not list is reported"
    version = found.deliveries[KEY].version
    place.put(f"orders/{KEY}.manifest", f"{KEY}/a.csv\n")
    assert names(place.found()) == ["a.csv"]
    assert place.found().deliveries[KEY].version != version
    place.remove(f"orders/{KEY}.manifest")
    assert place.found().deliveries == {}


def test_a_manifest_whose_files_are_all_missing_is_told(place: Place) -> None:
    lines = "".join(f"{KEY}/{number}.csv\n" for number in range(5))
    place.put(f"orders/{KEY}.manifest", lines)
    assert place.found().waiting[KEY].endswith(f"orders/{KEY}/2.csv and 2 more")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[1]", "item 1: must be a name, or an object with a text as `name` or `path`"),
        ('{"a":\n', "line 2: is no JSON"),
        (f"{KEY}/a.csv\n/etc/passwd\n", "line 2: '/etc/passwd' is no name of a file"),
        ("", "lists no file like 'orders/%Y-%m-%d/*.csv'"),
        ("2024-01-02/a.csv", "line 1: orders/2024-01-02/a.csv is of another partition"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_told_with_its_line(place: Place, content: str, told: str) -> None:
    place.put(f"orders/{KEY}/a.csv", "id\n1\n")
    place.put(f"orders/{KEY}.manifest", content)
    waiting = place.found().waiting[KEY]
    assert waiting.startswith(f"orders/{KEY}.manifest: ")
    assert told in waiting


def test_several_manifests_of_a_partition_count_together(place: Place) -> None:
    for part in ("a", "b"):
        place.put(f"orders/{KEY}/{part}.csv", "id\n1\n")
        place.put(f"lists/{KEY}_{part}.txt", f"../orders/{KEY}/{part}.csv")
    landing = place.landing(manifest="lists/%Y-%m-%d_*.txt")
    assert names(landing.deliveries({KEY}, now_ns=time.time_ns() + 2 * SECOND)) == ["a.csv", "b.csv"]


def test_a_manifest_that_may_still_grow_waits_and_what_came_before_it_does_not(tmp_path: Path) -> None:
    place = Place(str(tmp_path), lambda path, text: put(tmp_path / path, text), lambda _: None)
    put(tmp_path / f"orders/{KEY}/a.csv")
    wait_for_later_stamp(tmp_path)
    put(tmp_path / f"orders/{KEY}.manifest", f"{KEY}/a.csv\n")
    now = time.time_ns() + 2 * CLOCK_STEP_NS
    look = place.landing(settle=30).look(Watermark(), now_ns=now, limit=10, keys=[KEY])
    assert (look.arrivals.deliveries, look.arrivals.unstable) == ({}, {KEY})
    landing = place.landing(settle=30)
    moved = open_landing(str(tmp_path), landing.names, lambda found: found.path.endswith(".manifest"))
    look = moved.look(Watermark(), now_ns=now, limit=10)
    assert (names(look.arrivals), look.arrivals.young) == (["a.csv"], {KEY})


def test_an_object_is_a_manifest_as_a_whole(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.variables.items():
        monkeypatch.setenv(name, value)
    url = s3.bucket()
    store = from_url(url, client_options={"allow_http": True})
    obstore.put(store, f"orders/{KEY}/a.csv", b"id\n1\n")
    obstore.put(store, f"orders/{KEY}.manifest", f"{KEY}/a.csv".encode())
    place = Place(url, lambda *_: None, lambda _: None)
    assert names(place.look(settle=60).arrivals) == ["a.csv"]


def test_a_manifest_that_cannot_be_looked_at_hinders_its_partition_and_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(str(tmp_path), lambda path, text: put(tmp_path / path, text), lambda _: None)
    for day in (KEY, "2024-01-02"):
        put(tmp_path / f"orders/{day}/a.csv")
        put(tmp_path / f"orders/{day}.manifest", f"{day}/a.csv")
    opened = os.open

    def refused(path: str, flags: int) -> int:
        if path.endswith(f"{KEY}.manifest"):
            raise PermissionError(13, "Permission denied", path)
        return opened(path, flags)

    monkeypatch.setattr(manifests, "_open_plain", refused)
    found = place.look().arrivals
    assert list(found.deliveries) == ["2024-01-02"]
    assert found.waiting == {KEY: f"orders/{KEY}.manifest: cannot be read: Permission denied"}
    assert (found.hindered, found.undecided) == ({KEY}, {KEY})


def test_a_manifest_that_is_replaced_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    path = put(tmp_path / "manifest", "a.csv")
    seen = path.stat()
    assert manifests.read_seen(path, seen) == b"a.csv"
    path.write_text("a.csv\nb.csv")
    assert manifests.read_seen(path, seen) is None


SHA, MD5 = "0" * 64, "9" * 32


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("\ufeffa.csv\r\n\r\n# all of it\r\n ./b c.csv \r\n", [("in/a.csv", None), ("in/b c.csv", None)]),
        (f"{SHA}  a.csv\n{MD5} *../b.csv\n", [("in/a.csv", None), ("b.csv", None)]),
        (f"\\{SHA}  a\\\\b\\n.csv\n", [("in/a\\b\n.csv", None)]),
        ("12 a.csv\n0\tsub/b.csv\n12 a.csv", [("in/a.csv", 12), ("in/sub/b.csv", 0)]),
        ('["a.csv", {"name": "b.csv"}, {"path": "c.csv", "size": 7, "rows": 2}]',
         [("in/a.csv", None), ("in/b.csv", None), ("in/c.csv", 7)]),
        ('{"files": ["2024 a.csv"]}', [("in/2024 a.csv", None)]),
    ],
)  # fmt: skip
def test_the_forms_of_a_manifest(text: str, listed: list[tuple[str, int | None]]) -> None:
    assert [(file.path, file.size) for file in read_manifest(text.encode(), "in/x.manifest")] == listed


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a.csv\nb\xff.csv", "line 2: is not UTF-8"),
        (b"../../a.csv", "line 1: '../../a.csv' is no name"),
        (b"s3://bucket/a.csv", "line 1: 's3://bucket/a.csv' is no name"),
        (b"1 a.csv\n2 a.csv", "line 2: 'a.csv' is listed before, in line 1, with another size"),
        (b'{"files": 3}', "must be a list of files"),
        (b'[{"name": "a", "path": "b"}]', "item 1: must be a name"),
        (b'[{"name": "a", "size": "3"}]', "item 1: `size` must be a whole number of bytes"),
        (b"[" * 100_000, "line 1: is "),
    ],
)
def test_what_is_no_manifest_is_told_with_its_line(content: bytes, told: str) -> None:
    with pytest.raises(ManifestError) as raised:
        read_manifest(content, "in/x.manifest")
    assert told in str(raised.value)


def test_a_name_is_the_same_in_either_form_of_its_letters(tmp_path: Path) -> None:
    place = Place(str(tmp_path), lambda path, text: put(tmp_path / path, text), lambda _: None)
    name = unicodedata.normalize("NFD", "café.csv")
    put(tmp_path / f"orders/{KEY}/{name}")
    put(tmp_path / f"orders/{KEY}.manifest", f"{KEY}/{unicodedata.normalize('NFC', name)}")
    assert names(place.look().arrivals) == [name]
    assert read_manifest(b"a", "x") == [ListedFile("a", None, "line 1")]
