"""Many small files of a delivery are read as one, and what comes of them is what comes of each alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from platform_assets.ingestion import engine as lake_engine
from platform_assets.ingestion import ingestor as ingestion
from platform_assets.lake.errors import DeliveryRejected
from tests.support.lake import Lake, contract_of

COLUMNS = [{"name": "n", "logicalType": "integer"}, {"name": "t", "logicalType": "string"}]
CELLS = st.sampled_from(
    ["1", "22", "x", "", "1.5", '"a"', '"a,b"', '"a""b"', '"two\nlines"', '"open', 'a"b', "\xe9", "\0"]
)
LINES = st.lists(
    st.builds(lambda n, t: f"{n},{t}", CELLS, CELLS) | st.sampled_from(["", "1", "1,2,3", "n,t"]), max_size=6
)
FILES = st.tuples(
    LINES,
    st.sampled_from(["n,t", "n,t", "n,t", "t,n", "\nn,t", '"n",t', "\ufeffn,t"]),
    st.sampled_from(["\n", "\n", "\n", "\r\n", "\r"]),
    st.booleans(),
)


def csv_bytes(lines: list[str], header: str, newline: str, ended: bool) -> bytes:
    text = newline.join([header, *lines]) + (newline if ended else "")
    # one sign that is no UTF-8
    return text.replace("\xe9", "\ue000").encode().replace("\ue000".encode(), b"\xe9")


def outcome(lake: Lake, contract: Any, *files: Path, partition: str) -> tuple[Any, Any]:
    """Rows, and quarantined rows with their places."""
    try:
        manifest = lake.ingest(contract, *files, partition=partition)
    except DeliveryRejected as rejected:
        return rejected.code, None
    bad = [(row.file, row.line, row.reasons, row.raw) for row in lake.quarantined(partition)]
    return lake.rows(manifest), bad


def as_each_alone(lake: Lake, contract: Any, files: list[Path]) -> None:
    rows, bad = [], []
    for number, path in enumerate(files):
        found = outcome(lake, contract, path, partition=f"alone-{number}")
        if found[0] == "empty":
            continue
        if found[1] is None:
            assert outcome(lake, contract, *files, partition="all")[0] == found[0]
            return
        rows += found[0]
        bad += found[1]
    together = outcome(lake, contract, *files, partition="all")
    if not rows and not bad:
        assert together[0] == "empty"
        return
    assert together[0] == rows
    assert sorted(together[1]) == sorted(bad)


def fresh(factory: pytest.TempPathFactory) -> Lake:
    folder = factory.mktemp("many")
    (folder / "landing").mkdir()
    return Lake(folder / "lake", folder / "landing")


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(contents=st.lists(FILES, min_size=2, max_size=6))
def test_delimited_files(tmp_path_factory: pytest.TempPathFactory, contents: list[Any]) -> None:
    lake = fresh(tmp_path_factory)
    files = [lake.file(f"{at}.csv", csv_bytes(*content)) for at, content in enumerate(contents)]
    as_each_alone(lake, contract_of(COLUMNS), files)


JSON_LINES = st.lists(
    st.sampled_from(
        ['{"n":1,"t":"a"}', '{"n":"x","t":"b"}', '{"n":2}', "", "[]", "{", '{"n":3,"t":"c","u":1}', '{"t":1}']
    ),
    max_size=6,
)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(contents=st.lists(JSON_LINES, min_size=2, max_size=6))
def test_json_lines(tmp_path_factory: pytest.TempPathFactory, contents: list[list[str]]) -> None:
    lake = fresh(tmp_path_factory)
    files = [lake.file(f"{at}.json", "\n".join(lines)) for at, lines in enumerate(contents)]
    as_each_alone(lake, contract_of(COLUMNS, form="json"), files)


TABLES = st.tuples(
    st.lists(st.integers(-5, 5), max_size=6), st.sampled_from(["int64", "int8", "double"]), st.booleans()
)


@pytest.mark.slow
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(contents=st.lists(TABLES, min_size=2, max_size=6))
def test_parquet_files(tmp_path_factory: pytest.TempPathFactory, contents: list[Any]) -> None:
    lake = fresh(tmp_path_factory)
    files = []
    for at, (values, kind, turned) in enumerate(contents):
        columns = [("n", pa.array(values, kind)), ("t", pa.array([f"{at}.{n}" for n in range(len(values))], "string"))]
        files.append(lake.landing / f"{at}.parquet")
        pq.write_table(pa.table(dict(reversed(columns) if turned else columns)), files[-1])
    rule = {"logicalType": "integer", "logicalTypeOptions": {"minimum": 0}}
    as_each_alone(lake, contract_of([{"name": "n", **rule}, COLUMNS[1]], form="parquet"), files)


class Counting:
    """A connection that counts its statements."""

    def __init__(self, inner: duckdb.DuckDBPyConnection) -> None:
        self.inner, self.statements = inner, 0

    def execute(self, *arguments: Any) -> Any:
        self.statements += 1
        return self.inner.execute(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@pytest.mark.parametrize("bad", [False, True], ids=["clean", "bad rows in each"])
@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_statements_and_parquet_files_do_not_grow_with_the_files(
    lake: Any, make_contract: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, form: str, bad: bool
) -> None:
    engines: list[Counting] = []

    def counting(*arguments: Any) -> Counting:
        engines.append(Counting(lake_engine.open_engine(*arguments)))
        return engines[-1]

    monkeypatch.setattr(ingestion, "open_engine", counting)
    contract = make_contract(
        [
            {"name": "n", "logicalType": "integer", "primaryKey": True},
            {"name": "t", "logicalType": "string", "required": True},
        ],
        form=form,
    )
    found = []
    for count in (20, 200):
        files = []
        for at in range(count):
            rows = [(at * 10 + row, None if bad and row == 3 else f"t{row}") for row in range(5)]
            path = lake.landing / f"{count}-{at:04}.{form}"
            if form == "parquet":
                numbers, texts = zip(*rows, strict=True)
                pq.write_table(pa.table({"n": pa.array(numbers), "t": pa.array(texts)}), path)
            elif form == "json":
                path.write_text("".join(json.dumps({"n": n, "t": t}) + "\n" for n, t in rows))
            else:
                path.write_text("n,t\n" + "".join(f"{n},{t or ''}\n" for n, t in rows))
            files.append(path)
        manifest = lake.ingest(contract, *files, partition=str(count))
        assert manifest.rows_in == 5 * count
        assert len(manifest.data_files) == 1
        assert manifest.rows_quarantined == (count if bad else 0)
        assert [(row.file, row.line) for row in lake.quarantined(str(count))] == [
            (path.name, {"csv": 5, "json": 4, "parquet": 4}[form]) for path in (files if bad else [])
        ]
        found.append(engines[-1].statements)
    # the bad rows of Parquet files are shown by a statement for each file that has some
    assert found[1] - found[0] <= (180 if bad and form == "parquet" else 0)


@pytest.mark.parametrize("name", ["file_row_number", "file_index", "filename", "_number", "_s0"])
def test_a_column_may_have_the_name_of_one_of_duckdbs_own(
    lake: Any, make_contract: Callable[..., Any], name: str
) -> None:
    files = []
    for at in range(3):
        files.append(lake.landing / f"{at}.parquet")
        pq.write_table(pa.table({name: pa.array([7, -1, 9]), "t": pa.array(["a", "b", "c"])}), files[-1])
    rule = {"logicalType": "integer", "logicalTypeOptions": {"minimum": 0}}
    contract = make_contract([{"name": "n", "physicalName": name, **rule}, COLUMNS[1]], form="parquet")
    manifest = lake.ingest(contract, *files)
    assert lake.rows(manifest) == [(7, "a"), (9, "c")] * 3
    assert [(row.file, row.line) for row in lake.quarantined()] == [(path.name, 2) for path in files]


def test_large_files_keep_a_parquet_file_of_their_own(
    lake: Any, make_contract: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from platform_assets.ingestion import reading

    monkeypatch.setattr(reading, "SMALL", 100)
    sizes = [5, 5, 500, 5, 5]
    files = [lake.file(f"{at}.csv", "n,t\n" + "1,a\n" * size) for at, size in enumerate(sizes)]
    manifest = lake.ingest(make_contract(COLUMNS), *files)
    assert manifest.rows_out == sum(sizes)
    assert len(manifest.data_files) == 3


EMPTY = {
    "csv": [b"", b"n,t\n", b"\n\n", b"\xef\xbb\xbf"],
    "json": [b"", b"\n"],
    "parquet": [],
}


@pytest.mark.parametrize(("form", "content"), [(form, content) for form, all_ in EMPTY.items() for content in all_])
def test_a_part_without_rows_is_reported(
    lake: Any, make_contract: Callable[..., Any], form: str, content: bytes
) -> None:
    contract = make_contract(COLUMNS, form=form)
    good = b"n,t\n1,a\n" if form == "csv" else b'{"n":1,"t":"a"}\n'
    manifest = lake.ingest(contract, lake.file("a.x", good), lake.file("b.x", content), lake.file("c.x", good))
    assert manifest.warnings == ("b.x: has no rows; the other files of its delivery were used",)
    assert manifest.rows_out == 2


def test_a_parquet_part_without_rows_is_reported_and_one_of_zero_bytes_refused(
    lake: Any, make_contract: Callable[..., Any]
) -> None:
    contract = make_contract(COLUMNS, form="parquet")
    table = pa.table({"n": pa.array([1]), "t": pa.array(["a"])})
    paths = [lake.landing / f"{name}.parquet" for name in "abc"]
    for path, rows in zip(paths, (1, 0, 1), strict=True):
        pq.write_table(table.slice(0, rows), path)
    assert lake.ingest(contract, *paths).warnings == (
        "b.parquet: has no rows; the other files of its delivery were used",
    )
    paths[1].write_bytes(b"")
    with pytest.raises(DeliveryRejected, match=r"b\.parquet.*0 bytes") as caught:
        lake.ingest(contract, *paths)
    assert caught.value.code == "structure:parquet"
