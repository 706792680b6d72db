"""The rows of Parquet files: the SQL that reads them, and single rows as they were delivered, written as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np

from platform_assets.formats.duckdb_errors import is_of_machine
from platform_assets.formats.lines import FILE, Array
from platform_assets.formats.source import Fetch
from platform_assets.sql.identifiers import quoted
from platform_assets.sql.literals import path_literal

FIRST = 10_000
"""Rows of the first statement. Each statement reads its whole file; the next ones fetch as many as memory allows."""
MAX_BYTES = 64 << 20
OVERHEAD = 100
"""Bytes that a row takes besides its text."""
SAMPLE = 1000
"""Rows whose length is looked at."""
ROW_NUMBER, FILE_INDEX = "file_row_number", "file_index"
UNWRITTEN = "(a value of this row cannot be written as text)"


def reading_sql(paths: Sequence[Path]) -> str:
    """A relation of all rows, with the number of each in its file."""
    return f"read_parquet([{', '.join(map(path_literal, paths))}], hive_partitioning = false, {ROW_NUMBER} = true)"


def packed_sql(values: Sequence[tuple[str, str]]) -> str:
    """SQL for a row of named values."""
    return f"struct_pack({', '.join(f'{quoted(name)} := {sql}' for name, sql in values)})"


def raw_rows(
    engine: duckdb.DuckDBPyConnection, values: Sequence[tuple[str, str]], readable: Sequence[Path],
    counts: Sequence[int],
) -> Fetch:  # fmt: skip
    """What gives rows of the files, by their numbers over all of them: the ``values`` are names and SQL, ``counts`` the
    rows of each file."""
    packed = packed_sql(values)
    starts = np.cumsum([0, *counts])

    def rows(path: Path, part: list[int]) -> list[tuple[int, str]]:
        # texts are made of the rows that are asked for only: another one may be one that cannot be written
        return engine.execute(
            f"SELECT {ROW_NUMBER}, CAST(to_json({packed}) AS VARCHAR) FROM {reading_sql([path])} "
            f"WHERE {ROW_NUMBER} IN (SELECT unnest(?)) ORDER BY {ROW_NUMBER}",
            [part],
        ).fetchall()

    def written(path: Path, part: list[int]) -> list[tuple[int, str]]:
        """Rows with their texts; one that DuckDB cannot write is found by halves."""
        try:
            return rows(path, part)
        except duckdb.Error as error:
            if is_of_machine(error):
                raise
            # not by TRY: the texts that it gives are garbage now and then
            if len(part) == 1:
                return [(part[0], UNWRITTEN)]
            half = len(part) // 2
            return written(path, part[:half]) + written(path, part[half:])

    def raw(numbers: Array) -> Iterator[tuple[int, int, bytes]]:
        batch = FIRST
        for at, path in enumerate(readable):
            mine = numbers[np.searchsorted(numbers, starts[at]) : np.searchsorted(numbers, starts[at + 1])] - starts[at]
            while len(mine):
                found = written(path, mine[:batch].tolist())
                mine = mine[batch:]
                batch = _fitting(found)
                for number, text in found:
                    yield number + int(starts[at]), at * FILE + number + 1, text.encode()

    return raw


def _fitting(found: Sequence[tuple[int, str]]) -> int:
    """How many rows fit into a statement's memory, if they are as large as those ``found``."""
    size = OVERHEAD + max((len(text) for _, text in found[:: max(1, len(found) // SAMPLE)]), default=0)
    return max(FIRST, MAX_BYTES // size)
