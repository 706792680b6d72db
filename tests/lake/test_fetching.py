"""Of an object that a warehouse loads from where it is, no more than the metadata comes to this machine."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from platform_assets.lake.fetching import FIRST, fetch_all
from platform_assets.stores.objects import Objects
from platform_assets.warehouse.errors import StatementFailed
from platform_assets.warehouse.protocol import ColumnDef, StagedFile
from platform_assets.warehouse.snowflake.lake_files import check

BIG = "SELECT i AS id, hash(i) AS a, hash(i + 1) AS b FROM range(500000) AS r(i)"
WIDE = f"SELECT {', '.join(f'{n} AS a_column_with_a_long_name_{n:04d}' for n in range(1500))}"


def put(objects: Objects, key: str, path: Path, query: str) -> None:
    duckdb.cursor().execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    objects.upload(key, path)


def schema(path: Path) -> list[tuple[str, str]]:
    query = "SELECT name, type FROM parquet_schema(?)"
    return duckdb.cursor().execute(query, [str(path)]).fetchall()


@pytest.mark.parametrize("query", [BIG, WIDE, "SELECT 1 AS id"], ids=["big", "wide", "small"])
def test_a_file_has_its_schema_and_its_size_and_no_rows(store_url: str, tmp_path: Path, query: str) -> None:
    objects, whole, end = Objects(store_url), tmp_path / "whole.parquet", tmp_path / "end.parquet"
    put(objects, "a/b.parquet", whole, query)
    fetch_all(objects, [("a/b.parquet", end)], schemas_only=True)
    assert schema(end) == schema(whole)
    assert end.stat().st_size == whole.stat().st_size
    if query == BIG:
        rows = whole.read_bytes()[len(b"PAR1") : -FIRST]
        assert len(rows) > FIRST
        assert end.read_bytes()[len(b"PAR1") : -FIRST] == bytes(len(rows))


def test_types_that_do_not_fit_are_found(store_url: str, tmp_path: Path) -> None:
    objects, end = Objects(store_url), tmp_path / "end.parquet"
    put(objects, "a/b.parquet", tmp_path / "whole.parquet", BIG)
    fetch_all(objects, [("a/b.parquet", end)], schemas_only=True)
    files = [StagedFile(str(end), "p", "a/b.parquet")]
    check(files, [ColumnDef("id", "BIGINT")], None)
    with pytest.raises(StatementFailed, match="column id is BIGINT in the Parquet files"):
        check(files, [ColumnDef("id", "VARCHAR")], None)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no Parquet at all, but longer than its signs"])
def test_what_is_no_parquet_stays_as_it_is(store_url: str, tmp_path: Path, content: bytes) -> None:
    objects, end = Objects(store_url), tmp_path / "end.parquet"
    (tmp_path / "other").write_bytes(content)
    objects.upload("other", tmp_path / "other")
    fetch_all(objects, [("other", end), ("gone", tmp_path / "gone")], schemas_only=True)
    assert end.read_bytes() == content
    assert not (tmp_path / "gone").exists()
