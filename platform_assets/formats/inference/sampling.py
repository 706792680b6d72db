"""Reads the beginning of a sample file, of whatever format, as columns of texts or of typed values, for ``infer``.

What a column's type is, is decided in ``infer``.
"""

from __future__ import annotations

import csv
import dataclasses
import itertools
import json
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import zstandard

from platform_assets.contracts.columns import TAKEN
from platform_assets.contracts.model import FileFormat, FileKind
from platform_assets.formats.inference.opened import SampleError, encoding_of, opened_text
from platform_assets.formats.inference.sample_types import JsonNumber
from platform_assets.formats.inference.text_types import text_type
from platform_assets.formats.unpacking import GZIP, ZSTD

ROWS = 50_000
FITTING = 0.5
"""Share of the rows that must have the fields of the header, which otherwise is no header."""
DELIMITERS = ",;\t|"
LOOKED_AT = 1000
"""Rows by which a header is recognized."""
BEGINNING = 1 << 12
LETTERS = 1 << 24
"""Letters that are looked at, however few rows that is."""
WIDEST = 1 << 23
"""Letters that one field may have."""


@dataclass(frozen=True)
class Sample:
    """``columns`` maps a name to its values: texts for CSV, JSON values for JSON lines, ``None`` for null.

    ``broken`` counts rows that are none: of another number of fields, or no JSON object. ``is_whole`` tells whether the
    file was read to its end.
    """

    format: FileFormat
    columns: dict[str, list[Any]]
    rows: int
    broken: int = 0
    is_whole: bool = True


def read_sample(path: Path, rows: int = ROWS, header: bool | None = None) -> Sample:
    """Up to ``rows`` rows of a CSV or JSON-lines file, compressed or not. Parquet is described by its own schema.

    ``header`` says whether the first line of a CSV file names the columns; by default its values tell.
    """
    try:
        encoding = encoding_of(path)
        with opened_text(path, encoding) as text:
            start = text.read(1)
            while start.isspace():
                start = text.read(1)
        if not start:
            raise SampleError(f"{path}: is empty; a sample needs some rows, and a CSV file a header")
        if start == "[" and _is_array(path, encoding):
            raise SampleError(
                f"{path}: is one JSON array, and a feed has one object on each line: "
                f"`{_reading(path)} | jq -c '.[]' > {shlex.quote(path.name.split('.')[0])}.jsonl` writes it so"
            )
        with opened_text(path, encoding) as text:
            if start == "{":
                return _json_lines(path, text, rows)
            return _delimited(path, text, encoding, rows, header)
    except (OSError, EOFError, zstandard.ZstdError) as error:
        raise SampleError(f"{path}: cannot be read: {error}") from None


def _is_array(path: Path, encoding: str) -> bool:
    """Whether a file that begins with a bracket is JSON: names of columns may stand in brackets too."""
    with opened_text(path, encoding) as text:
        start = text.read(BEGINNING).lstrip("\ufeff \t\r\n").removeprefix("[").lstrip()
    return not start or start[0] in '{["]-0123456789'


def _reading(path: Path) -> str:
    """The command that prints the plain text of a file."""
    with path.open("rb") as file:
        magic = file.read(4)
    programs = {GZIP: "gzip -dc", ZSTD: "zstd -dc"}
    program = next((program for begin, program in programs.items() if magic.startswith(begin)), "cat")
    return f"{program} {shlex.quote(str(path))}"


def _delimited(path: Path, text: IO[str], encoding: str, most: int, header: bool | None) -> Sample:
    lines = text.readlines(1 << 16)
    if re.match(r"\ufeff?sep=.$", lines[0].strip(), re.IGNORECASE):
        raise SampleError(
            f"{path}: its first line ({lines[0].strip()}) is for Excel alone: remove it, the header is first"
        )
    form = _dialect(lines)
    csv.field_size_limit(WIDEST)
    reader = csv.reader(itertools.chain(lines, _lines(text)), **_words(form))
    try:
        first = next((row for row in reader if row), [])
        given = [row for row in itertools.islice(reader, most) if row or len(first) == 1]
        is_whole = next(reader, None) is None and not text.readline(1)
    except csv.Error as error:
        raise SampleError(f"{path}: cannot be read as delimited text: {error}") from None
    has_header = _is_header(first, given, form.delimiter) if header is None else header
    if not has_header:
        given.insert(0, first)
    names = first if has_header else [f"column_{number}" for number in range(1, len(first) + 1)]
    rows = [row for row in given if len(row) == len(names)]
    if len(rows) < FITTING * len(given):
        raise SampleError(
            f"{path}: {len(given) - len(rows)} of {len(given)} rows have not the {len(names)} fields of the "
            f"{'header' if has_header else 'first one'}; its delimiter may be another one, or lines stand above it"
        )
    _check_names(path, names)
    columns = {name: [row[index] for row in rows] for index, name in enumerate(names)}
    name = "utf-8" if encoding == "utf-8-sig" else encoding
    form = dataclasses.replace(form, encoding=name, header=has_header)
    return Sample(form, columns, len(rows), len(given) - len(rows), is_whole)


def _lines(text: IO[str]) -> Iterator[str]:
    """The lines of the text, up to so many letters as are looked at."""
    left = LETTERS
    while left > 0 and (line := text.readline(LETTERS)):
        left -= len(line)
        yield line


def _check_names(path: Path, names: Sequence[str]) -> None:
    must = "its first line must be a header with a name of its own for each column"
    blank = [str(number) for number, name in enumerate(names, 1) if not name.strip()]
    if blank:
        ending = "; its lines end in a delimiter" if blank == [str(len(names))] else ""
        raise SampleError(f"{path}: {must}, and column {', '.join(blank[:5])} has none{ending}")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise SampleError(f"{path}: {must}, and {', '.join(map(repr, twice[:5]))} is there more than once")


def _is_header(first: Sequence[str], rows: Sequence[Sequence[str]], delimiter: str) -> bool:
    """Whether the first line names the columns: it has none of their values, as far as these have a type."""
    looked_at = [row for row in rows[:LOOKED_AT] if len(row) == len(first)]
    is_data = False
    for index, name in enumerate(first):
        values = [row[index] for row in looked_at if row[index].strip()]
        kind = text_type(values, delimiter)
        if not values or kind.is_text:
            continue
        if not name.strip():
            return True
        if text_type([name], delimiter).words["logicalType"] == "string":
            return True
        is_data = True
    return not is_data


def _dialect(lines: list[str]) -> FileFormat:
    """Delimiter, quote and escape of the first lines: those by which most of them have the fields of the header."""
    first = lines[:200]
    escape = "\\" if any('\\"' in line for line in first) else '"'
    forms = [
        FileFormat(FileKind.CSV, mark, quote, escape if quote == '"' else quote)
        for quote in ('"', "'")
        for mark in DELIMITERS
    ]
    return max(forms, key=lambda form: _agreement(first, form))


def _words(form: FileFormat) -> Any:
    """The words of Python's reader for a dialect."""
    doubled = form.escape == form.quote
    words = {"delimiter": form.delimiter, "quotechar": form.quote, "doublequote": doubled}
    return words if doubled else {**words, "escapechar": form.escape}


def _agreement(lines: list[str], form: FileFormat) -> tuple[int, int]:
    """How many of the first lines have as many fields as the header, and how many fields those are."""
    try:
        counts = [len(row) for row in csv.reader(lines, **_words(form))]
    except csv.Error:
        return 0, 0
    if not counts or counts[0] < 2:
        return 0, 0
    return sum(count == counts[0] for count in counts), counts[0]


def _json_lines(path: Path, text: IO[str], most: int) -> Sample:
    documents: list[dict[str, Any]] = []
    broken = 0
    for number, line in enumerate(itertools.islice(_lines(text), most), 1):
        if not line.strip():
            continue
        try:
            document = json.loads(line, parse_float=JsonNumber, parse_int=JsonNumber)
        except (ValueError, RecursionError):
            if not documents:
                raise SampleError(f"{path}:{number}: is not a JSON object on one line") from None
            broken += 1
            continue
        if isinstance(document, dict):
            documents.append(document)
        else:
            broken += 1
    names = list(dict.fromkeys(name for document in documents for name in document))
    columns = {name: [document.get(name) for document in documents] for name in names}
    is_whole = not text.readline(1)
    return Sample(FileFormat(FileKind.JSONL), columns, len(documents), broken, is_whole)


def column_names(sources: list[str], path: Path) -> dict[str, str]:
    """A name for each column of the file that a contract can have: of its own in any case of letters, and printable."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for source in sources:
        if not source.strip():
            raise SampleError(f"{path}: a column has no name")
        name = "".join(sign if sign.isprintable() else "_" for sign in source.strip()).replace("{table}", "table")
        if name.startswith("_") or name.lower() in TAKEN:
            name = f"c{name}" if name.startswith("_") else f"{name}_"
        number, plain = 2, name
        while name.lower() in taken or (name != source and name in sources):
            name, number = f"{plain}_{number}", number + 1
        taken.add(name.lower())
        names[source] = name
    return names
