"""Nothing that lies in a landing folder costs more than its own partition: odd names, dates, folders and faults."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from platform_assets.ingestion.ingestor import ingest
from platform_assets.lake.deliveries import Delivery, FileVersion
from platform_assets.lake.layout import make_partition_folder, name_of, partition_folder
from platform_assets.lake.manifest import read_manifest
from platform_assets.lake.names import MOST, encodable, escape, is_cut, shown, unescape
from platform_assets.lake.quarantined import list_quarantine, read_quarantine
from platform_assets.landing.arrivals import LandingFolder
from platform_assets.landing.found import Completeness, Watermark
from platform_assets.landing.landing import FileNames
from platform_assets.landing.patterns import ArrivalPattern
from platform_assets.partition_key import PartitionKey
from platform_assets.sql.literals import literal
from tests.support.day_names import by_day
from tests.support.looks import changes

COLUMNS = [{"name": "n", "logicalType": "integer"}, {"name": "t", "logicalType": "string"}]
GOOD = "orders/2024-01-05/part.csv"
ODD_BYTES = b"caf\xe9\n\x1b[31m"
ANY_NAME = st.text(st.characters(exclude_categories=[]), max_size=300)


def may_hold(groups: Mapping[str, str], key: str) -> bool:
    year, month, day = key.split("-")
    return all({"tY": year, "tm": month, "td": day}[name] == value for name, value in groups.items())


def folder(root: Path, pattern: str = "orders/%Y-%m-%d/*.csv") -> LandingFolder:
    return LandingFolder(str(root), FileNames("orders", ArrivalPattern(pattern), by_day, Completeness(0), may_hold))


def put(path: Path, text: str = "n,t\n1,x\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def now() -> int:
    return time.time_ns() + 10**9


@given(ANY_NAME)
@settings(deadline=None, max_examples=300)
def test_every_name_has_a_folder_of_its_own_that_leads_back_to_it(name: str) -> None:
    made = escape(name)
    assert len(made) <= MOST
    assert made.isascii()
    assert re.fullmatch(r"[^/\\\x00-\x1f._][^/\\\x00-\x1f]*", made)
    assert is_cut(made) or unescape(made) == name
    assert made != escape(name + "x")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
@settings(deadline=None)
def test_names_that_had_a_folder_keep_it(name: str) -> None:
    """Lakes of earlier versions stay readable: the encoding of before, written out."""
    from urllib.parse import quote

    text = quote(name, safe=" +=,@")
    if text.startswith((".", "_")) or text in ("", "~"):
        text = f"%{ord(text[0]):02X}{text[1:]}" if text else "%"
    assert len(text) > MOST or escape(name) == text


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=60, max_size=120), min_size=2, unique=True))
def test_long_names_are_read_back_from_their_folders(tmp_path: Path, names: list[str]) -> None:
    folders = [make_partition_folder(tmp_path, "feed", name) for name in names]
    assert [name_of(made) for made in folders] == names
    assert len({made.name.lower() for made in folders if is_cut(made.name)}) == sum(is_cut(f.name) for f in folders)


@pytest.mark.parametrize("name", ["中" * 23, "中" * 85, "x" * 255, "../" * 70, "é\n" * 50])
def test_a_long_key_is_ingested_listed_and_shown(lake: Any, make_contract: Callable[..., Any], name: str) -> None:
    manifest = lake.ingest(make_contract(COLUMNS), lake.file("a", "n,t\n1,x\nbad,y\n"), partition=name)
    assert lake.rows(manifest) == [(1, "x")]
    assert read_manifest(lake.path, "feed", name) == manifest
    assert lake.ingested() == [name]
    assert [(found.partition, found.rows) for found in list_quarantine(lake.store)] == [(name, 1)]
    assert len(read_quarantine(lake.store, "feed", name)) == 1
    again = lake.ingest(make_contract(COLUMNS), lake.file("a", "n,t\n2,x\n"), partition=name)
    assert read_manifest(lake.path, "feed", name) == again
    assert name_of(partition_folder(lake.path, "feed", name)) == name


@pytest.mark.parametrize("form", ["csv", "repaired", "latin", "json", "parquet"])
def test_a_file_whose_name_is_not_utf8_is_read_like_any_other(
    lake: Any, make_contract: Callable[..., Any], form: str
) -> None:
    path = lake.landing / os.fsdecode(b"\xff" * 50 + ODD_BYTES)
    if form == "parquet":
        with duckdb.connect() as engine:
            plain = lake.landing / "plain"
            values = "(1::BIGINT, 'x'), (2, NULL)"
            engine.execute(f"COPY (FROM (VALUES {values}) v (n, t)) TO {literal(str(plain))} (FORMAT parquet)")
        plain.rename(path)
    elif form == "json":
        path.write_text('{"n":1,"t":"x"}\n{"n":2}\n')
    else:
        path.write_text("n,t\n1,x\n2,\n" + ("3,x,y\n" if form == "repaired" else ""))
    columns = [COLUMNS[0], {**COLUMNS[1], "required": True}]
    server = {"encoding": "latin-1"} if form == "latin" else None
    contract = make_contract(columns, form={"json": "json", "parquet": "parquet"}.get(form, "csv"), server=server)
    manifest = lake.ingest(contract, path)
    assert lake.rows(manifest) == [(1, "x")]
    assert read_manifest(lake.path, "feed", "2013-01-01") == manifest
    assert manifest.delivery_files[0].path == str(path)
    assert {row.file for row in lake.quarantined()} == {path.name}
    assert lake.ingest(contract, path) == manifest, "the same delivery is known again"
    json.loads((lake.path / "feed/2013-01-01/manifest.json").read_text("utf-8"))


@given(st.binary(max_size=40))
@settings(deadline=None)
def test_what_is_shown_of_a_name_can_be_printed_and_written(raw: bytes) -> None:
    name = os.fsdecode(raw)
    assert shown(name).isprintable()
    assert encodable(name).encode().decode() == encodable(name)
    assert shown("plain ä 中.csv") == "plain ä 中.csv"


def test_a_linked_folder_is_reported_and_explains_its_own_partition(tmp_path: Path) -> None:
    put(tmp_path / GOOD)
    put(tmp_path / "elsewhere/part.csv")
    (tmp_path / "orders/2024-01-06").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "orders/2024-01-07").symlink_to(tmp_path / "gone")
    (tmp_path / "orders/notes").symlink_to(tmp_path / GOOD)
    landing = folder(tmp_path)
    for found in (
        landing.deliveries(now_ns=now()),
        changes(landing, Watermark(), now_ns=now(), limit=100)[0],
    ):
        assert list(found.deliveries) == ["2024-01-05"]
        assert found.irregular == dict.fromkeys(["orders/2024-01-06", "orders/2024-01-07"], "a symbolic link")
        assert landing.irregular_of(found, "2024-01-06") == {"orders/2024-01-06": "a symbolic link"}
        assert landing.irregular_of(found, "2024-01-08") == {}


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("%Y%j.csv", "2023366.csv"),
        ("%Y%j.csv", "2023000.csv"),
        ("%G-W%V.csv", "2024-W53.csv"),
        ("%G-W%V.csv", "2024-W00.csv"),
        ("%y/%Y-%m-%d.csv", "23/2024-01-05.csv"),
        ("%Y-%m-%d.csv", "0000-01-01.csv"),
        ("%Y-%m-%d.csv", "2024-13-01.csv"),
        ("%Y-%m-%dT%H%M%S.csv", "2024-01-05T235960.csv"),
        ("%Y-%m-%dT%H%z.csv", "2024-01-05T00+9999.csv"),
    ],
)
def test_a_date_that_does_not_exist_is_that_of_no_other_partition(pattern: str, path: str) -> None:
    read = ArrivalPattern(pattern)
    token = read.token(path)
    assert token is not None
    assert read.read(token) is None


@pytest.mark.parametrize("path", ["0001-01-01", "9999-12-31", "1969-12-31", "2038-01-19", "2262-04-12", "5000-02-29"])
def test_dates_far_away_are_read_or_refused_and_end_nothing(tmp_path: Path, path: str) -> None:
    put(tmp_path / GOOD)
    put(tmp_path / f"orders/{path}/part.csv")
    assert "2024-01-05" in folder(tmp_path).deliveries(now_ns=now()).deliveries


def test_thousands_of_strays_are_counted_and_keep_no_delivery_waiting(tmp_path: Path) -> None:
    put(tmp_path / GOOD)
    strays = tmp_path / "orders/2024-01-99"
    strays.mkdir()
    for number in range(5000):
        (strays / f"{number}.csv").touch()
    found = folder(tmp_path).deliveries(now_ns=now())
    assert list(found.deliveries) == ["2024-01-05"]
    assert len(found.unmatched) == 5000


def test_a_delivery_of_odd_names_keeps_its_version(lake: Any) -> None:
    """The version of files with ordinary names is that of before; of odd ones it tells them apart."""
    assert Delivery("f", PartitionKey("p"), (FileVersion("/x/a.csv", 3, 5),)).version == "2d42fbd2b80b08bd"
    odd = [
        Delivery("f", PartitionKey("p"), (FileVersion(f"/x/{name}", 3, 5),)).version
        for name in ("a\udcff", "a\udcfe", "a\\xff")
    ]
    assert len(set(odd)) == 3


def test_a_rejected_delivery_with_an_odd_name_says_so_in_plain_text(
    lake: Any, make_contract: Callable[..., Any]
) -> None:
    path = lake.landing / os.fsdecode(b"a\xff.csv")
    path.write_text("other\n1\n")
    with pytest.raises(Exception, match="delivery rejected") as rejected:
        ingest(contract=make_contract(COLUMNS), delivery=lake.delivery(path), lake=lake.path, pseudonym_key=None)
    str(rejected.value).encode()
