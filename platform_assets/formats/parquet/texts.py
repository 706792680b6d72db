"""A row of a Parquet file as text, made in the pass that reads it: what ``rows`` would fetch afterwards."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence

from platform_assets.contracts.model import Contract
from platform_assets.formats.lines import FILE
from platform_assets.formats.parquet.footer import Element, Footer
from platform_assets.formats.parquet.rows import packed_sql
from platform_assets.formats.parquet.types import Reading
from platform_assets.formats.source import RowText


def row_text(
    contract: Contract, footer: Footer, readings: dict[str, list[Reading]], names: Sequence[str], counts: Sequence[int]
) -> RowText | None:
    """The text of a row as ``raw_rows`` writes it, if the contract has every column of the file, and none is nested or
    holds nulls only.

    It is null where one of the values cannot be written: DuckDB would stop at it.
    """
    sources = {column.source_name: f'"_s{index}"' for index, column in enumerate(contract.columns)}
    plain = all(element.physical is not None and not element.repeated for element in footer.columns)
    if not plain or not sources.keys() == readings.keys() == {element.name for element in footer.columns}:
        return None
    stored = [sources[element.name] for element in footer.columns]
    values = [
        (name, value_text(sql, element, readings))
        for name, sql, element in zip(names, stored, footer.columns, strict=True)
    ]
    guards = [
        f"coalesce({reading.guard(sql)}, true)"
        for element, sql in zip(footer.columns, stored, strict=True)
        for reading in readings[element.name]
        if reading.fragile and reading.guard is not None
    ]
    starts = list(itertools.accumulate(counts, initial=0))

    def line(number: int) -> int:
        at = bisect.bisect_right(starts, number) - 1
        return at * FILE + number - starts[at] + 1

    text = f"CAST(to_json({packed_sql(values)}) AS VARCHAR)"
    return RowText(f"CASE WHEN {' AND '.join(guards)} THEN {text} END" if guards else text, line)


def value_text(sql: str, element: Element, readings: dict[str, list[Reading]]) -> str:
    """SQL for a value as it is written into a row's text."""
    found = readings.get(element.name, [])
    plain = element.physical is not None and not element.repeated and found
    return found[0].text(sql) if plain and found[0].text is not None else sql
