"""A contract that is inferred from a sample takes the sample: never is the majority of its rows quarantined."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from platform_assets.cli.main import main
from platform_assets.formats.inference.infer import first_contract, infer_contract
from platform_assets.formats.inference.opened import SampleError
from platform_assets.ingestion.ingestor import ingest
from platform_assets.ingestion.trial import tried_contract
from platform_assets.lake.deliveries import Delivery, FileVersion
from platform_assets.lake.manifest import Manifest
from platform_assets.partition_key import PartitionKey
from platform_assets.sql.contract_file import parse_contract
from platform_assets.sql.literals import literal
from tests.support.campaigns import times

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["n/a", "", "x", "1", "1.5", "2013-01-01", "2013-01-01T05:00:00+15:30", "true"])
    | st.sampled_from([0, 1, 10**30, 1e300, 0.1, -0.0])
)  # fmt: skip
JSON = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.sampled_from("ab"), SCALARS, max_size=2)
KINDS: list[st.SearchStrategy[Any]] = [
    st.booleans(), st.integers(-5, 5), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(-1000, 1000, places=2).map(float), st.text(max_size=3), st.dates().map(str), st.datetimes().map(str),
    st.dictionaries(st.sampled_from("ab"), SCALARS, max_size=2), st.lists(SCALARS, max_size=2), st.none(),
]  # fmt: skip
WORDS = ["n/a", "NA", "-", "", "1", "01", "-0", "1.50", ".5", "5.", "1e5", "+1", "true", "TRUE", "2013-01-01",
         "0000-01-01", "2013-01-01 05:00", "2013-01-01 05:00+16:00", "2013-02-30", " x ", "é", "1" * 25, "0.1234567",
         "99:99"]  # fmt: skip
NAMES = ["id", "Id", "_id", "filename", "a b", "?", "{table}", "x\ty", "value", "Value"]


def takes(root: Path, path: Path) -> Manifest | None:
    """The manifest of the sample under its own contract; None if infer says why there is none."""
    try:
        text = infer_contract(path, "feed")
    except SampleError:
        return None
    contract = parse_contract(text, Path("feed.yaml"))
    delivery = Delivery("feed", PartitionKey("p"), (FileVersion.of(path),))
    manifest = ingest(contract=contract, delivery=delivery, lake=root / "lake", pseudonym_key=None, force=True)
    assert manifest.rows_quarantined < 0.5 * manifest.rows_in
    return manifest


@pytest.fixture(scope="module", name="root")
def _root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("infer")


@st.composite
def documents(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows in which each column is mostly of one kind, with as many others as there may be."""
    rows = draw(st.integers(1, 120))
    columns = {}
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True)):
        values = draw(st.lists(draw(st.sampled_from(KINDS)), min_size=1, max_size=8))
        others = draw(st.lists(st.tuples(st.integers(0, rows - 1), JSON), max_size=6))
        columns[name] = {**{row: values[row % len(values)] for row in range(rows)}, **dict(others)}
    return [{name: columns[name][row] for name in columns} for row in range(rows)]


@pytest.mark.slow
@settings(deadline=None, max_examples=times(60), suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_json_lines_are_taken_by_their_own_contract(root: Path, rows: list[dict[str, Any]]) -> None:
    path = root / "sample.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    takes(root, path)


@settings(deadline=None, max_examples=times(60), suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_delimited_text_is_taken_by_its_own_contract(root: Path, data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=4, unique=True))
    columns = [data.draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3)) for _ in names]
    rows = data.draw(st.integers(1, 120))
    odd = data.draw(st.lists(st.tuples(st.integers(0, rows - 1), st.sampled_from(WORDS)), max_size=4))
    table = [[column[row % len(column)] for column in columns] for row in range(rows)]
    for row, word in odd:
        table[row][0] = word
    text = io.StringIO()
    csv.writer(text, delimiter=data.draw(st.sampled_from(",;\t|"))).writerows([names, *table])
    path = root / "sample.csv"
    path.write_text(text.getvalue(), encoding=data.draw(st.sampled_from(["utf-8", "utf-8-sig", "latin-1"])))
    takes(root, path)


FORMS = ["1,5", "1.234,50", "-2,25", "1,234", "12,345.6", "05.01.2026", "25/01/2026", "01/25/2026", "31.12.2026 10:00",
         "yes", "no", "", "NA", "7", "x"]  # fmt: skip


@pytest.mark.slow
@settings(deadline=None, max_examples=times(60), suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_what_is_written_rejects_no_sample_of_its_own(root: Path, data: st.DataObject) -> None:
    """With all forms that a contract has to name, some values of another one, broken rows and no header."""
    names = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    columns = [data.draw(st.lists(st.sampled_from(FORMS), min_size=1, max_size=2)) for _ in names]
    rows = data.draw(st.integers(1, 200))
    table = [[column[row % len(column)] for column in columns] for row in range(rows)]
    for row, word in data.draw(st.lists(st.tuples(st.integers(0, rows - 1), st.sampled_from(FORMS)), max_size=4)):
        table[row][0] = word
    for row in data.draw(st.lists(st.integers(0, rows - 1), max_size=2)):
        table[row] = [*table[row], "more"]
    text = io.StringIO()
    head = [names] if data.draw(st.booleans()) else []
    csv.writer(text, delimiter=data.draw(st.sampled_from(",;\t|"))).writerows([*head, *table])
    path = root / "sample.csv"
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]))
    path.write_bytes(data.draw(st.sampled_from([bytes, gzip.compress]))(text.getvalue().encode(encoding)))
    try:
        made, (result,) = tried_contract(first_contract([path], "feed"), {"p": [path]})
    except SampleError:
        return
    contract = parse_contract(made.text(), Path("feed.yaml"))
    delivery = Delivery("feed", PartitionKey("p"), (FileVersion.of(path),))
    manifest = ingest(contract=contract, delivery=delivery, lake=root / "lake", pseudonym_key=None, force=True)
    assert (manifest.rows_in, manifest.rows_out) == (result.rows_in, result.rows_out)
    assert manifest.rows_quarantined <= made.limit * manifest.rows_in


@pytest.mark.parametrize(
    ("odd", "quarantined"), [('"n/a"', 1), ("null", 0), ("true", 1), ("[1]", 1), ('{"a":1}', 1), ("1.0", 0)]
)
def test_one_odd_value_in_two_hundred_costs_its_row(tmp_path: Path, odd: str, quarantined: int) -> None:
    path = tmp_path / "sample.jsonl"
    path.write_text("".join(f'{{"n":{number}}}\n' for number in range(199)) + f'{{"n":{odd}}}\n')
    manifest = takes(tmp_path, path)
    assert manifest is not None
    assert (manifest.rows_out, manifest.rows_quarantined) == (200 - quarantined, quarantined)


def test_what_is_half_of_one_kind_and_half_of_another_has_no_contract(tmp_path: Path) -> None:
    path = tmp_path / "sample.jsonl"
    path.write_text("".join(f'{{"n":{number}}}\n{{"n":"x{number}"}}\n' for number in range(100)))
    with pytest.raises(
        SampleError,
        match=r"50% of its rows are broken .*: 'n' in 100 rows",
    ):
        infer_contract(path)


def test_many_columns_with_some_odd_values_each_raise_the_limit(tmp_path: Path) -> None:
    """Two in a hundred in each of twenty columns are two rows in five."""
    path = tmp_path / "sample.jsonl"
    rows = [{f"c{column}": "odd" if row % 50 == column else 1 for column in range(20)} for row in range(500)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    manifest = takes(tmp_path, path)
    assert manifest is not None
    assert manifest.rows_quarantined == 200


@pytest.mark.parametrize(
    ("values", "taken"),
    [
        ("(1::HUGEINT)", True), ("(1::UBIGINT)", True), ("('a'::ENUM('a'))", True), ("(uuid())", True),
        ("(TIMESTAMP_NS '2013-01-01 00:00:00')", True), ("({'a': 1})", True), ("([1])", True), ("(MAP {'a': 1})", True),
        ("(1.5::FLOAT)", True), ("(TIMESTAMPTZ '2013-01-01 00:00:00+00')", True),
        ("(TIME '05:00:00')", False), ("(INTERVAL 1 DAY)", False), ("('x'::BLOB)", False), ("('NaN'::DOUBLE)", False),
    ],
)  # fmt: skip
def test_parquet_of_every_type_is_taken_or_refused_with_the_reason(tmp_path: Path, values: str, taken: bool) -> None:
    path = tmp_path / "sample.parquet"
    with duckdb.connect() as engine:
        engine.execute(f"COPY (FROM (VALUES {values}) t (n)) TO {literal(str(path))} (FORMAT parquet)")
    assert (takes(tmp_path, path) is not None) == taken


@pytest.mark.parametrize(
    "column",
    [
        pa.array([Decimal(1)], pa.decimal256(40, 0)),
        pa.array([[b"x"]], pa.list_(pa.binary())),
        pa.array([[dt.time(5)]], pa.list_(pa.time64("us"))),
    ],
    ids=["decimal256", "list of binary", "list of times"],
)
def test_parquet_that_cannot_be_read_exactly_gets_no_contract(tmp_path: Path, column: pa.Array) -> None:
    path = tmp_path / "sample.parquet"
    pq.write_table(pa.table({"n": column}), path)
    result = CliRunner().invoke(main, ["contract", "infer", str(path)])
    assert result.exit_code == 1
    assert "'n'" in result.output
    assert "apiVersion" not in result.output
