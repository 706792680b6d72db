"""Samples as people have them: European numbers and dates, other encodings, no header, one column, large files."""

from __future__ import annotations

import gzip
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
import zstandard

from platform_assets.formats.inference.first_contract import FirstContract
from platform_assets.formats.inference.infer import first_contract
from platform_assets.formats.inference.opened import SampleError
from platform_assets.formats.inference.text_types import text_type
from platform_assets.ingestion.trial import Tried, tried_contract

COMMA, POINT = {"property": "decimalSeparator", "value": "comma"}, {"property": "thousandsSeparator", "value": "point"}


@pytest.mark.parametrize(
    ("values", "delimiter", "logical", "more"),
    [
        (["1,5", "2"], ";", "number", [COMMA]),
        (["1,5", "2"], ",", "number", [COMMA]),
        (["1.234,50", "3"], ";", "number", [COMMA, POINT]),
        (["1,234", "5,678"], ";", "number", [COMMA]),
        (["1,234.5", "7"], ",", "number", [{"property": "thousandsSeparator", "value": "comma"}]),
        (["1,234,567", "7"], "\t", "integer", [{"property": "thousandsSeparator", "value": "comma"}]),
        (["05.01.2026"], ";", "date", "dd.MM.yyyy"),
        (["25/01/2026", "05/01/2026"], ",", "date", "dd/MM/yyyy"),
        (["01/25/2026 10:00"], ",", "timestamp", "MM/dd/yyyy HH:mm"),
        (["2026/01/05 10:00:59"], ",", "timestamp", "yyyy/MM/dd HH:mm:ss"),
        (["1"] * 99 + ["x"], ",", "integer", None),
        (["1"] * 99 + ["1.5"], ",", "number", None),
        (["2026-01-05"] * 99 + ["soon"], ",", "date", None),
        (["1"] * 99 + ["007"], ",", "string", None),
        (["1"] * 9 + ["x"], ",", "string", None),
        (["1"] * 99 + ["9" * 30], ",", "string", None),
    ],
)
def test_the_type_of_texts_is_that_of_nearly_all(
    values: Sequence[str], delimiter: str, logical: str, more: Any
) -> None:
    found = text_type(values, delimiter).words
    assert found["logicalType"] == logical
    assert found.get("customProperties", found.get("logicalTypeOptions", {}).get("format")) == more


@pytest.mark.parametrize("values", [["05/01/2026"], ["01-02-2026 10:00"], ["1,234", "5,678"]])
def test_what_can_be_read_in_two_ways_stays_text_with_a_note(values: list[str]) -> None:
    found = text_type(values, ",")
    assert (found.is_text, bool(found.note)) == (True, True)


@pytest.mark.parametrize(
    ("values", "note"),
    [
        (["05/01/2026", "12/12/2026"], "a date: no day of the sample is above 12, so it is dd/MM/yyyy or MM/dd/yyyy"),
        (["05/01/2026"] * 99 + ["soon"], "a date: no day of the sample is above 12"),
        (["05-01-2026 10:00"], "dd-MM-yyyy HH:mm or MM-dd-yyyy HH:mm; logicalType: timestamp and the option format"),
        (["25/01/2026", "01/25/2026"], "dates in two orders, dd/MM/yyyy and MM/dd/yyyy"),
        (["05/01/2026", "45/45/2026"], ""),
        (["05/01/2026", "x"], ""),
    ],
)
def test_dates_that_may_be_meant_in_two_ways_have_a_comment_in_the_contract(
    tmp_path: Path, values: list[str], note: str
) -> None:
    found = text_type(values)
    assert (found.is_text, note in found.note, bool(found.note)) == (True, True, bool(note))
    path = tmp_path / "sample.csv"
    path.write_text("id,day\n" + "".join(f"{number},{value}\n" for number, value in enumerate(values)))
    assert (f"      # may be {found.note}\n" in first_contract([path], "feed").text()) == bool(note)
    path.write_text("".join(f'{{"day": "{value}"}}\n' for value in values))
    assert (f"      # may be {found.note}\n" in first_contract([path], "feed").text()) == bool(note)


def tried(*paths: Path, header: bool | None = None) -> tuple[FirstContract, Tried]:
    made, (result,) = tried_contract(first_contract(paths, "feed", header=header), {"p": paths})
    return made, result


TEXT = "Nr;Betrag;Name;am\n" + "".join(
    f"{n};{n},5{n % 10};Jürgen {n} aus Köln;{n % 28 + 1:02}.01.2026\n" for n in range(50)
)


@pytest.mark.parametrize(
    ("encoding", "found"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("cp1252", "cp1252"), ("utf-16", "utf-16"), ("utf-16-le", "utf-16-le"),
     ("utf-16-be", "utf-16-be")],
)  # fmt: skip
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.ZstdCompressor().compress])
def test_semicolons_decimal_commas_and_german_dates_in_any_encoding(
    tmp_path: Path, encoding: str, found: str, pack: Any
) -> None:
    path = tmp_path / "sample"
    path.write_bytes(pack(TEXT.replace("\n", "\r\n").encode(encoding)))
    made, result = tried(path)
    assert (made.format.encoding, made.format.delimiter) == (found, ";")
    assert [column.words["logicalType"] for column in made.columns] == ["integer", "number", "string", "date"]
    assert (result.rows_in, result.rows_out, result.code) == (50, 50, "")


def test_a_few_broken_bytes_do_not_make_utf8_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_bytes(TEXT.encode() + b"50;1,5;J\xfcrgen;01.01.2026\n")
    made, result = tried(path)
    assert (made.format.encoding, result.rows_out, dict(result.rules)) == ("utf-8", 50, {"encoding:invalid": 1})


def test_lines_without_a_header_are_columns_by_position(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_text("1,ann,2026-01-05\n2,ben,2026-01-06\n3,cem,2026-01-07\n")
    made, result = tried(path)
    assert [column.name for column in made.columns] == ["column_1", "column_2", "column_3"]
    assert (made.format.header, result.rows_in, result.rows_out) == (False, 3, 3)


def test_texts_alone_show_no_header_and_somebody_can_say(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_text("ann,berlin\nben,paris\n")
    assert [column.name for column in tried(path)[0].columns] == ["ann", "berlin"]
    made, result = tried(path, header=False)
    assert ([column.name for column in made.columns], result.rows_in) == (["column_1", "column_2"], 2)


def test_one_column_is_a_table_too(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_text("\ufeffid\n1\n2\n3\n")
    made, result = tried(path)
    assert ([column.name for column in made.columns], made.key, result.rows_out) == (["id"], "id", 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"id,name\n", "holds no row"),
        (b"id,id\n1,2\n", "'id' is there more than once"),
        (b"id,\n1,2\n3,4\n", "column 2 has none; its lines end in a delimiter"),
        (b"sep=;\nid;name\n1;a\n", "is for Excel alone"),
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"BZh9rest", "bzip2"),
        (bytes(range(256)) * 40 + b"\0" * 9000, "is no text"),
        (b'[{"a": 1}]', r"one JSON array, and a feed has one object on each line: `cat .* \| jq -c '\.\[\]' > sample"),
        (b'\n [\n  {"a": 1}]', "one JSON array"),
        (gzip.compress(b"[]", mtime=0), r"one JSON array.*`gzip -dc .*/sample \| jq"),
        (b'{"a": 1\n}\n', ":1: is not a JSON object on one line"),
        (b"a,b\n" + b"1,2,3\n" * 9, "9 of 9 rows have not the 2 fields"),
        (b"PAR1junk", "is not an intact Parquet file"),
    ],
)
def test_what_is_no_sample_is_refused_with_the_reason(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "sample"
    path.write_bytes(content)
    with pytest.raises(SampleError, match=message) as raised:
        tried(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("text", "quote", "escape"),
    [('id,text\n1,"say \\"hi\\", all"\n2,"x"\n', '"', "\\"), ("id,text\n1,'a,b'\n2,'c'\n", "'", "'")],
)
def test_quotes_of_another_kind(tmp_path: Path, text: str, quote: str, escape: str) -> None:
    path = tmp_path / "sample.csv"
    path.write_text(text)
    made, result = tried(path)
    assert (made.format.quote, made.format.escape) == (quote, escape)
    assert (result.rows_in, result.rows_out) == (2, 2)


def test_spaces_around_names_and_values_are_no_part_of_them(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_text(" id , amount \n 1 , 5 \n 2 , 6 \n")
    made, result = tried(path)
    assert {column.name: column.type for column in made.columns} == {"id": "integer", "amount": "integer"}
    assert (made.key, result.rows_out) == ("id", 2)


def test_parquet_has_a_key_and_personal_columns_too(tmp_path: Path) -> None:
    path = tmp_path / "sample.parquet"
    duckdb.sql("SELECT range AS id, 'x@example.org' AS contact, 1 AS one FROM range(9)").write_parquet(str(path))
    made, result = tried(path)
    assert (made.key, bool(made.columns[1].personal), made.columns[2].could_be_key) == ("id", True, False)
    assert (result.rows_out, result.quarantined) == (9, 0)


def test_a_time_of_day_in_parquet_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "sample.parquet"
    duckdb.sql("SELECT TIME '10:30:00' AS opens").write_parquet(str(path))
    with pytest.raises(SampleError, match=r"'opens' is TIME, .*: have it delivered as text such as 23:59:00"):
        tried(path)


def test_names_of_columns_may_stand_in_brackets(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_text("[id],[name]\n1,a\n2,b\n")
    assert [column.source for column in tried(path)[0].columns] == ["[id]", "[name]"]


def test_several_samples_of_one_source_are_one_table(tmp_path: Path) -> None:
    one, other = tmp_path / "1.csv", tmp_path / "2.csv"
    one.write_text("id,amount\n1,5\n2,6\n")
    other.write_text("id,amount,note\n1,5.25,x\n2,7,\n")
    made, result = tried(one, other)
    assert {column.name: column.type for column in made.columns} == {
        "id": "integer", "amount": "DECIMAL(14,2)", "note": "string",
    }  # fmt: skip
    assert (made.some_missing, made.key, result.rows_out) == (True, "", 4), "an id is there twice in one delivery"


@pytest.mark.parametrize(
    ("text", "message"),
    [("id;amount\n1;2\n", "delimiter"), ("x,y\n1,2\n", "no column in common"), ('{"id": 1}', "format")],
)
def test_samples_of_two_sources_are_refused(tmp_path: Path, text: str, message: str) -> None:
    one, other = tmp_path / "1.csv", tmp_path / "2.csv"
    one.write_text("id,amount\n1,5\n2,6\n")
    other.write_text(text)
    with pytest.raises(SampleError, match=message):
        first_contract([one, other], "feed")


@pytest.mark.parametrize(
    ("header", "column", "why"),
    [
        ("e-mail", "x", "looks personal"),
        ("Vorname", "x", "looks personal"),
        ("contact", "ann@example.org", "email addresses"),
        ("konto", "DE89 3704 0044 0532 0130 00", "account numbers"),
        ("amount", "1", ""),
    ],
)
def test_personal_columns_are_found_by_name_and_by_values(tmp_path: Path, header: str, column: str, why: str) -> None:
    path = tmp_path / "sample.csv"
    path.write_text(f"nr,{header}\n" + f"1,{column}\n" * 3)
    found = first_contract([path], "feed").columns[1]
    assert why in found.personal
    assert bool(found.personal) == bool(why)


def test_the_id_of_something_else_is_no_key(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_text("order_id,customer_id\n1,7\n2,8\n")
    assert first_contract([path], "orders").key == "order_id"
    path.write_text("amount,customer_id\n1,7\n1,8\n")
    made = first_contract([path], "orders")
    assert (made.key, made.columns[1].could_be_key) == ("", True)


def test_what_only_later_rows_show_makes_the_column_wider(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    rows = [f"{n},{n if n < 60_000 else 'x'}" for n in range(80_000)]
    path.write_text("id,amount\n" + "\n".join(rows) + "\n")
    first = first_contract([path], "feed")
    assert (first.is_whole, first.columns[1].type) == (False, "integer")
    made, result = tried(path)
    assert (made.columns[1].type, result.rows_out, result.quarantined) == ("string", 80_000, 0)


@pytest.mark.slow
def test_a_large_file_takes_a_bounded_time(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    line = ",".join(["123456", "2026-01-05", "some text that is there"] * 4) + "\n"
    with path.open("w") as file:
        file.write(",".join(f"c{n}" for n in range(12)) + "\n")
        for _ in range(200):
            file.write(line * (1_000_000 // len(line)))
    assert path.stat().st_size > 190_000_000
    started = time.process_time()
    _, result = tried(path)
    assert time.process_time() - started < 30
    assert (result.is_part, result.quarantined) == (True, 0)


def test_whole_numbers_that_no_integer_holds_are_decimals(tmp_path: Path) -> None:
    sample = tmp_path / "events.jsonl"
    sample.write_text("".join(f'{{"big": {2**64 + row}, "in": {{"big": {2**70 + row}}}}}\n' for row in range(20)))
    first, tried = tried_contract(first_contract([sample], "events"), {"sample": [sample]})
    assert [column.words.get("physicalType") for column in first.columns] == ["DECIMAL(38,0)", None]
    assert [(result.rows_out, result.code) for result in tried] == [(20, "")]
