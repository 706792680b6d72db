"""Delimited text that the engine and the grammar could read differently: the grammar decides, row by row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

A = {"name": "a", "logicalType": "integer"}
B = {"name": "b", "logicalType": "string"}


def aside(lake: Any) -> list[tuple[int, str, str]]:
    return [(row.line, row.reasons[0], row.raw) for row in lake.quarantined()]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("more", [0, 60_000])
def test_blank_lines_of_one_column_are_no_rows(
    lake: Any, make_contract: Callable[..., Any], newline: str, more: int
) -> None:
    body = newline.join(["a", "1", "", "xx", "3", *map(str, range(more)), ""])
    manifest = lake.ingest(make_contract([A]), lake.file("a.csv", body))
    assert lake.rows(manifest) == [(1,), (3,), *((number,) for number in range(more))]
    assert aside(lake) == [(4, "type:a", "xx")]


def test_blank_lines_of_one_text_column_hide_no_long_text(lake: Any, make_contract: Callable[..., Any]) -> None:
    column = {**B, "unique": True, "logicalTypeOptions": {"maxLength": 3}}
    manifest = lake.ingest(make_contract([column]), lake.file("a.csv", "b\nx\n\nlong\n\nx\ny\n\n"))
    assert lake.rows(manifest) == [("x",), ("y",)]
    assert sorted(aside(lake)) == [(4, "max_length:b", "long"), (6, "unique:b", "x")]
