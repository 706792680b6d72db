"""A delivery whose rows cannot be told apart is rejected with the counts that do not meet, or the line of the doubt."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable
from typing import Any

import duckdb
import pytest

from platform_assets.failures import Kind
from platform_assets.formats.duckdb_errors import cause
from platform_assets.formats.json import keys
from platform_assets.formats.lines import Lines
from platform_assets.ingestion import reading
from platform_assets.ingestion.bad_rows import CountsDoNotMeet
from platform_assets.lake.errors import DeliveryRejected, IngestionError

COLUMNS = [{"name": "n", "logicalType": "integer"}, {"name": "t", "logicalType": "string"}]


@pytest.mark.parametrize("form", ["csv", "json"])
def test_the_counts_that_do_not_meet_are_told(
    lake: Any, make_contract: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """DuckDB loses a row: no file is known that makes it, so it is made to here."""

    class Losing:
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def execute(self, sql: str, *more: Any) -> Any:
            if "read_csv" in sql:
                without = re.sub(
                    r"FROM (read_csv\(.*?strict_mode = true.*?\))", r"FROM (SELECT * FROM \1 WHERE c0 <> '2')", sql
                )
                assert without != sql
                sql = without
            return self.inner.execute(sql, *more)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

    good = reading.validate
    monkeypatch.setattr(reading, "validate", lambda engine, *more: good(Losing(engine), *more))
    text = "n,t\n1,a\n2,b\n3,c\n" if form == "csv" else "".join(f'{{"n":{n},"t":"a"}}\n' for n in (1, 2, 3))
    with pytest.raises(DeliveryRejected) as caught:
        lake.ingest(make_contract(COLUMNS, form=form), lake.file("bad.x", text))
    assert caught.value.code == "structure:untrusted"
    assert "bad.x: its rows cannot be told apart beyond doubt: 3 rows counted, 2 good and 0 bad" in caught.value.message


def test_an_error_of_duckdb_is_not_reported_as_rows_that_cannot_be_told_apart(
    lake: Any, make_contract: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise duckdb.ConversionException("Could not convert 'ann@example.org'")

    monkeypatch.setattr(reading, "validate", fail)
    with pytest.raises(IngestionError) as caught:
        lake.ingest(make_contract(COLUMNS), lake.file("good.csv", "n,t\n1,a\n"))
    failure = caught.value.failure
    assert (failure.kind, failure.code, failure.retryable) == (Kind.BUG, "duckdb", False)
    assert "good.csv: DuckDB gave up (ConversionException)" in failure.message
    assert "ann" not in failure.message


@pytest.mark.parametrize(("error", "told"), [
    (CountsDoNotMeet("5 rows counted, 3 good and 1 bad ones read"), "5 rows counted, 3 good and 1 bad ones read"),
    (duckdb.InvalidInputException("CSV Error on Line: 17\nOriginal Line: ann@example.org,x"),
     "DuckDB gave up (InvalidInputException) at line 17"),
    (duckdb.ConversionException("Could not convert 'ann@example.org'"), "DuckDB gave up (ConversionException)"),
])  # fmt: skip
def test_a_cause_has_the_line_and_no_value(error: Exception, told: str) -> None:
    assert cause(error) == told


def test_json_lines_keep_nothing_of_a_row(lake: Any, make_contract: Callable[..., Any]) -> None:
    """Lines that follow each other are one entry, and of different keys a bounded number is counted."""
    contract = make_contract(COLUMNS, form="json", terms={"extraColumns": True})
    peaks = []
    for rows in (2_000, 20_000):
        path = lake.file(f"{rows}.json", "".join(f'{{"n":{n},"t":"a"}}\n' for n in range(rows)))
        tracemalloc.start()
        try:
            assert lake.ingest(contract, path).rows_out == rows
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    # the lines themselves are read in blocks of one size
    assert peaks[1] - peaks[0] < 1_200_000
    lines = Lines()
    for row in range(100_000):
        lines.note(row, row + 2)
    assert len(lines._numbers) == 1


def test_keys_that_are_values_are_counted_within_bounds(
    lake: Any, make_contract: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "MAX_KEYS", 50)
    contract = make_contract(COLUMNS, form="json", terms={"extraColumns": True})
    path = lake.file("a.json", "".join(f'{{"n":{n},"t":"a","k{n}":1}}\n' for n in range(500)))
    manifest = lake.ingest(contract, path)
    assert manifest.rows_out == 500
    assert len(manifest.warnings) <= 60
    monkeypatch.setattr(keys, "REPORTED", 3)
    assert len(lake.ingest(contract, path, force=True).warnings) == 4
