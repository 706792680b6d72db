"""Rows of Parquet files fetched by their numbers: in few statements, and each by itself if it cannot be written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from platform_assets.formats.lines import FILE
from platform_assets.formats.parquet.rows import FIRST, UNWRITTEN, raw_rows

ROWS = 5 * FIRST


class Counted:
    """An engine that counts its statements."""

    def __init__(self, engine: duckdb.DuckDBPyConnection) -> None:
        self.engine, self.statements = engine, 0

    def execute(self, *arguments: Any) -> Any:
        self.statements += 1
        return self.engine.execute(*arguments)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    with duckdb.connect() as engine:
        for at, path in enumerate(paths):
            first = at * ROWS
            engine.execute(f"COPY (SELECT i AS n FROM range({first}, {first + ROWS}) AS t(i)) TO '{path}'")
    return paths


def test_many_rows_are_few_statements(files: list[Path]) -> None:
    with duckdb.connect() as engine:
        counted: Any = Counted(engine)
        fetch = raw_rows(counted, [("n", "n")], files, [ROWS, ROWS])
        found = list(fetch(np.arange(2 * ROWS)))
    assert found == [(n, n // ROWS * FILE + n % ROWS + 1, b'{"n":%d}' % n) for n in range(2 * ROWS)]
    assert counted.statements == 3, "one that shows how large rows are, and one for the rest of each file"


def test_large_rows_are_fetched_in_parts(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform_assets.formats.parquet.rows.MAX_BYTES", 1000)
    with duckdb.connect() as engine:
        counted: Any = Counted(engine)
        fetch = raw_rows(counted, [("n", "n")], files[:1], [ROWS])
        assert [number for number, _, _ in fetch(np.arange(ROWS))] == list(range(ROWS))
    assert counted.statements == ROWS // FIRST


def test_a_row_that_cannot_be_written_costs_itself_only(files: list[Path]) -> None:
    wrong = (7, ROWS - 1, ROWS + 30)
    value = f"CASE WHEN n IN {wrong} THEN error('no text') ELSE CAST(n AS VARCHAR) END"
    with duckdb.connect() as engine:
        counted: Any = Counted(engine)
        fetch = raw_rows(counted, [("n", value)], files, [ROWS, ROWS])
        found = {number: text.decode() for number, _, text in fetch(np.arange(0, 2 * ROWS, 1))}
        assert counted.statements < 200
        # one that nobody asks for does not stop the others
        before = counted.statements
        assert [number for number, _, _ in fetch(np.asarray([6, 8]))] == [6, 8]
        assert counted.statements == before + 1
    assert {number for number, text in found.items() if text == UNWRITTEN} == {*wrong}
    assert all(json.loads(text) == {"n": str(n)} for n, text in found.items() if n not in wrong)
