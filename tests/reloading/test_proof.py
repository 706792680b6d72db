"""The search for clear values: it finds them in each kind of place, and says so without a value."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_assets.reloading import needles as needles_module
from platform_assets.reloading.needles import Needles
from platform_assets.reloading.proof import search_folder, search_lake, search_warehouse, search_work
from platform_assets.reloading.tables import in_columns
from platform_assets.reloading.values import ClearValues, collect
from platform_assets.sql.literals import literal
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from tests.support.lake import Lake, everywhere

VALUE, OTHER = 'ann "o\'x" é@example.org', "ben@example.org"
VALUES = ClearValues({"mail": {VALUE, "ab"}, "born": {"1980-02-03"}}, {"mail"})
LONG = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=6, max_size=20)


@given(st.lists(LONG, min_size=1, max_size=20), st.data())
def test_what_is_there_is_found_and_nothing_else(texts: list[str], data: st.DataObject) -> None:
    needles = Needles(texts)
    chosen = data.draw(st.sampled_from(texts))
    assert needles.in_texts([f"{data.draw(st.text())}{chosen}{data.draw(st.text())}"]) >= 1
    other = data.draw(st.text(st.characters(codec="ascii"), max_size=50))
    assert (needles.in_texts([other]) > 0) == any(text in other for text in texts)


def test_a_text_is_found_once_across_the_pieces_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needles_module, "CHUNK", 64)
    path = tmp_path / "file"
    for before in range(130):
        path.write_bytes(b"-" * before + OTHER.encode() + b"-" * 100 + OTHER.encode())
        assert Needles([OTHER]).in_file(path) == 2
    assert Needles([OTHER]).in_file(tmp_path / "none") == 0


@pytest.mark.parametrize("written", ["{}", '{{"a": {json}}}', '{{"log": {twice}}}'])
def test_a_text_is_found_as_json_writes_it(written: str) -> None:
    for ascii in (True, False):
        once = json.dumps(VALUE, ensure_ascii=ascii)
        text = written.format(VALUE, json=once, twice=json.dumps(f"x {once} y", ensure_ascii=ascii))
        assert Needles([VALUE]).in_texts([text]) == 1


def test_tables_and_what_a_file_holds_are_searched(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "w.duckdb")
    with warehouse.session() as session:
        session.execute(f"CREATE SCHEMA s; CREATE TABLE s.inside AS SELECT {{'a': [{literal(VALUE)}]}} AS deep, 1 AS n")
        session.execute("CREATE TABLE s.short AS SELECT 'ab' AS mail, 'ab' AS other, 1980 AS n")
        session.execute("CREATE TABLE s.days AS SELECT DATE '1980-02-03' AS born, DATE '1980-02-03' AS signed")
        session.execute(f"CREATE TABLE s.doc AS SELECT to_json({{'m': {literal(VALUE)}}}) AS doc")
    tables, files = search_warehouse(warehouse, VALUES, Needles(VALUES.anywhere))
    assert tables.at == ("s.days: born", "s.doc: doc", "s.inside: deep", "s.short: mail")
    assert tables.found == 4
    assert (files.where, "free block" in files.what) == ("warehouse file", True)
    with warehouse.session() as session:
        session.execute("DROP SCHEMA s CASCADE")
    assert next(iter(search_warehouse(warehouse, VALUES, Needles(VALUES.anywhere)))).found == 0


def test_an_unknown_warehouse_is_said_not_to_be_searched() -> None:
    (found,) = search_warehouse(object(), VALUES, Needles([]))  # type: ignore[arg-type]
    assert (found.found, found.clean) == (None, False)


def test_many_texts_are_searched_for_in_bounded_patterns() -> None:
    values = ClearValues({"mail": {f"somebody-{number}@example.org" for number in range(1_000)}}, {"mail"})
    with duckdb.connect() as engine:
        engine.execute("CREATE TABLE t AS SELECT 'x somebody-' || i || '@example.org' AS w FROM range(2000) AS r(i)")
        found = in_columns(lambda sql: engine.execute(sql).fetchall(), "t", [("w", "VARCHAR")], values)
    assert found == {"w": 1_000}


def test_files_and_databases_of_a_folder_are_searched(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "log").write_text(f"x {VALUE}")
    (tmp_path / "clean").write_text("nothing")
    with sqlite3.connect(tmp_path / "runs.db") as connection:
        connection.execute("CREATE TABLE events (body TEXT)")
        # longer than a page, and with the value where one ends
        connection.executemany("INSERT INTO events VALUES (?)", [("-" * at + OTHER,) for at in range(4_000, 4_200)])
    connection.close()
    found = search_folder("logs", tmp_path, Needles([VALUE, OTHER]))
    assert sorted(found.at) == [str(tmp_path / "a" / "b" / "log"), str(tmp_path / "runs.db")]
    assert found.found is not None
    assert found.found >= 201


@everywhere
def test_the_lake_is_searched_as_it_is_decoded(lake: Lake, make_contract: Callable[..., Any], tmp_path: Path) -> None:
    columns = [{"name": "id", "logicalType": "integer"}, {"name": "mail", "logicalType": "string"}]
    rows = "".join(f"{number},somebody-{number}@example.org\n" for number in range(40))
    lake.ingest(make_contract(columns), lake.file("a.csv", f"id,mail\n{rows}x,{OTHER}\n"))
    values = collect(lake.store, "feed", ["mail", "gone", "id"])
    assert (values.count, len(values.anywhere), values.more) == (80, 40, set())
    found = list(search_lake(lake.store, "feed", values, Needles([*values.anywhere, OTHER])))
    assert {each.where: bool(each.found) for each in found} == {"lake": True, "records": False, "quarantine": True}
    (parquet,) = lake.store.data_names("feed", "2013-01-01")
    assert set(found[0].at) == {f"{parquet}: mail", f"{parquet}: id"}
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / "copy").write_text(OTHER)
    assert search_work(lake.store, "feed", Needles([OTHER]), [scratch]).at == (str(scratch / "copy"),)


@everywhere
def test_earlier_ingestions_are_removed_and_what_is_committed_stays(
    lake: Lake, make_contract: Callable[..., Any]
) -> None:
    contract = make_contract([{"name": "id", "logicalType": "integer"}])
    lake.ingest(contract, lake.file("a.csv", "id\n1\nx\n"))
    manifest = lake.ingest(contract, lake.file("a.csv", "id\n1\n2\ny\n"))
    assert len(lake.store.data_names("feed", "2013-01-01")) == 2
    removed = lake.store.remove_generations("feed", "2013-01-01")
    assert len(removed) == (2 if lake.url else 1), "Parquet, and below a URL the quarantine of the version before"
    assert lake.store.data_names("feed", "2013-01-01") == list(manifest.data_files)
    assert (len(lake.rows(manifest)), [row.raw for row in lake.quarantined()]) == (2, ["y"])
    assert lake.store.remove_generations("feed", "2013-01-01") == []
    assert lake.store.manifest("feed", "2013-01-01") == manifest


@everywhere
def test_a_note_is_replaced_and_removed(lake: Lake) -> None:
    lake.path.joinpath("feed").mkdir(parents=True)
    assert lake.store.note("feed") is None
    for content in (b"one", b"two"):
        lake.store.put_note("feed", content)
        assert lake.store.note("feed") == content
    assert lake.store.partition_names("feed") == []
    for _ in range(2):
        lake.store.put_note("feed", None)
    assert lake.store.note("feed") is None


def test_what_cannot_be_read_is_not_taken_for_searched(tmp_path: Path) -> None:
    (tmp_path / "runs.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 200)
    (tmp_path / "log").write_text(OTHER)
    found = search_folder("event log", tmp_path, Needles([OTHER]))
    assert (found.found, found.clean) == (None, False)
    assert [place.rpartition("/")[2].partition(":")[0] for place in found.at] == ["log", "runs.db"]
