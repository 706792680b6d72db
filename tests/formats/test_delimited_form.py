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


BLANK_FIRST = {
    "a quoted record after a bad one": (b'\na,b\n1,x\nq,y\n3,"hello"\n4,"z"\n', [(1, "x"), (3, "hello"), (4, "z")], 4),
    "CRLF": (b'\r\n\r\na,b\r\n1,x\r\nq,y\r\n3,"hello"\r\n', [(1, "x"), (3, "hello")], 5),
    "CR": (b'\ra,b\r1,x\rq,y\r3,"hello"\r', [(1, "x"), (3, "hello")], 4),
    "letters beyond ASCII": ("\na,b\n1,x\nq,y\n3,\u00fc\n4,z\n".encode(), [(1, "x"), (3, "\u00fc"), (4, "z")], 4),
}


@pytest.mark.parametrize("name", BLANK_FIRST)
def test_the_header_is_the_first_line_that_is_not_blank(
    lake: Any, make_contract: Callable[..., Any], name: str
) -> None:
    content, rows, line = BLANK_FIRST[name]
    manifest = lake.ingest(make_contract([A, B]), lake.file("a.csv", content))
    assert lake.rows(manifest) == rows
    assert aside(lake) == [(line, "type:a", "q,y")]


def test_the_header_of_one_column_after_a_blank_line_is_no_row(lake: Any, make_contract: Callable[..., Any]) -> None:
    manifest = lake.ingest(make_contract([B]), lake.file("a.csv", "\nb\nx\ny\n"))
    assert lake.rows(manifest) == [("x",), ("y",)]


@pytest.mark.parametrize("newline", ["\r", "\n", "\r\n"])
@pytest.mark.parametrize("chunk", range(20, 36))
def test_lines_are_counted_alike_wherever_a_chunk_ends(
    lake: Any, make_contract: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, newline: str, chunk: int
) -> None:
    monkeypatch.setattr("platform_assets.formats.csv.repair.CHUNK", chunk)
    body = newline.join(['"a","b"', '"1","x"', '"2","y\n"' if newline != "\r" else '"2","y"', '"q","z"', '"3,', ""])
    lake.ingest(make_contract([A, B]), lake.file("a.csv", body))
    first = 4 if newline == "\r" else 5
    assert [row.line for row in lake.quarantined()] == [first + 1, first]


DECIDED = {
    "an empty quoted field too many": (
        'a,b\n1,x,""\n2,y\n', [(2, "y")], [(2, "structure:extra_field", '1,x,""')],
    ),
    "the same in every row": (
        'a,b\r\n1,"x",""\r\n2,y,""\r\n', [],
        [(2, "structure:extra_field", '1,"x",""'), (3, "structure:extra_field", '2,y,""')],
    ),
    "a record of several lines with a field too many": (
        'a,b\n1,"text\n2,evil\n",extra\n3,z\n', [(3, "z")],
        [(2, "structure:extra_field", '1,"text\n2,evil\n",extra')],
    ),
    "an empty field at a line's end": ('a,b\n1,""\n2,"y"\n', [(1, None), (2, "y")], []),
    "a space before a quote": ('a,b\n1, "x"\n2,y\n', [(1, ' "x"'), (2, "y")], []),
    "a space before the first quote of a line": ('b,a\n "x",1\ny,2\n', [(1, ' "x"'), (2, "y")], []),
    "a space after a quote": ('a,b\n1,"y" \n2,y\n', [(2, "y")], [(2, "structure:text_after_quote", '1,"y" ')]),
    "a space after a quote before a delimiter": (
        'b,a\n"y" ,1\ny,2\n', [(2, "y")], [(2, "structure:text_after_quote", '"y" ,1')],
    ),
    "quotes inside of a text": ('a,b\n1,5" x\n2,6" y\n', [(1, '5" x'), (2, '6" y')], []),
    "a quoted text with a delimiter and spaces": ('a,b\n1," ,"" x "\n', [(1, ' ," x ')], []),
}  # fmt: skip


@pytest.mark.parametrize("name", DECIDED)
@pytest.mark.parametrize("bad", ["", "q"])
def test_a_row_is_what_the_grammar_says_whatever_stands_beside_it(
    lake: Any, make_contract: Callable[..., Any], name: str, bad: str
) -> None:
    content, rows, expected = DECIDED[name]
    line = ("q,bad" if content.startswith("a") else "bad,q") + ("\r\n" if "\r" in content else "\n")
    line = line if bad else line.replace("q", "9").replace("bad", "last")
    manifest = lake.ingest(make_contract([A, B]), lake.file("a.csv", content + line))
    assert lake.rows(manifest) == rows + ([] if bad else [(9, "last")])
    assert [row for row in sorted(aside(lake)) if "bad" not in row[2]] == expected


RAW = {
    "mixed line ends": ('a,b\r\n1,"x"\n"zz","hello"\n2,y\n', [(3, '"zz","hello"')]),
    "several lines": (
        'a,b\n\n1,"x\ny"\nq,"x\n""y"""\n1,2,3\nq, "z"\n',
        [(5, 'q,"x\n""y"""'), (7, "1,2,3"), (8, 'q, "z"')],
    ),
    "carriage returns": ('a,b\r1,"x"\r\r"zz","hello"\r2,"a"b\r', [(4, '"zz","hello"'), (5, '2,"a"b')]),
    "CRLF in quotes": ('a,b\r\nq,"x\r\n"\r\n1,"a"b\r\nr,"s"\r\n', [(2, 'q,"x\r\n"'), (4, '1,"a"b'), (5, 'r,"s"')]),
    "no last newline": ('a,b\n1,"a"b\nq,"z"', [(2, '1,"a"b'), (3, 'q,"z"')]),
}  # fmt: skip


@pytest.mark.parametrize("name", RAW)
@pytest.mark.parametrize("chunk", [7, 20, 1 << 20])
def test_a_raw_row_is_the_delivered_one_after_a_repair(
    lake: Any, make_contract: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, name: str, chunk: int
) -> None:
    monkeypatch.setattr("platform_assets.formats.csv.repair.CHUNK", chunk)
    monkeypatch.setattr("platform_assets.formats.csv.originals.CHUNK", chunk)
    content, expected = RAW[name]
    lake.ingest(make_contract([A, B]), lake.file("a.csv", content))
    assert [(line, raw) for line, _, raw in sorted(aside(lake))] == expected


@pytest.mark.parametrize("long", ["y" * 8_400_000, '5"' * 4_190_000])
def test_a_line_that_is_too_long_costs_its_row_only(lake: Any, make_contract: Callable[..., Any], long: str) -> None:
    manifest = lake.ingest(make_contract([A, B]), lake.file("a.csv", f"a,b\n1,x\n2,{long}\n3,z\nq,w\n"))
    assert lake.rows(manifest) == [(1, "x"), (3, "z")]
    assert [(row.line, row.reasons[0]) for row in lake.quarantined()] == [
        (3, "structure:record_too_long"), (5, "type:a"),
    ]  # fmt: skip


FIRST = {
    "an open quote": (b'1,"a\n', "structure:unbalanced_quote"),
    "text after a quote": (b'"1"2,a\n', "structure:text_after_quote"),
    "no UTF-8": (b"1,a\xff\n", "encoding:invalid"),
    "a NUL byte": (b"1,a\0\n", "encoding:nul"),
    "a carriage return": (b"1,a\rb\n", "structure:carriage_return"),
}


@pytest.mark.parametrize("name", FIRST)
def test_a_broken_first_line_without_a_header_costs_itself_only(
    lake: Any, make_contract: Callable[..., Any], name: str
) -> None:
    first, code = FIRST[name]
    contract = make_contract([A, B], server={"header": False})
    manifest = lake.ingest(contract, lake.file("a.csv", first + b"2,y\n3,z\n"))
    assert lake.rows(manifest) == [(2, "y"), (3, "z")]
    assert [(row.line, row.reasons) for row in lake.quarantined()] == [(1, (code,))]


def test_another_quote_is_doubled_unless_the_contract_says_else(lake: Any, make_contract: Callable[..., Any]) -> None:
    contract = make_contract([A, B], server={"quote": "'"})
    manifest = lake.ingest(contract, lake.file("a.csv", "a,b\n1,'it''s, so'\n2,\"y\"\n"))
    assert lake.rows(manifest) == [(1, "it's, so"), (2, '"y"')]
