"""Manifests and rejections that are torn, foreign, closed or stale: read with a reason, and replaced by ingesting."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from platform_assets.cli.main import main
from platform_assets.failpoints import armed
from platform_assets.lake.errors import DeliveryRejected, IngestionError, RecordUnreadable
from platform_assets.lake.layout import MANIFEST, REJECTION
from platform_assets.lake.manifest import Manifest, Rejection, read_manifest, read_rejection
from platform_assets.lake.quarantined import list_quarantine

COLUMNS = [{"name": "n", "logicalType": "integer"}, {"name": "t", "logicalType": "string"}]
DAY = "2013-01-01"


class Crash(BaseException):
    """Stands for the end of the process."""


def crash() -> None:
    raise Crash


def path_of(lake: Any, name: str) -> Path:
    return lake.path / "feed" / DAY / name


def replaced(field: str, value: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda record: {**record, field: value}


def without(field: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda record: {name: value for name, value in record.items() if name != field}


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "torn": lambda text: text[: len(text) // 2],
    "empty": lambda text: b"",
    "zeroed": lambda text: bytes(len(text)),
    "no JSON": lambda text: b"hello",
    "not UTF-8": lambda text: b"\xff\xfe\xff" + text,
    "a list": lambda text: b"[" + text + b"]",
    "null": lambda text: b"null",
    "deep": lambda text: b"[" * 100_000,
    "huge number": lambda text: text.replace(b'"rows_in": ', b'"rows_in": 1e400, "rows_in_": '),
    "a field more": lambda text: changed(text, replaced("new", 1)),
    "a field less": lambda text: changed(text, without("partition")),
    "a text for a number": lambda text: changed(text, replaced("rows_in", "1")),
    "true for a number": lambda text: changed(text, replaced("rows_in", True)),
    "a list for reasons": lambda text: changed(text, replaced("reasons", [])),
    "of another partition": lambda text: changed(text, replaced("partition", "2013-01-02")),
    "of another feed": lambda text: changed(text, replaced("feed", "other")),
}


def changed(text: bytes, change: Callable[[dict[str, Any]], dict[str, Any]]) -> bytes:
    return json.dumps(change(json.loads(text))).encode()


def with_records(lake: Any, contract: Any) -> tuple[Path, Path]:
    """A good delivery and a rejected one after it; the file of the good one, and of the rejected one."""
    good, bad = lake.file("a.csv", "n,t\n1,x\n"), lake.file("b.csv", "other\n1\n")
    lake.ingest(contract, good)
    with pytest.raises(DeliveryRejected):
        lake.ingest(contract, bad)
    return good, bad


@pytest.mark.parametrize("name", [MANIFEST, REJECTION])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_record_names_itself_and_is_replaced_by_the_next_ingestion(
    lake: Any, make_contract: Callable[..., Any], name: str, damage: str
) -> None:
    contract = make_contract(COLUMNS)
    good, _ = with_records(lake, contract)
    path = path_of(lake, name)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with pytest.raises(RecordUnreadable) as error:
        (read_rejection if name == REJECTION else read_manifest)(lake.path, "feed", DAY)
    assert str(path) in str(error.value)
    assert "materialize this partition of the lake asset again" in str(error.value)
    (listed,) = list_quarantine(lake.store)
    assert not listed.readable
    assert str(path) in str(listed.rejected)
    for command in (["list", "feed"], ["show", "feed", DAY]):
        shown = CliRunner().invoke(main, ["quarantine", *command, "--lake", str(lake.path)])
        assert not isinstance(shown.exception, RecordUnreadable)
        assert "cannot be read" in shown.output
    manifest = lake.ingest(contract, good)
    assert lake.rows(manifest) == [(1, "x")]
    assert read_rejection(lake.path, "feed", DAY) is None


@pytest.mark.parametrize("damage", ["torn", "of another partition"])
def test_a_damaged_manifest_does_not_hide_that_the_next_delivery_was_rejected(
    lake: Any, make_contract: Callable[..., Any], damage: str
) -> None:
    contract = make_contract(COLUMNS)
    _, bad = with_records(lake, contract)
    path = path_of(lake, MANIFEST)
    text = path.read_bytes()
    path.write_bytes(DAMAGES[damage](text))
    with pytest.raises(DeliveryRejected):
        lake.ingest(contract, bad)
    os.utime(path, ns=(0, 0))
    path.write_bytes(text)
    os.utime(path, ns=(0, 0))
    rejection = read_rejection(lake.path, "feed", DAY)
    assert rejection is not None, "the manifest is back from a backup, and the newer delivery was refused"
    assert lake.rows(read_manifest(lake.path, "feed", DAY)) == [(1, "x")], "its files are still there"


@pytest.mark.parametrize("name", [MANIFEST, REJECTION])
@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.EMFILE, errno.ENFILE])
def test_a_record_that_cannot_be_opened(lake: Any, make_contract: Callable[..., Any], name: str, number: int) -> None:
    """It is no verdict; a machine without descriptors changes nothing, and a closed file is replaced."""
    contract = make_contract(COLUMNS)
    good, _ = with_records(lake, contract)
    calls: list[int] = []

    def fail() -> None:
        calls.append(1)
        raise OSError(number, os.strerror(number), name)

    before = path_of(lake, MANIFEST).read_bytes()
    with armed("lake.record.open", fail), pytest.raises(RecordUnreadable, match=os.strerror(number)):
        read_manifest(lake.path, "feed", DAY)
    if number in (errno.EMFILE, errno.ENFILE):
        with armed("lake.record.open", fail), pytest.raises(IngestionError, match="nothing was changed"):
            lake.ingest(contract, good, force=True)
        assert path_of(lake, MANIFEST).read_bytes() == before
    else:
        lake.path.mkdir(exist_ok=True)
        with armed("lake.record.open", fail):
            from platform_assets.ingestion.ingestor import ingest

            ingest(contract=contract, delivery=lake.delivery(good), lake=lake.path, pseudonym_key=None)
        assert path_of(lake, MANIFEST).read_bytes() != before
        assert lake.rows(read_manifest(lake.path, "feed", DAY)) == [(1, "x")]


@pytest.mark.parametrize("name", [MANIFEST, REJECTION])
@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "link to nowhere", "link to a pipe"])
def test_what_is_no_file_in_the_place_of_a_record_is_not_waited_for(
    lake: Any, make_contract: Callable[..., Any], name: str, kind: str
) -> None:
    contract = make_contract(COLUMNS)
    good, _ = with_records(lake, contract)
    path = path_of(lake, name)
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "socket":
            # its address is short wherever this test's folder lies
            folder = os.open(path.parent, os.O_RDONLY)
            listening.bind(f"/proc/self/fd/{folder}/{name}")
            os.close(folder)
        elif kind == "device":
            path.symlink_to("/dev/zero")
        elif kind == "link to a pipe":
            os.mkfifo(path.with_name("pipe"))
            path.symlink_to("pipe")
        else:
            path.symlink_to("nowhere")
        read = read_rejection if name == REJECTION else read_manifest
        if kind == "link to nowhere":
            assert read(lake.path, "feed", DAY) is None
        else:
            with pytest.raises(RecordUnreadable, match=name):
                read(lake.path, "feed", DAY)
        assert lake.rows(lake.ingest(contract, good)) == [(1, "x")]


@pytest.mark.parametrize(
    "damage",
    [
        replaced("rows_in", -5),
        replaced("rows_out", 7),
        replaced("rows_quarantined", 10**30),
        replaced("data_files", ["../../../../etc/passwd"]),
        replaced("data_files", ["feed/2013-01-01/../../other/2013-01-01/x/part-0000.parquet"]),
        replaced("data_files", ["/etc/passwd"]),
    ],
)
def test_a_manifest_that_cannot_be_true_is_not_believed(
    lake: Any, make_contract: Callable[..., Any], damage: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    contract = make_contract(COLUMNS)
    good = lake.file("a.csv", "n,t\n1,x\n")
    lake.ingest(contract, good)
    path = path_of(lake, MANIFEST)
    path.write_bytes(changed(path.read_bytes(), damage))
    with pytest.raises(RecordUnreadable, match=r"which cannot be|not the partition's own"):
        read_manifest(lake.path, "feed", DAY)
    assert lake.rows(lake.ingest(contract, good)) == [(1, "x")]


def test_a_folder_in_the_place_of_a_record_is_named(lake: Any, make_contract: Callable[..., Any]) -> None:
    contract = make_contract(COLUMNS)
    good = lake.file("a.csv", "n,t\n1,x\n")
    lake.ingest(contract, good)
    path_of(lake, MANIFEST).unlink()
    path_of(lake, MANIFEST).mkdir()
    with pytest.raises(RecordUnreadable, match="remove it, then materialize"):
        read_manifest(lake.path, "feed", DAY)
    with pytest.raises(IngestionError, match=f"is a folder in the place of a file; remove it.*{MANIFEST}"):
        lake.ingest(contract, good)
    path_of(lake, MANIFEST).rmdir()
    assert lake.rows(lake.ingest(contract, good)) == [(1, "x")]


def test_a_crash_before_the_removal_of_a_rejection_leaves_none_that_counts(
    lake: Any, make_contract: Callable[..., Any]
) -> None:
    contract = make_contract(COLUMNS)
    with_records(lake, contract)
    newer = lake.file("c.csv", "n,t\n2,y\n")
    with pytest.raises(Crash), armed("lake.commit.after_rename", crash):
        lake.ingest(contract, newer)
    assert path_of(lake, REJECTION).exists(), "the crash came before"
    os.utime(path_of(lake, REJECTION))  # neither does its time make it count
    assert read_rejection(lake.path, "feed", DAY) is None
    assert list_quarantine(lake.store) == []
    manifest = lake.ingest(contract, newer)
    assert lake.rows(manifest) == [(2, "y")]
    with pytest.raises(DeliveryRejected):
        lake.ingest(contract, lake.file("d.csv", "other\n1\n"))
    assert read_rejection(lake.path, "feed", DAY) is not None
    assert read_manifest(lake.path, "feed", DAY) == manifest


def test_rejections_without_the_field_are_told_from_stale_ones_by_their_times(
    lake: Any, make_contract: Callable[..., Any]
) -> None:
    contract = make_contract(COLUMNS)
    with_records(lake, contract)
    path = path_of(lake, REJECTION)
    path.write_bytes(changed(path.read_bytes(), without("after")))
    assert read_rejection(lake.path, "feed", DAY) is not None
    os.utime(path, ns=(0, 0))
    assert read_rejection(lake.path, "feed", DAY) is None, "the manifest came after it"


def test_a_rejection_before_the_first_manifest_counts_until_there_is_one(
    lake: Any, make_contract: Callable[..., Any], tmp_path: Path
) -> None:
    contract = make_contract(COLUMNS)
    with pytest.raises(DeliveryRejected):
        lake.ingest(contract, lake.file("b.csv", "other\n1\n"))
    assert read_rejection(lake.path, "feed", DAY) is not None
    kept = tmp_path / "kept"
    shutil.copy2(path_of(lake, REJECTION), kept)
    lake.ingest(contract, lake.file("a.csv", "n,t\n1,x\n"))
    shutil.copy2(kept, path_of(lake, REJECTION))
    assert read_rejection(lake.path, "feed", DAY) is None


TEXTS = st.text(st.characters(exclude_categories=[]), max_size=12)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.builds(Rejection, *[TEXTS] * 6, reasons=st.dictionaries(TEXTS, st.integers()), after=st.none() | TEXTS))
def test_every_rejection_is_read_back(rejection: Rejection) -> None:
    assert Rejection.from_json(rejection.to_json()) == rejection


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_a_manifest_with_any_byte_changed_is_that_manifest_or_refused(data: st.DataObject) -> None:
    """Never another exception: it would end the range."""
    text = bytearray(MANIFEST_TEXT)
    for _ in range(data.draw(st.integers(1, 3))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert isinstance(Manifest.from_json(bytes(text)), Manifest)
    except (ValueError, RecursionError):
        return


MANIFEST_TEXT = Manifest(
    feed="feed", partition=DAY, state="data", contract_version="1", contract_digest="d", key_fingerprint="",
    delivery_version="v", delivery_files=(), data_files=("a",), content_hash="h", rows_in=1, rows_out=1,
    rows_quarantined=0, reasons={"a": 1}, columns=(("a", "b"),),
).to_json()  # fmt: skip
