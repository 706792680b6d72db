"""Random tables with random dirt, in every format: rows conserved, good rows as an independent parse has them.

The expectation is made by Python's own csv-free writing, ``decimal`` and ``re`` from the values that were written,
never by the code under test.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.campaigns import times
from tests.support.lake import Lake, contract_of

COLUMNS = [
    {"name": "id", "logicalType": "integer", "primaryKey": True},
    {"name": "amount", "logicalType": "number", "physicalType": "DECIMAL(9,2)"},
    {"name": "score", "logicalType": "number"},
    {"name": "day", "logicalType": "date"},
    {"name": "note", "logicalType": "string", "logicalTypeOptions": {"maxLength": 12}},
]
letters = st.text(st.sampled_from("ab 1.,;\"\n\r\t'\\|é日-{}[]"), max_size=15)
cells = st.tuples(
    st.one_of(
        st.integers(0, 30).map(str),
        st.integers(-(2**70), 2**70).map(str),
        st.sampled_from(["", "1.5", "x", "1e3", " 7"]),
    ),
    st.one_of(
        st.decimals(-1000, 1000, places=2).map(str),
        st.decimals(-1000, 1000, places=3).map(str),
        st.sampled_from(["", "NaN", "1e2", "99999999.99"]),
    ),
    st.one_of(
        st.floats(allow_nan=False, allow_infinity=False).map(repr),
        st.integers(-(2**60), 2**60).map(str),
        st.sampled_from(["", "inf", "0.1234567890123456789"]),
    ),
    st.one_of(st.dates().map(str), st.sampled_from(["", "2013-02-30", "2013-1-1", "0"])),
    letters,
)
CAMPAIGN = settings(max_examples=times(10), deadline=None, suppress_health_check=[HealthCheck.too_slow])


def integer(text: str) -> int | None:
    if not re.fullmatch(r"-?[0-9]+", text.strip(" ")) or not -(2**63) <= int(text) < 2**63:
        raise ValueError
    return int(text)


def amount(text: str) -> Decimal:
    if not re.fullmatch(r"-?[0-9]*(\.[0-9]*)?", text):
        raise ValueError
    value = Decimal(text)
    if value != round(value, 2) or abs(value) >= 10**7:
        raise ValueError
    return value.quantize(Decimal("0.01"))


def double(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or not re.fullmatch(r"-?[0-9.]+(e[+-]?[0-9]+)?", text):
        raise ValueError
    if Decimal(repr(value)) != Decimal(text) and Decimal(f"{value:.16e}") != Decimal(text):
        raise ValueError
    return value


def note(text: str) -> str:
    if len(text) > 12:
        raise ValueError
    return text


READERS: list[Any] = [integer, amount, double, dt.date.fromisoformat, note]


def expected(rows: list[tuple[str, ...]], nulls: tuple[str | None, ...] = ("",)) -> list[tuple[Any, ...]]:
    """The rows that are good, the first of each id only."""
    good: list[tuple[Any, ...]] = []
    seen: set[int] = set()
    for row in rows:
        try:
            values = tuple(None if cell in nulls else read(cell) for cell, read in zip(row, READERS, strict=True))
        except (ValueError, ArithmeticError):
            continue
        if values[0] is None or values[0] in seen:
            continue
        seen.add(values[0])
        good.append(values)
    return good


def check(
    content: bytes,
    form: str,
    rows: int,
    good: list[tuple[Any, ...]],
    server: dict[str, Any] | None = None,
    aside: int = 0,
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lake = Lake(folder / "lake", folder)
        contract = contract_of(COLUMNS, form=form, server=server, terms={"emptyDelivery": "allowed"})
        manifest = lake.ingest(contract, lake.file("a", content))
        assert manifest.rows_in == rows + aside
        found = lake.rows(manifest)
        assert [tuple(map(repr, row)) for row in found] == [tuple(map(repr, row)) for row in good]
        again = lake.ingest(contract, lake.file("a", content), force=True)
        assert again.content_hash == manifest.content_hash
        assert lake.rows(again) == found


def written(rows: list[tuple[str, ...]], delimiter: str, newline: str, always: bool) -> list[str]:
    def field(text: str) -> str:
        needs = always or any(mark in text for mark in (delimiter, '"', "\n", "\r"))
        return '"' + text.replace('"', '""') + '"' if needs else text

    return [delimiter.join(map(field, row)) + newline for row in rows]


@pytest.mark.slow
@CAMPAIGN
@given(st.lists(cells, max_size=25), st.sampled_from(",;|\t"), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_delimited_text(rows: list[tuple[str, ...]], delimiter: str, newline: str, always: bool) -> None:
    header = delimiter.join(["id", "amount", "score", "day", "note"]) + newline
    content = header + "".join(written(rows, delimiter, newline, always))
    check(content.encode(), "csv", len(rows), expected(rows), {"delimiter": delimiter})


@CAMPAIGN
@given(
    st.lists(
        st.one_of(cells, st.sampled_from(["1,2", "1,2,3,4,5,6", '7,"open', 'a"b,"c"d', "x\0,1,1,,y"])), max_size=25
    )
)
def test_delimited_text_with_broken_lines(rows: list[Any]) -> None:
    """Broken lines cost one row each. Notes without quotes, for an open quote may pair with a later one."""
    whole = [(*row[:4], re.sub(r'["\n\r,]', "", row[4])) for row in rows if isinstance(row, tuple)]
    left = iter(whole)
    lines = [row + "\n" if isinstance(row, str) else "".join(written([next(left)], ",", "\n", False)) for row in rows]
    content = "id,amount,score,day,note\n" + "".join(lines)
    check(content.encode(), "csv", len(whole), expected(whole), aside=len(rows) - len(whole))


@pytest.mark.slow
@CAMPAIGN
@given(st.lists(st.tuples(cells, st.booleans()), max_size=25))
def test_json_lines(rows: list[tuple[tuple[str, ...], bool]]) -> None:
    """Numbers as JSON numbers where they are ones, else as strings; what is no number in JSON cannot be one here."""
    lines = []
    for row, as_numbers in rows:
        values = []
        for index, cell in enumerate(row):
            number = as_numbers and index < 3 and re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?(e[+-]?[0-9]+)?", cell)
            values.append(cell if number else "null" if cell == "" and index < 4 else json.dumps(cell))
        names = ["id", "amount", "score", "day", "note"]
        lines.append("{" + ",".join(f'"{name}":{value}' for name, value in zip(names, values, strict=True)) + "}\n")
    texts = [row for row, _ in rows]
    good = []
    seen: set[int] = set()
    for row in texts:
        found = expected([(*row[:4], row[4] or "x")])
        if found and found[0][0] not in seen:
            seen.add(found[0][0])
            good.append((*found[0][:4], row[4]))
    check("".join(lines).encode(), "json", len(rows), good)


@pytest.mark.slow
@CAMPAIGN
@given(st.lists(cells, max_size=25))
def test_parquet_of_texts(rows: list[tuple[str, ...]]) -> None:
    with tempfile.TemporaryDirectory() as name, duckdb.connect() as engine:
        path = Path(name) / "a.parquet"
        engine.execute("CREATE TABLE t (id VARCHAR, amount VARCHAR, score VARCHAR, day VARCHAR, note VARCHAR)")
        for row in rows:
            engine.execute("INSERT INTO t VALUES (?, ?, ?, ?, ?)", [*(cell or None for cell in row[:4]), row[4]])
        engine.execute(f"COPY t TO '{path}' (FORMAT parquet)")
        content = path.read_bytes()
    good = []
    seen: set[int] = set()
    for row in rows:
        found = expected([(*row[:4], row[4] or "x")])
        if found and found[0][0] not in seen:
            seen.add(found[0][0])
            good.append((*found[0][:4], row[4]))
    check(content, "parquet", len(rows), good)
