"""Delimited text (CSV) as a source: header, columns by name, and DuckDB's reader set up to guess nothing."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from platform_assets.contracts.model import Contract, FileFormat
from platform_assets.formats.csv.grammar import Dialect, parse_record, records_of
from platform_assets.formats.csv.originals import originals
from platform_assets.formats.csv.repair import Repaired, repair
from platform_assets.formats.drift import compare_columns
from platform_assets.formats.lines import FILE, MAX_RECORD, Array
from platform_assets.formats.locating import locate
from platform_assets.formats.plain_files import PlainFile
from platform_assets.formats.raw_records import StructureDoubt, Survey, fetch, survey
from platform_assets.formats.source import RecordText, Source
from platform_assets.lake.errors import DeliveryRejected
from platform_assets.lake.quarantine import QuarantineWriter
from platform_assets.sql.literals import literal, path_literal
from platform_assets.sql.row_rules import Check

HEAD = 1 << 20
"""Bytes in which the header has to end."""
BLANK = re.compile(rb"\A(?:\r?\n)*")


@dataclass(frozen=True)
class Table:
    """A delivered file whose header was read: the ``names`` of its columns in its own order, warnings about drift,
    and what was counted in its bytes, or why that could not be relied on."""

    file: PlainFile
    names: tuple[str, ...]
    warnings: tuple[str, ...]
    counted: Survey | None
    doubt: str

    @property
    def kind(self) -> tuple[object, ...]:
        """Files of one kind can be read as one."""
        return self.names, self.counted.newline if self.counted is not None else self.doubt != ""


def survey_delimited(contract: Contract, file: PlainFile) -> Table:
    """Read the header and count the records."""
    form = contract.format
    names, warnings = _columns(contract, file)
    counted, doubt = None, "quotes escaped by a backslash"
    if form.escape in (form.quote, ""):
        try:
            counted, doubt = survey(file.path, file.skip, form.quote, form.delimiter, len(names)), ""
        except StructureDoubt as found:
            doubt = str(found)
    return Table(file, tuple(names), warnings, counted, doubt)


def open_delimited(contract: Contract, tables: Sequence[Table], copy: Path) -> Source:
    """The files as they lie; :class:`StructureDoubt` when only :func:`open_repaired` can tell their rows.

    Several files, which have to be of one kind, are put one behind the other in ``copy`` without their headers.
    """
    form, names = contract.format, list(tables[0].names)
    surveys = [table.counted for table in tables]
    doubt = next((table.doubt for table in tables if table.counted is None), "")
    if doubt:
        raise StructureDoubt(doubt)
    counted = [found for found in surveys if found is not None]
    path, skip, heads = tables[0].file.path, tables[0].file.skip, int(form.header)
    starts, lines = [0], [1]
    if len(tables) > 1:
        starts, lines = _joined(contract, tables, counted, copy)
        path, skip, heads = copy, 0, 0
    # the line in the copy, less that in its own file
    shifts = [at * FILE - line + 1 for at, line in enumerate(lines)]

    def raw(numbers: Array) -> Iterator[tuple[int, int, bytes]]:
        for number, line, text in fetch(path, skip, form.quote, numbers + heads):
            yield number - heads, line + shifts[bisect_right(starts, number - heads) - 1], text

    def find(texts: Collection[bytes]) -> Iterator[tuple[int, int, bytes]]:
        for number, line, text in locate(path, skip, texts):
            if number >= heads:
                yield number - heads, line + shifts[bisect_right(starts, number - heads) - 1], text

    relation = _relation(contract, path, len(names), bool(heads), counted[0].newline, wide=False)
    rows = [max(found.records - int(form.header), 0) for found in counted]
    text = None if any(found.quoted for found in counted) else _text(contract, names, find)
    return _source(contract, tables, relation, rows, [0] * len(rows), raw, text)


def _joined(
    contract: Contract, tables: Sequence[Table], counted: Sequence[Survey], copy: Path
) -> tuple[list[int], list[int]]:
    """Write the records of the files into ``copy``; the first record's number there of each file, and for each the
    line in the copy where its first line would be."""
    form = contract.format
    starts: list[int] = []
    lines: list[int] = []
    records, line = 0, 1
    end = b"\r\n" if counted[0].newline == "\\r\\n" else b"\n"
    with copy.open("wb", 1 << 20) as out:
        for table, found in zip(tables, counted, strict=True):
            with table.file.path.open("rb") as source:
                source.seek(table.file.skip)
                body = source.read()
            start = _after_header(form, body) if form.header else 0
            starts.append(records)
            lines.append(line - body.count(b"\n", 0, start))
            text = memoryview(body)[start:]
            out.write(text)
            ended = not text or body.endswith(b"\n")
            out.write(b"" if ended else end)
            line += body.count(b"\n", start) + (not ended)
            records += max(found.records - int(form.header), 0)
    return starts, lines


def _after_header(form: FileFormat, body: bytes) -> int:
    blank = BLANK.match(body)
    start = blank.end() if blank is not None else 0
    parsed = parse_record(body, start, Dialect(form.delimiter, form.quote, form.escape, 0), final=True)
    if not isinstance(parsed, tuple):
        raise StructureDoubt("the header is no record")
    return min(parsed[1] + 1, len(body))


def _text(
    contract: Contract, names: list[str], find: Callable[[Collection[bytes]], Iterator[tuple[int, int, bytes]]]
) -> RecordText | None:
    """How rows of a file without quotes can be found by their text, if their values tell it: all columns are read,
    and null is written in one way only."""
    form = contract.format
    sources = [column.source_name for column in contract.columns]
    if {*form.null_strings} - {""} or sorted(names) != sorted(sources):
        return None
    places = {name: place for place, name in enumerate(sources)}
    values = ", ".join(f"coalesce(\"_s{places[name]}\", '')" for name in names)
    return RecordText(f"concat_ws({literal(form.delimiter)}, {values})", find)


def open_repaired(contract: Contract, tables: Sequence[Table], copy: Path, quarantine: QuarantineWriter) -> Source:
    """The good records of the files, in the clean ``copy``; the others go to the quarantine."""
    form = contract.format
    dialect = Dialect(form.delimiter, form.quote, form.escape, len(tables[0].names))
    results: list[Repaired] = []
    with copy.open("wb", 1 << 20) as out:
        for table in tables:
            file = table.file

            def aside(line: int, code: str, raw: bytes, length: int, name: str = file.name) -> None:
                quarantine.add(name, line, (code,), raw, length)

            results.append(repair(file.path, file.skip, out, dialect, form.header, aside))
    starts = np.cumsum([0, *(result.records for result in results)])

    def raw(numbers: Array) -> Iterator[tuple[int, int, bytes]]:
        for at, (table, result) in enumerate(zip(tables, results, strict=True)):
            mine = numbers[np.searchsorted(numbers, starts[at]) : np.searchsorted(numbers, starts[at + 1])]
            if len(mine):
                lines = result.lines.of(mine - starts[at])
                found = originals(table.file.path, table.file.skip, dialect, result.newline, lines)
                yield from zip(mine.tolist(), (lines + at * FILE).tolist(), found, strict=True)

    relation = _relation(contract, copy, len(tables[0].names), False, "\\n", wide=True)
    rows, bad = [result.records for result in results], [result.set_aside for result in results]
    return _source(contract, tables, relation, rows, bad, raw)


def _source(
    contract: Contract, tables: Sequence[Table], relation: str, rows: list[int], set_aside: list[int],
    raw: Callable[[Array], Iterator[tuple[int, int, bytes]]], text: RecordText | None = None,
) -> Source:  # fmt: skip
    names = tables[0].names
    places = {name: place for place, name in enumerate(names)}
    expressions = tuple(
        (f"c{places[column.source_name]}" if column.source_name in places else "CAST(NULL AS VARCHAR)", "VARCHAR")
        for column in contract.columns
    )
    checks: tuple[Check, ...] = ()
    if contract.format.header and len(names) > 1:
        same = [
            f'"_s{i}" = {literal(c.source_name)}' for i, c in enumerate(contract.columns) if c.source_name in places
        ]
        # one comparison tells nearly every row; the others are made for a row that begins like the header
        again = f"CASE WHEN coalesce({same[0]}, false) THEN coalesce({' AND '.join(same)}, false) ELSE false END"
        checks = (Check("structure:repeated_header", f"(NOT {again})"),)
    files = tuple(table.file.name for table in tables)
    warnings = tuple(warning for table in tables for warning in table.warnings)
    empty = tuple(name for name, good, bad in zip(files, rows, set_aside, strict=True) if not good and not bad)
    return Source(files, relation, expressions, sum(rows), sum(set_aside), raw, None, text, checks, warnings, empty)


def _columns(contract: Contract, file: PlainFile) -> tuple[list[str], tuple[str, ...]]:
    """The names of the file's columns in its own order, and warnings about drift."""
    form = contract.format
    expected = [column.source_name for column in contract.columns]
    with file.path.open("rb") as source:
        source.seek(file.skip)
        head = source.read(HEAD)
    _refuse_other_formats(file.name, head)
    dialect = Dialect(form.delimiter, form.quote, form.escape, 0)
    body = head.replace(b"\r", b"\n") if b"\n" not in head else head
    first = next(records_of(BLANK.sub(b"", body), dialect), None)
    if first is None:
        if not head.strip() or not form.header:
            # without a header the first line is a row as any other, which costs itself when it is broken
            return expected, ()
        raise DeliveryRejected(
            "structure:header", f"{file.name}: its first line cannot be read: a quote in it is not closed"
        )
    try:
        names = [field.decode("utf-8") for field in first]
    except UnicodeDecodeError:
        if not form.header:
            return expected, ()
        raise DeliveryRejected("encoding:invalid", f"{file.name}: its first line is not {form.encoding} text") from None
    if not form.header:
        if names == expected and len(names) > 1:
            raise DeliveryRejected(
                "structure:header", f"{file.name}: begins with a header, but the contract says that there is none"
            )
        return expected, ()
    if any("\0" in name for name in names):
        raise DeliveryRejected(
            "encoding:nul", f"{file.name}: there are NUL bytes in its first line; is it {form.encoding} text?"
        )
    if len(names) == 1 and len(expected) > 1:
        other = next(
            (mark for mark in ";\t|," if mark != form.delimiter and names[0].count(mark) >= len(expected) // 2), None
        )
        if other is not None:
            raise DeliveryRejected(
                "structure:delimiter",
                f"{file.name}: its header is one field by {form.delimiter!r}; its delimiter seems to be {other!r}",
            )
    return names, compare_columns(contract, names, file.name)


def _refuse_other_formats(name: str, head: bytes) -> None:
    start = head[:256].lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise DeliveryRejected(
            "structure:markup", f"{name}: is an HTML or XML page, not a table; was an error page saved?"
        )


def _relation(contract: Contract, path: Path, fields: int, header: bool, newline: str, *, wide: bool) -> str:
    """``read_csv`` with every guess turned off, all columns as text."""
    form = contract.format
    columns = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(fields))
    nulls = ", ".join(literal(word) for word in dict.fromkeys(("", *form.null_strings)))
    # DuckDB keeps 16 lines of the longest size in each buffer; the default of 2 MB is too short for few files only
    size = f", max_line_size = {MAX_RECORD + 1024}, buffer_size = {2 * MAX_RECORD + 4096}" if wide else ""
    # given both characters, DuckDB gives no row at all; left to itself it takes them as one line end
    ends = f"new_line = {literal(newline)}, " if newline == "\\n" else ""
    return (
        f"read_csv({path_literal(path)}, auto_detect = false, hive_partitioning = false, columns = {{{columns}}}, "
        f"header = {str(header).lower()}, "
        f"delim = {literal(form.delimiter)}, quote = {literal(form.quote)}, escape = {literal(form.quote)}, "
        f"{ends}nullstr = [{nulls}], compression = 'none', strict_mode = true{size})"
    )


__all__ = ["StructureDoubt", "Table", "open_delimited", "open_repaired", "survey_delimited"]
