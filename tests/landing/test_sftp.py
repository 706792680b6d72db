"""Deliveries found on a real SFTP server, which is looked at and never changed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from platform_assets.landing.found import Completeness, Watermark
from platform_assets.landing.landing import FileNames
from platform_assets.landing.patterns import ArrivalPattern
from platform_assets.landing.sftp import LandingSftp
from platform_assets.landing.walk import ROOT
from platform_assets.stores.errors import InvalidUrl, StoreFault, StoreRefused
from platform_assets.stores.objects import Version
from platform_assets.stores.sftp import SftpFolder
from tests.support.day_names import by_day
from tests.support.sftp_server import SftpServer, sftp_server, sshd

SECOND = 10**9
SERVERS = ["asyncssh", *(["openssh"] if sshd() else [])]


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with sftp_server(tmp_path_factory.mktemp("sftp"), openssh=request.param == "openssh") as started:
        yield started


@pytest.fixture
def known(server: SftpServer, monkeypatch: pytest.MonkeyPatch) -> SftpServer:
    for name, value in server.variables.items():
        monkeypatch.setenv(name, value)
    return server


def landing(server: SftpServer, root: Path, *, settle: float = 0) -> LandingSftp:
    names = FileNames("orders", ArrivalPattern("orders/%Y/%Y-%m-%d*.csv"), by_day, Completeness(settle))
    return LandingSftp(server.url(root), names)


def put(path: Path, text: str = "id\n1\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def snapshot(root: Path) -> dict[str, tuple[int, int, int]]:
    found = ((path, path.lstat()) for path in [root, *root.rglob("*")])
    return {str(path): (status.st_mtime_ns, status.st_ctime_ns, status.st_size) for path, status in found}


def test_what_lies_there_is_found_and_stays_as_it_is(known: SftpServer, tmp_path: Path) -> None:
    put(tmp_path / "orders/2024/2024-01-01_a.csv")
    put(tmp_path / "orders/2024/2024-01-01_b.csv")
    put(tmp_path / "orders/2024/2024-01-02.csv", "id\n1\n2\n")
    put(tmp_path / "orders/2024/2024-01-03.csv.part")
    put(tmp_path / "orders/2024/2024-13-01.csv")
    (tmp_path / "orders/2024/2024-01-04.csv").symlink_to("2024-01-02.csv")
    before = snapshot(tmp_path)
    place = landing(known, tmp_path)
    looked = place.look(Watermark(), now_ns=time.time_ns() + SECOND, limit=100).arrivals
    for found in (place.deliveries(now_ns=time.time_ns() + SECOND), looked):
        assert {key: len(each.files) for key, each in found.deliveries.items()} == {"2024-01-01": 2, "2024-01-02": 1}
        assert found.unmatched == ["orders/2024/2024-13-01.csv"]
        assert found.irregular == {"orders/2024/2024-01-04.csv": "a symbolic link"}
    (file,) = looked.deliveries["2024-01-02"].files
    assert file.path == f"{known.url(tmp_path)}/orders/2024/2024-01-02.csv"
    assert file.size == 7
    assert snapshot(tmp_path) == before


def test_a_file_settles(known: SftpServer, tmp_path: Path) -> None:
    put(tmp_path / "orders/2024/2024-01-01.csv")
    place = landing(known, tmp_path, settle=60)
    assert "60 seconds" in place.deliveries(now_ns=time.time_ns()).waiting["2024-01-01"]
    assert place.deliveries(now_ns=time.time_ns() + 61 * SECOND).deliveries


def test_a_file_that_is_moved_in_with_an_old_time_is_found_by_the_look_at_everything(
    known: SftpServer, tmp_path: Path
) -> None:
    put(tmp_path / "orders/2024/2024-01-01.csv")
    place = landing(known, tmp_path)
    first = place.look(Watermark(), now_ns=time.time_ns() + SECOND, limit=100)
    late = put(tmp_path / "stage.csv")
    os.utime(late, (0, 0))
    late.rename(tmp_path / "orders/2024/2024-01-02.csv")
    assert place.look_through_ns == 0
    now = time.time_ns() + SECOND
    look = place.look(first.watermark, now_ns=now, limit=100, again=Watermark(), again_limit=10)
    assert "2024-01-02" in look.arrivals.deliveries


def test_a_file_is_read_in_the_version_that_was_seen(known: SftpServer, tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", "x" * 3_000_000)
    folder = SftpFolder(known.url(tmp_path))
    status = folder.stat("a.csv")
    seen = Version(status.st_size, status.st_mtime_ns)
    assert folder.fetch("a.csv", tmp_path / "copy", version=seen)
    assert (tmp_path / "copy").read_bytes() == path.read_bytes()
    path.write_text("y")
    assert not folder.fetch("a.csv", tmp_path / "copy", version=seen)
    path.unlink()
    assert not folder.fetch("a.csv", tmp_path / "copy", version=seen)
    assert not folder.exists("a.csv")


def test_what_was_taken_away_is_noticed(known: SftpServer, tmp_path: Path) -> None:
    path = put(tmp_path / "orders/2024/2024-01-01.csv")
    place = landing(known, tmp_path)
    files = place.deliveries(now_ns=time.time_ns() + SECOND).deliveries["2024-01-01"].files
    assert not place.lacks(files)
    path.unlink()
    assert place.lacks(files)


def test_a_folder_that_is_not_there_is_a_fault(known: SftpServer, tmp_path: Path) -> None:
    found = landing(known, tmp_path / "none").deliveries({"2024-01-01"}, now_ns=0)
    assert "is not there" in found.faults[ROOT]
    assert found.hindered == {"2024-01-01"}


def test_a_host_whose_key_is_not_known_is_refused(
    known: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "known_hosts").touch()
    monkeypatch.setenv("PLATFORM_SFTP_KNOWN_HOSTS", str(tmp_path / "known_hosts"))
    with pytest.raises(StoreRefused, match="host key is not in known_hosts"):
        SftpFolder(f"{known.url(tmp_path)}/x").stat("")
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{known.port} {other}")
    with pytest.raises(StoreRefused, match="not the one in known_hosts"):
        SftpFolder(f"{known.url(tmp_path)}/x").stat("")


def test_a_user_without_the_key_is_refused(known: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(tmp_path / "another"))
    monkeypatch.setenv("PLATFORM_SFTP_KEY", str(tmp_path / "another"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(StoreRefused, match="does not accept who asks"):
        SftpFolder(f"{known.url(tmp_path)}/x").stat("")
    monkeypatch.setenv("PLATFORM_SFTP_KEY", str(tmp_path / "none"))
    with pytest.raises(StoreRefused, match="none is not there"):
        SftpFolder(f"{known.url(tmp_path)}/x").stat("")


def test_a_server_that_is_gone_is_a_fault_and_not_an_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keys").mkdir()
    put(tmp_path / "orders/2024/2024-01-01.csv")
    with sftp_server(tmp_path / "keys", openssh=False) as started:
        for name, value in started.variables.items():
            monkeypatch.setenv(name, value)
        place = landing(started, tmp_path)
        watermark = place.look(Watermark(), now_ns=time.time_ns() + SECOND, limit=100).watermark
        assert watermark != Watermark()
    look = place.look(watermark, now_ns=time.time_ns() + SECOND, limit=100, keys=["2024-01-01"])
    assert "failed" in look.arrivals.faults[ROOT]
    assert look.arrivals.hindered == {"2024-01-01"}
    assert look.watermark == watermark
    with pytest.raises(StoreFault, match="try again"):
        SftpFolder(started.url(tmp_path)).stat("")


@pytest.mark.parametrize("url", ["sftp://user:secret@host/x", "sftp:///x", "sftp://host:port/x"])
def test_a_url_that_is_none_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(InvalidUrl) as refused:
        SftpFolder(url)
    assert "secret" not in str(refused.value)
