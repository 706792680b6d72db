"""Delimited text (CSV) as a source: header, columns by name, and the engine's reader set up to guess nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from platform_assets.contracts.identifiers import sql_path, sql_text
from platform_assets.contracts.model import Contract
from platform_assets.contracts.row_rules import Check
from platform_assets.lake.drift import judge_columns
from platform_assets.lake.grammar import Dialect, records_of
from platform_assets.lake.locating import locate
from platform_assets.lake.originals import originals
from platform_assets.lake.plain_files import PlainFile
from platform_assets.lake.quarantine import QuarantineWriter
from platform_assets.lake.records import MAX_RECORD, Array, StructureDoubt, fetch, survey
from platform_assets.lake.rejection import DeliveryRejected
from platform_assets.lake.repair import Repaired, repair
from platform_assets.lake.source import RecordText, Source

HEAD = 1 << 20
"""Bytes in which the header has to end."""
BLANK = re.compile(rb"\A(?:\r?\n)*")


def open_delimited(contract: Contract, file: PlainFile) -> Source:
    """The file as it lies; :class:`StructureDoubt` when only :func:`open_repaired` can tell its rows."""
    form = contract.format
    if form.escape not in (form.quote, ""):
        raise StructureDoubt("quotes escaped by a backslash")
    names, warnings = _columns(contract, file)
    counted = survey(file.path, file.skip, form.quote, form.delimiter, len(names))
    header = form.header and names is not None

    def raw(numbers: Array) -> Iterator[tuple[int, int, bytes]]:
        for number, line, text in fetch(file.path, file.skip, form.quote, numbers + int(form.header)):
            yield number - int(form.header), line, text

    relation = _relation(contract, file.path, len(names), header, counted.newline, wide=False)
    records = counted.records - int(form.header)
    text = None if counted.quoted else _text(contract, file, names)
    return _source(contract, file, names, relation, max(records, 0), 0, raw, warnings, text)


def _text(contract: Contract, file: PlainFile, names: list[str]) -> RecordText | None:
    """How rows of a file without quotes can be found by their text, if their values tell it: all columns are read,
    and null is written in one way only."""
    form = contract.format
    sources = [column.source_name for column in contract.columns]
    if {*form.null_strings} - {""} or sorted(names) != sorted(sources):
        return None
    places = {name: place for place, name in enumerate(sources)}
    values = ", ".join(f"coalesce(\"_s{places[name]}\", '')" for name in names)

    def find(texts: Collection[bytes]) -> Iterator[tuple[int, int, bytes]]:
        for number, line, text in locate(file.path, file.skip, texts):
            if number >= int(form.header):
                yield number - int(form.header), line, text

    return RecordText(f"concat_ws({sql_text(form.delimiter)}, {values})", find)


def open_repaired(contract: Contract, file: PlainFile, copy: Path, quarantine: QuarantineWriter) -> Source:
    """The good records of the file, in the clean ``copy``; the others go to the quarantine."""
    form = contract.format
    names, warnings = _columns(contract, file)
    dialect = Dialect(form.delimiter, form.quote, form.escape, len(names))
    result: Repaired = repair(
        file.path, file.skip, copy, dialect, form.header,
        lambda line, code, raw, length: quarantine.add(file.name, line, (code,), raw, length),
    )  # fmt: skip

    def raw(numbers: Array) -> Iterator[tuple[int, int, bytes]]:
        lines = result.lines(numbers)
        found = originals(file.path, file.skip, dialect, result.newline, lines)
        yield from zip(numbers.tolist(), lines.tolist(), found, strict=True)

    relation = _relation(contract, copy, len(names), False, "\\n", wide=True)
    return _source(contract, file, names, relation, result.records, result.set_aside, raw, warnings)


def _source(
    contract: Contract, file: PlainFile, names: list[str], relation: str, records: int, set_aside: int,
    raw: Callable[[Array], Iterator[tuple[int, int, bytes]]], warnings: tuple[str, ...],
    text: RecordText | None = None,
) -> Source:  # fmt: skip
    places = {name: place for place, name in enumerate(names)}
    expressions = tuple(
        (f"c{places[column.source_name]}" if column.source_name in places else "CAST(NULL AS VARCHAR)", "VARCHAR")
        for column in contract.columns
    )
    checks: tuple[Check, ...] = ()
    if contract.format.header and len(names) > 1:
        same = [
            f'"_s{i}" = {sql_text(c.source_name)}' for i, c in enumerate(contract.columns) if c.source_name in places
        ]
        # one comparison tells nearly every row; the others are made for a row that begins like the header
        again = f"CASE WHEN coalesce({same[0]}, false) THEN coalesce({' AND '.join(same)}, false) ELSE false END"
        checks = (Check("structure:repeated_header", f"(NOT {again})"),)
    return Source(file.name, relation, expressions, records, set_aside, raw, None, text, checks, warnings)


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
    return names, judge_columns(contract, names, file.name)


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
    nulls = ", ".join(sql_text(word) for word in dict.fromkeys(("", *form.null_strings)))
    # the engine keeps 16 lines of the longest size in each buffer; the default of 2 MB is too short for few files only
    size = f", max_line_size = {MAX_RECORD + 1024}, buffer_size = {2 * MAX_RECORD + 4096}" if wide else ""
    # told of both characters, the engine gives no row at all; left to itself it takes them as one line end
    ends = f"new_line = '{newline}', " if newline == "\\n" else ""
    return (
        f"read_csv({sql_path(path)}, auto_detect = false, hive_partitioning = false, columns = {{{columns}}}, "
        f"header = {str(header).lower()}, "
        f"delim = {sql_text(form.delimiter)}, quote = {sql_text(form.quote)}, escape = {sql_text(form.quote)}, "
        f"{ends}nullstr = [{nulls}], compression = 'none', strict_mode = true{size})"
    )


__all__ = ["StructureDoubt", "open_delimited", "open_repaired"]
