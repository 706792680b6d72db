"""A file whose lines are of one shape is read by DuckDB itself, with the result that reading line by line has."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_assets.contracts.model import Contract
from platform_assets.formats.json import format as json_format
from platform_assets.formats.json import uniform
from platform_assets.formats.json.reader import open_json_lines
from platform_assets.formats.json.uniform import open_uniform
from platform_assets.formats.plain_files import PlainFile
from platform_assets.formats.raw_records import StructureDoubt
from platform_assets.formats.source import Source
from platform_assets.ingestion import bad_rows
from platform_assets.ingestion.bad_rows import CountsDoNotMeet
from platform_assets.ingestion.engine import open_engine
from platform_assets.ingestion.validation import validate
from platform_assets.lake.quarantine import QuarantineWriter
from tests.formats.test_json_as_the_reference import NUMBERS, OTHERS, TEXTS
from tests.support.campaigns import times
from tests.support.lake import Lake, contract_of

COLUMNS = [
    {"name": "n", "logicalType": "integer"},
    {"name": "x", "logicalType": "number"},
    {"name": "e", "logicalType": "number", "physicalType": "DECIMAL(20,6)"},
    {"name": "t", "logicalType": "string"},
    {"name": "b", "logicalType": "boolean"},
    {"name": "d", "logicalType": "date"},
]
FITTING = {
    "n": ["0", "7", "-12", "null", '"12"', '"x"', "999999999999999999"],
    "x": ["0.1", "1.10", "-0.5", "0.0001", "123456789.123456", "0.0", "-0.0", '"1e5"', "5"],
    "e": ["0.1", "1.10", "100.00", "0.00012", "-7", '"2.1234567"', "null"],
    "t": [*TEXTS[:7], '"null"', f'"{"x" * 70}"', "null"],
    "b": ["true", "false", '"true"', '"maybe"', "null"],
    "d": ['"2013-01-01"', '"2013-02-30"', "null"],
}
"""Values of each column that the expression matches, good ones and bad ones."""
ODD = {"x": ["0.00001", "1e5", "1234567890123456.5"], "n": ["1234567890123456789", "-0"], "t": ['"\\u0000"', "1"]}
"""Values that JSON has, and that are left to be read line by line."""

Outcome = tuple[list[tuple[object, ...]], list[tuple[int, list[str], str]]]


def outcome(contract: Contract, content: bytes, way: Callable[[PlainFile, Path, QuarantineWriter], Source]) -> Outcome:
    """The rows, with the place of each among the good ones, and what is quarantined."""
    with tempfile.TemporaryDirectory() as name, open_engine("512MB", 2) as engine:
        folder = Path(name)
        path = folder / "a.json"
        path.write_bytes(content)
        quarantine = QuarantineWriter(folder, "q")
        source = way(PlainFile("a.json", path, "", len(content)), folder / "copy", quarantine)
        part = validate(engine, contract, source, folder / "out.parquet", None, quarantine)
        rows = engine.execute(f"SELECT * FROM read_parquet('{part.path}')").fetchall() if source.records else []
        quarantine.close()
        entries = quarantine.path.read_text().split("\n")[1:-1] if quarantine.rows else []
    # the two ways set rows aside at different times, and so in another order
    bad = sorted((entry["line"], entry["reasons"], entry["raw"]) for entry in map(json.loads, entries))
    return [tuple(map(repr, row)) for row in rows], bad


def by_line(contract: Contract, content: bytes) -> Outcome:
    return outcome(
        contract, content, lambda file, copy, quarantine: open_json_lines(contract, [file], copy, quarantine)
    )


def by_duckdb(contract: Contract, content: bytes) -> Outcome | None:
    """None where DuckDB is not to read it."""
    try:
        return outcome(contract, content, lambda file, _copy, _quarantine: open_uniform(contract, file))
    except (StructureDoubt, CountsDoNotMeet, duckdb.InvalidInputException):
        return None


def line(values: dict[str, str], colon: str = ":", comma: str = ",") -> str:
    return "{" + comma.join(f'"{name}"{colon}{value}' for name, value in values.items()) + "}"


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    """Lines of one shape."""
    names = draw(st.permutations(list(FITTING)).map(lambda found: found[: draw(st.integers(2, 6))]))
    colon, comma = draw(st.sampled_from([(":", ","), (": ", ", "), (" : ", " ,")]))
    rows = draw(st.lists(st.tuples(*(st.sampled_from(FITTING[name]) for name in names)), min_size=3, max_size=30))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    text = end.join(line(dict(zip(names, row, strict=True)), colon, comma) for row in rows)
    # two kinds of line ends in one file are left to be read line by line
    return (text + draw(st.sampled_from(["", end] if end == "\n" else [end]))).encode()


@pytest.fixture
def _first_line_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a file so large that its odd line is not among those that are looked at first."""

    def first(file: PlainFile) -> list[str]:
        return [file.path.read_bytes().split(b"\n")[0].strip().decode()]

    monkeypatch.setattr(uniform, "_sample", first)


@pytest.fixture(params=["by the text of a line", "by its number"])
def _bad_rows_are_found(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "by the text of a line":
        monkeypatch.setattr(bad_rows, "FEW", 0)


@pytest.mark.slow
@pytest.mark.usefixtures("_bad_rows_are_found")
def test_lines_of_one_shape() -> None:
    @settings(max_examples=times(20), deadline=None)
    @given(contents())
    def holds(content: bytes) -> None:
        contract = contract_of(COLUMNS, form="json")
        found = by_duckdb(contract, content)
        assert found is not None
        assert found == by_line(contract, content)

    holds()


@pytest.mark.slow
@pytest.mark.usefixtures("_first_line_only")
@pytest.mark.parametrize("name", FITTING)
def test_every_value(name: str) -> None:
    """What the expression lets through has the same result; and it lets through what it should."""
    contract = contract_of(COLUMNS, form="json")
    taken = set()
    others = {other: values[0] for other, values in FITTING.items() if other != name}
    for value in dict.fromkeys([*FITTING[name], *ODD.get(name, []), *NUMBERS, *TEXTS, *OTHERS]):
        content = "\n".join(line({name: each, **others}) for each in (FITTING[name][0], value, FITTING[name][0]))
        raw = content.encode("utf-8", "surrogatepass")
        found = by_duckdb(contract, raw)
        if found is not None:
            taken.add(value)
            assert found == by_line(contract, raw), value
    assert taken >= {*FITTING[name]}
    assert not taken & {*ODD.get(name, [])}


def odd_files() -> dict[str, bytes]:
    good = line({"n": "1", "t": '"a"'}).encode()
    return {
        "another order": b'{"t":"a","n":1}',
        "a key twice": b'{"n":1,"t":"a","t":"b"}',
        "a key less": b'{"n":1}',
        "a comma too many": b'{"n":1,"t":"a",}',
        "two documents": good + good,
        "a blank line": b"",
        "spaces only": b"   ",
        "NUL": b'{"n":1,"t":"a\0"}',
        "no UTF-8": b'{"n":1,"t":"\xff"}',
        "no JSON": b"lost",
        "an array": b"[1]",
        "a carriage return": good + b"\r" + good,
        "the mark of fields": b'{"n":1,"t":"\x01"}',
        "half a pair": b'{"n":1,"t":"\\ud83d"}',
    }


@pytest.mark.usefixtures("_first_line_only")
@pytest.mark.parametrize("name", odd_files())
def test_one_odd_line_ends_it(name: str) -> None:
    good = line({"n": "1", "t": '"a"'}).encode()
    content = b"\n".join([good] * 3 + [odd_files()[name]] + [good] * 3)
    assert by_duckdb(contract_of(COLUMNS, form="json"), content) is None


def test_a_large_file_is_read_so(monkeypatch: pytest.MonkeyPatch, lake: Lake) -> None:
    """With rows that break rules and keys, and with a line of another shape far from where lines are looked at."""
    seen: list[str] = []
    real = open_uniform

    def watched(contract: Contract, file: PlainFile) -> Source:
        found = real(contract, file)
        seen.append(file.name)
        return found

    monkeypatch.setattr(json_format, "open_uniform", watched)
    contract = contract_of(
        [{"name": "n", "logicalType": "integer", "primaryKey": True, "required": True}, *COLUMNS[1:]], form="json"
    )
    lines = [line({"n": str(at), "t": f'"{"é" * 40} {at}"', "x": "0.5"}) for at in range(120_000)]
    lines[70_000], lines[70_001], lines[70_002] = line({"n": '"x"', "t": "null", "x": "null"}), lines[5], lines[6]
    first = lake.ingest(contract, lake.file("a.json", "\n".join(lines).encode()))
    assert seen == ["a.json"]
    assert (first.rows_in, first.rows_out) == (120_000, 119_997)
    assert first.reasons == {"type:n": 1, "unique:n": 2}
    lines[30_000] = '{"t":"' + "y" * 90 + '","n":30000,"x":0.5}'
    second = lake.ingest(contract, lake.file("b.json", "\n".join(lines).encode()))
    assert seen == ["a.json", "b.json"]
    assert (second.rows_in, second.rows_out, second.reasons) == (first.rows_in, first.rows_out, first.reasons)
