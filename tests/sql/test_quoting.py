"""Names and values come back from DuckDB as they went in, whatever they hold; what no statement can hold is refused."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from platform_assets.sql.dialects import Dialect, text_of
from platform_assets.sql.identifiers import Unwritable, quoted, quoted_path
from platform_assets.sql.literals import expression, literal, path_literal

SIGNS = st.sampled_from([*"'\"\\$`[]{}();-- \n\r\t?%_*/:é中\U0001f600", "''", '""', "$$", "/*", "{table}", "\\'"])
WRITABLE = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXTS = st.lists(SIGNS | st.text(WRITABLE, max_size=3), max_size=6).map("".join)
VALUES = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | TEXTS
    | st.dates() | st.datetimes() | st.decimals(-(10**18), 10**18, places=6)
)  # fmt: skip


@pytest.fixture(scope="module", name="engine")
def _engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as engine:
        yield engine


@pytest.mark.slow
@settings(deadline=None, max_examples=400)
@given(value=VALUES)
@example(value=-0.0)
@example(value=math.inf)
@example(value=5e-324)
@example(value=dt.datetime(1, 1, 1, 0, 0, 0, 1))  # noqa: DTZ001
@example(value=Decimal("-0.000001"))
def test_a_literal_is_read_back_as_the_same_value(engine: duckdb.DuckDBPyConnection, value: object) -> None:
    ((back,),) = engine.execute(f"SELECT {literal(value)}").fetchall()
    assert type(back) is type(value)
    if isinstance(value, float):
        assert math.isnan(back) if math.isnan(value) else (back, math.copysign(1, back)) == (
            value, math.copysign(1, value)
        )  # fmt: skip
    else:
        assert back == value


@pytest.mark.parametrize("dialect", Dialect)
@given(name=TEXTS.filter(bool))
def test_an_identifier_is_what_the_library_makes_of_it(dialect: Dialect, name: str) -> None:
    assert quoted(name, dialect) == text_of(exp.to_identifier(name, quoted=True), dialect)


@pytest.mark.parametrize("dialect", Dialect)
@settings(deadline=None, max_examples=400)
@given(value=VALUES.filter(lambda value: not isinstance(value, Decimal)))
def test_a_literal_is_what_the_library_makes_of_it(dialect: Dialect, value: object) -> None:
    assert literal(value, dialect) == text_of(expression(value), dialect)


@pytest.mark.slow
@settings(deadline=None, max_examples=400)
@given(name=TEXTS.filter(bool))
@example(name="select")
@example(name='a"b')
def test_an_identifier_is_read_back_as_the_same_name(engine: duckdb.DuckDBPyConnection, name: str) -> None:
    relation = engine.execute(f"SELECT {quoted(name)} FROM (SELECT 1 AS {quoted(name)}) AS {quoted(name)}")
    assert [column[0] for column in relation.description] == [name]
    assert relation.fetchall() == [(1,)]


@pytest.mark.parametrize("dialect", Dialect)
def test_what_no_statement_can_hold_is_refused(dialect: Dialect) -> None:
    with pytest.raises(Unwritable):
        literal("a\0b", dialect)
    with pytest.raises(Unwritable):
        quoted("a\0b", dialect)
    for number in ("NaN", "Infinity", "1e38", "1e-39"):
        with pytest.raises(Unwritable):
            literal(Decimal(number), dialect)
    for value in (b"bytes", [1], dt.datetime(2013, 1, 1, tzinfo=dt.UTC), dt.time(1)):
        with pytest.raises(TypeError):
            literal(value, dialect)


@pytest.mark.parametrize(
    ("dialect", "name", "text", "moment"),
    [
        ("duckdb", '"a""b\\"', "'it''s \\ \n'", "CAST('2013-01-01 05:00:00' AS TIMESTAMP)"),
        ("postgres", '"a""b\\"', "'it''s \\ \n'", "CAST('2013-01-01 05:00:00' AS TIMESTAMP)"),
        ("snowflake", '"a""b\\"', r"'it\'s \\ \n'", "CAST('2013-01-01 05:00:00' AS TIMESTAMPNTZ)"),
    ],
)
def test_each_engine_has_its_own_way_to_quote(dialect: str, name: str, text: str, moment: str) -> None:
    engine = Dialect(dialect)
    assert quoted('a"b\\', engine) == name
    assert literal("it's \\ \n", engine) == text
    assert literal(dt.datetime(2013, 1, 1, 5), engine) == moment  # noqa: DTZ001
    assert quoted_path("raw", 'a"b\\', dialect=engine) == f'"raw".{name}'


@pytest.mark.parametrize("name", ["a*b.csv", "a?.csv", "[ab].csv", "it's.csv", "a\\b.csv"])
def test_a_path_is_one_file_whatever_its_signs(engine: duckdb.DuckDBPyConnection, tmp_path: Path, name: str) -> None:
    for other in (name, "axb.csv", "ab.csv", "a.csv"):
        (tmp_path / other).write_text(f"name\n{other}\n", encoding="utf-8")
    rows = engine.execute(f"SELECT name FROM read_csv({path_literal(tmp_path / name)}, quote = '')").fetchall()
    assert rows == [(name,)]
