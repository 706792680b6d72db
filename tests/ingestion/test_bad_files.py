"""A corpus of bad files: each ends in rows told apart to the last one, or in a rejection that names its reason."""

from __future__ import annotations

import gzip
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from platform_assets.lake.deliveries import Delivery, FileVersion
from platform_assets.lake.errors import DeliveryRejected
from platform_assets.lake.manifest import read_manifest, read_rejection
from platform_assets.partition_key import PartitionKey

COLUMNS = [{"name": "n", "logicalType": "integer"}, {"name": "t", "logicalType": "string"}]
ROWS = "".join(f"{number},text {number}\n" for number in range(500))
GOOD = "n,t\n" + ROWS
PACKED = gzip.compress(GOOD.encode())
ZSTD = zstandard.ZstdCompressor(write_checksum=True).compress(GOOD.encode())


def flipped(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :]


REJECTED = {
    "truncated gzip": (PACKED[:-40], "compression:truncated"),
    "gzip without its last byte": (PACKED[:-1], "compression:truncated"),
    "gzip with a wrong checksum": (flipped(PACKED, len(PACKED) - 6), "compression:corrupt"),
    "gzip with a wrong length": (flipped(PACKED, len(PACKED) - 2), "compression:corrupt"),
    "gzip damaged inside": (flipped(PACKED, 40), "compression:corrupt"),
    "something behind a gzip": (PACKED + b"uploaded by a broken client", "compression:corrupt"),
    "second gzip member truncated": (PACKED + PACKED[:30], "compression:truncated"),
    "truncated zstd": (ZSTD[:-20], "compression:truncated"),
    "zstd with a wrong checksum": (flipped(ZSTD, len(ZSTD) - 2), "compression:corrupt"),
    "zip": (b"PK\x03\x04" + b"\0" * 60, "compression:unsupported"),
    "empty": (b"", "empty"),
    "only a byte order mark": (b"\xef\xbb\xbf", "empty"),
    "header only": (b"n,t\n", "empty"),
    "blank lines": (b"\n\n\r\n\n", "empty"),
    "error page": (b"<!DOCTYPE html>\n<html><body>502, sorry</body></html>\n", "structure:markup"),
    "wrong delimiter": (GOOD.replace(",", ";").encode(), "structure:delimiter"),
    "no header": (ROWS.encode(), "drift:missing"),
    "UTF-16": (GOOD.encode("utf-16"), "encoding:mark"),
    "UTF-16 without a mark": (GOOD.encode("utf-16-le"), "encoding:nul"),
    "column added": (GOOD.replace("\n", ",1\n").replace("n,t,1", "n,t,u").encode(), "drift:added"),
    "column missing": (b"t\n" + b"text\n" * 9, "drift:missing"),
    "column renamed": (GOOD.replace("n,t", "num,t", 1).encode(), "drift:renamed"),
    "column twice": (GOOD.replace("n,t", "n,n", 1).encode(), "drift:duplicate"),
    "quote open in the header": (b'n,"t\n1,2\n', "structure:header"),
}


@pytest.mark.parametrize("name", REJECTED)
def test_is_rejected_with_its_reason(lake: Any, make_contract: Callable[..., Any], name: str) -> None:
    content, code = REJECTED[name]
    contract = make_contract(COLUMNS)
    good = lake.ingest(contract, lake.file("good.csv", GOOD))
    with pytest.raises(DeliveryRejected) as caught:
        lake.ingest(contract, lake.file("bad.csv", content))
    assert caught.value.code == code
    assert "feed 2013-01-01" in str(caught.value)
    assert read_manifest(lake.path, "feed", "2013-01-01") == good
    assert len(lake.rows(good)) == 500
    rejection = read_rejection(lake.path, "feed", "2013-01-01")
    assert rejection is not None
    assert rejection.code == code


SET_ASIDE = {
    "unbalanced quote": ('1,a\n2,"b\n3,c\n4,d\n', {3: "structure:unbalanced_quote"}, 3),
    "unbalanced quotes before good ones": (
        '1,"a"\n2,"b\n3,"c"\n4,"d\n',
        {3: "structure:text_after_quote", 5: "structure:unbalanced_quote"},
        2,
    ),
    "text after a quote": ('1,"a"b\n2,b\n', {2: "structure:text_after_quote"}, 1),
    "extra field": ("1,a,x\n2,b\n", {2: "structure:extra_field"}, 1),
    "missing field": ("1\n2,b\n", {2: "structure:missing_field"}, 1),
    "NUL bytes": ("1,a\0b\n2,b\n", {2: "encoding:nul"}, 1),
    "header in the middle": ("1,a\nn,t\n2,b\n", {3: "structure:repeated_header"}, 2),
    "carriage return inside": ("1,a\rb\n2,b\n", {2: "structure:carriage_return"}, 1),
    "trailing delimiter": ("1,a,\n2,b\n", {2: "structure:extra_field"}, 1),
    "spaces only": ("   \n2,b\n", {2: "structure:missing_field"}, 1),
}


@pytest.mark.parametrize("name", SET_ASIDE)
def test_bad_lines_are_set_aside_one_by_one(lake: Any, make_contract: Callable[..., Any], name: str) -> None:
    body, expected, good = SET_ASIDE[name]
    manifest = lake.ingest(make_contract(COLUMNS), lake.file("a.csv", "n,t\n" + body))
    assert {row.line: row.reasons[0] for row in lake.quarantined()} == expected
    assert manifest.rows_out == good


GOOD_FORMS = {
    "no last newline": b"n,t\n1,a\n2,b",
    "CRLF": b"n,t\r\n1,a\r\n2,b\r\n",
    "CR": b"n,t\r1,a\r2,b\r",
    "mixed line ends": b"n,t\r\n1,a\n2,b\r\n",
    "byte order mark": b"\xef\xbb\xbfn,t\n1,a\n2,b\n",
    "blank lines": b"\nn,t\n\n1,a\n\n\n2,b\n\n",
    "quoted": b'"n","t"\n"1","a"\n"2","b"\n',
    "reordered": b"t,n\na,1\nb,2\n",
    "gzip": gzip.compress(b"n,t\n1,a\n2,b\n"),
    "two gzip members": gzip.compress(b"n,t\n1,a\n") + gzip.compress(b"2,b\n"),
    "zstd": zstandard.compress(b"n,t\n1,a\n2,b\n"),
    "two zstd frames": zstandard.compress(b"n,t\n1,a\n") + zstandard.compress(b"2,b\n"),
    "gzip with CRLF and a mark": gzip.compress(b"\xef\xbb\xbfn,t\r\n1,a\r\n2,b\r\n"),
}


@pytest.mark.parametrize("name", GOOD_FORMS)
def test_every_usual_form_gives_the_same_rows(lake: Any, make_contract: Callable[..., Any], name: str) -> None:
    manifest = lake.ingest(make_contract(COLUMNS), lake.file("a", GOOD_FORMS[name]))
    assert lake.rows(manifest) == [(1, "a"), (2, "b")]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_quoted_fields_keep_quotes_delimiters_and_newlines(
    lake: Any, make_contract: Callable[..., Any], newline: str
) -> None:
    values = ['say ""hi""', "a,b", "one\ntwo", "cr\r\nlf", ' 5"" ', "\n", '""']
    body = newline.join(["n,t", *(f'{n},"{value}"' for n, value in enumerate(values)), '7,5" pipe', ""])
    manifest = lake.ingest(make_contract(COLUMNS), lake.file("a.csv", body))
    assert [row[1] for row in lake.rows(manifest)] == [*(value.replace('""', '"') for value in values), '5" pipe']


def test_bytes_that_are_not_utf8_are_set_aside_with_their_line(lake: Any, make_contract: Callable[..., Any]) -> None:
    content = "n,t\n1,caf\u00e9\n2,b\n".encode("latin-1") + "3,caf\u00e9\n".encode()
    manifest = lake.ingest(make_contract(COLUMNS), lake.file("a.csv", content))
    assert lake.rows(manifest) == [(2, "b"), (3, "caf\u00e9")]
    (row,) = lake.quarantined()
    assert (row.line, row.reasons, row.raw) == (2, ("encoding:invalid",), "1,caf\\xe9")


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "iso8859-15", "utf-8-sig"])
def test_declared_encodings_are_read(lake: Any, make_contract: Callable[..., Any], encoding: str) -> None:
    contract = make_contract(COLUMNS, server={"encoding": encoding})
    manifest = lake.ingest(contract, lake.file("a.csv", "n,t\n1,caf\u00e9\n".encode(encoding)))
    assert lake.rows(manifest) == [(1, "caf\u00e9")]


def test_utf8_declared_as_latin1_is_refused_before_its_letters_change(
    lake: Any, make_contract: Callable[..., Any]
) -> None:
    with pytest.raises(DeliveryRejected, match="UTF-8"):
        lake.ingest(make_contract(COLUMNS, server={"encoding": "latin-1"}), lake.file("a.csv", "n,t\n1,caf\u00e9\n"))


def _link(path: Path) -> None:
    (path.parent / "real.csv").write_text(GOOD)
    path.symlink_to(path.parent / "real.csv")


@pytest.mark.parametrize("make", [Path.mkdir, _link, os.mkfifo], ids=["folder", "link", "pipe"])
def test_what_only_looks_like_a_file_is_told_not_followed(
    lake: Any, make_contract: Callable[..., Any], make: Any
) -> None:
    path = lake.landing / "a.csv"
    make(path)
    stat = path.stat()
    delivery = Delivery("feed", PartitionKey("2013-01-01"), (FileVersion(str(path), stat.st_size, stat.st_mtime_ns),))
    from platform_assets.ingestion.ingestor import ingest

    with pytest.raises(DeliveryRejected) as caught:
        ingest(contract=make_contract(COLUMNS), delivery=delivery, lake=lake.path, pseudonym_key=None)
    assert caught.value.code == "file:not_regular"


def test_a_file_that_changes_is_rejected_and_can_be_tried_again(lake: Any, make_contract: Callable[..., Any]) -> None:
    from platform_assets.failpoints import armed
    from platform_assets.ingestion.ingestor import ingest

    path = lake.file("a.csv", GOOD)
    delivery = lake.delivery(path)

    def grow() -> None:
        with path.open("a") as file:
            file.write("500,more\n")

    for point in ("lake.ingest.cleaned", "lake.read.before_check"):
        path.write_text(GOOD)
        os.utime(path, ns=(delivery.files[0].mtime_ns, delivery.files[0].mtime_ns))
        with armed(point, grow), pytest.raises(DeliveryRejected) as caught:
            ingest(contract=make_contract(COLUMNS), delivery=delivery, lake=lake.path, pseudonym_key=None)
        assert caught.value.code == "file:changed"
    assert lake.ingest(make_contract(COLUMNS), path).rows_out == 501


def test_a_file_that_is_gone_is_told(lake: Any, make_contract: Callable[..., Any]) -> None:
    path = lake.file("a.csv", GOOD)
    delivery = lake.delivery(path)
    path.unlink()
    from platform_assets.ingestion.ingestor import ingest

    with pytest.raises(DeliveryRejected) as caught:
        ingest(contract=make_contract(COLUMNS), delivery=delivery, lake=lake.path, pseudonym_key=None)
    assert caught.value.code == "file:missing"


@pytest.mark.slow
def test_random_bytes_never_crash(lake: Any, make_contract: Callable[..., Any]) -> None:
    import random

    source = random.Random(7)
    for number in range(40):
        body = (
            source.randbytes(source.randrange(1, 5000))
            if number % 2
            else bytes(source.choices(b'",\n\r\0a1\xff', k=3000))
        )
        try:
            manifest = lake.ingest(
                make_contract(COLUMNS), lake.file("junk.csv", (b"n,t\n" if number % 4 else b"") + body)
            )
        except DeliveryRejected:
            continue
        assert manifest.rows_in > 0


BIG = """
import resource, sys
from pathlib import Path
from platform_assets.sql.contract_file import parse_contract
from platform_assets.lake.deliveries import Delivery, FileVersion
from platform_assets.partition_key import PartitionKey
from platform_assets.ingestion.ingestor import ingest
contract = parse_contract(Path(sys.argv[1]).read_text(), Path("c.yaml"))
delivery = Delivery("feed", PartitionKey("p"), (FileVersion.of(Path(sys.argv[2])),))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
manifest = ingest(contract=contract, delivery=delivery, lake=Path(sys.argv[3]), pseudonym_key=None)
print(manifest.rows_out, manifest.rows_quarantined, list(manifest.reasons),
      (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
TEXT = """
apiVersion: v3.1.0
kind: DataContract
id: feed
version: 1.0.0
servers: [{{server: s, type: local, path: x, format: {form}}}]
schema: [{{name: feed, properties: [{{name: n, logicalType: integer}}, {{name: t, logicalType: string}}]}}]
customProperties: [{{property: quarantineLimit, value: 1}}]
"""


@pytest.mark.slow
@pytest.mark.parametrize(("form", "first", "start", "last"), [
    ("csv", b"n,t\n1,a\n", b"2,", b"\n3,c\n"),
    ("csv", b"n,t\n1,a\n", b'2,"', b'"\n3,c\n'),
    ("json", b'{"n":1,"t":"a"}\n', b'{"n":2,"t":"', b'"}\n{"n":3,"t":"c"}\n'),
])  # fmt: skip
def test_a_line_of_a_gigabyte_costs_one_row_and_little_memory(
    tmp_path: Path, form: str, first: bytes, start: bytes, last: bytes
) -> None:
    path = tmp_path / "long"
    with path.open("wb") as file:
        file.write(first + start)
        for _ in range(1024):
            file.write(b"x" * (1 << 20))
        file.write(last)
    contract = tmp_path / "c.yaml"
    contract.write_text(TEXT.format(form=form))
    command = [sys.executable, "-c", BIG, str(contract), str(path), str(tmp_path / "lake")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=250)
    out, memory = done.stdout.rsplit(" ", 1)
    assert out == "2 1 ['structure:record_too_long']"
    assert int(memory) < 600


@pytest.mark.slow
def test_a_bomb_is_not_unpacked(lake: Any, make_contract: Callable[..., Any]) -> None:
    bomb = zstandard.ZstdCompressor(level=19).compress(b"n,t\n" + b"0" * (400 << 20))
    with pytest.raises(DeliveryRejected) as caught:
        lake.ingest(make_contract(COLUMNS), lake.file("a.csv.zst", bomb))
    assert caught.value.code == "compression:bomb"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 4 << 20
