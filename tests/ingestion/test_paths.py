"""A path is the path of one file: no wildcard in it, no column in its folders, no copy for two files of a name."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from platform_assets.formats.inference.infer import infer_contract
from platform_assets.lake.errors import DeliveryRejected, IngestionError
from platform_assets.sql.literals import literal
from tests.support.lake import Lake

COLUMNS = [{"name": "n", "logicalType": "integer", "primaryKey": True}, {"name": "t", "logicalType": "string"}]
WILD = ["a[1]", "a*", "a?", "**", "[!b]1", "a{1,2}", "a[1", "it's"]
WITH_BACKSLASH = ["a\\[1]", "\\*"]
NEIGHBOURS = ["a1", "a2", "ab"]
"""Names that the wildcards would find."""


def parquet(path: Path, rows: str) -> None:
    with duckdb.connect() as engine:
        engine.execute(f"COPY (SELECT * FROM (VALUES {rows}) AS v (n, t)) TO {literal(str(path))} (FORMAT parquet)")


def put(path: Path, form: str, word: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if form == "parquet":
        parquet(path, f"(1::BIGINT, '{word}'), (2, '{word}'), (2, '{word}')")
    elif form == "json":
        path.write_text("".join(f'{{"n":{n},"t":"{word}"}}\n' for n in (1, 2, 2)))
    else:
        broken = "3,x,y\n" if form == "repaired" else ""
        path.write_text(f"n,t\n1,{word}\n2,{word}\n2,{word}\n{broken}")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "repaired", "json", "parquet"])
@pytest.mark.parametrize("where", ["name", "folder", "lake"])
def test_signs_of_a_wildcard_in_a_path_are_only_signs(
    tmp_path: Path, make_contract: Callable[..., Any], form: str, where: str
) -> None:
    contract = make_contract(COLUMNS, form="csv" if form == "repaired" else form)
    for name in NEIGHBOURS:
        put(tmp_path / (f"landing/{name}.x" if where == "name" else f"landing/{name}/f.x"), form, "another")
        (tmp_path / "lakes" / name).mkdir(parents=True)
    for name in WILD + (WITH_BACKSLASH if where != "lake" else []):
        path = tmp_path / ("landing/f.x" if where == "lake" else f"landing/{name}{'.x' if where == 'name' else '/f.x'}")
        lake = Lake(tmp_path / "lakes" / (name if where == "lake" else "one"), tmp_path)
        manifest = lake.ingest(contract, put(path, form, "this"), force=True)
        assert lake_rows(lake, manifest) == [(1, "this"), (2, "this")]
        assert sorted(row.line for row in lake.quarantined())[0] == (4 if form in ("csv", "repaired") else 3)


def lake_rows(lake: Lake, manifest: Any) -> list[tuple[Any, ...]]:
    """The rows, read from copies whose names hold no wildcard."""
    found = []
    for number, path in enumerate(manifest.data_paths(lake.path)):
        copy = lake.landing / f"copy-{number}.parquet"
        copy.write_bytes(path.read_bytes())
        with duckdb.connect() as engine:
            found += engine.execute("SELECT * FROM read_parquet(?)", [str(copy)]).fetchall()
    return found


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_folder_named_like_a_value_is_no_column(lake: Any, make_contract: Callable[..., Any], form: str) -> None:
    """Neither on the landing side nor in the lake, where a partition may have such a name."""
    path = put(lake.landing / "n=7/t=8/a", form, "this")
    manifest = lake.ingest(make_contract(COLUMNS, form=form), path, partition="n=9")
    with duckdb.connect() as engine:
        sql = "SELECT n, t FROM read_parquet(?, hive_partitioning = false)"
        rows = engine.execute(sql, [str(manifest.data_paths(lake.path)[0])]).fetchall()
    assert rows == [(1, "this"), (2, "this")]


@pytest.mark.parametrize("name", WILD)
def test_a_sample_is_the_file_of_that_name(tmp_path: Path, name: str) -> None:
    for other in NEIGHBOURS:
        put(tmp_path / f"{other}.parquet", "parquet", "another")
    path = tmp_path / f"{name}.parquet"
    with duckdb.connect() as engine:
        engine.execute(f"COPY (SELECT 1 AS only_here) TO {literal(str(path))} (FORMAT parquet)")
    assert "only_here" in infer_contract(path, "feed")


@pytest.mark.parametrize("form", ["csv", "json"])
def test_files_of_one_name_keep_their_rows_apart(lake: Any, make_contract: Callable[..., Any], form: str) -> None:
    """Rows that repeat a key are fetched from working copies, after all files were read."""
    files = []
    for folder in ("eu", "us"):
        path = lake.landing / folder / "part.x"
        path.parent.mkdir()
        if form == "json":
            path.write_text(f'{{"n":"bad"}}\n{{"n":1,"t":"{folder}"}}\n{{"n":1,"t":"{folder} again"}}\n')
        else:
            path.write_text(f"n,t\n2,x,y\n1,{folder}\n1,{folder} again\n")
        files.append(path)
    manifest = lake.ingest(make_contract(COLUMNS, form=form), *files)
    assert lake.rows(manifest) == [(1, "eu")]
    repeated = [row.raw for row in lake.quarantined() if row.reasons == ("unique:n",)]
    if form == "json":
        assert repeated == [f'{{"n":1,"t":"{text}"}}' for text in ("eu again", "us", "us again")]
    else:
        assert repeated == ["1,eu again", "1,us", "1,us again"]


def test_a_file_in_the_place_of_a_partition_is_named(lake: Lake, make_contract: Callable[..., Any]) -> None:
    (lake.path / "feed").mkdir(parents=True)
    (lake.path / "feed" / "2013-01-01").write_text("somebody's notes")
    with pytest.raises(IngestionError, match=r"is a file in the place of a folder; remove it.*2013-01-01"):
        lake.ingest(make_contract(COLUMNS), lake.file("a.csv", "n,t\n1,x\n"))
    assert (lake.path / "feed" / "2013-01-01").read_text() == "somebody's notes"


def test_what_follows_the_data_of_a_gzip_is_named(lake: Lake, make_contract: Callable[..., Any]) -> None:
    path = lake.file("a.csv.gz", gzip.compress(b"n,t\n1,x\n") + b"uploaded by a broken client")
    with pytest.raises(DeliveryRejected, match="something that is no gzip follows it"):
        lake.ingest(make_contract(COLUMNS), path)
