"""Reads the beginning of a sample file, of whatever format, as columns of texts or of typed values, for ``infer``.

What a column's type is, is decided in ``infer``.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import zstandard

from platform_assets.contracts.columns import TAKEN
from platform_assets.contracts.model import FileFormat, FileKind
from platform_assets.failures import Kind, PlatformError

ROWS = 50_000
FITTING = 0.5
"""Share of the rows that must have the fields of the header, which otherwise is no header."""
DELIMITERS = ",;\t|"


class SampleError(PlatformError):
    """The sample cannot be read; the message says why."""

    kind = Kind.MISCONFIGURED
    code = "sample"


@dataclass(frozen=True)
class Sample:
    """``columns`` maps a name to its values: texts for CSV, JSON values for JSON lines, ``None`` for null.

    ``broken`` counts rows that are none: of another number of fields, or no JSON object.
    """

    format: FileFormat
    columns: dict[str, list[Any]]
    rows: int
    broken: int = 0


def read_sample(path: Path) -> Sample:
    """Up to 50,000 rows of a CSV or JSON-lines file, compressed or not. Parquet is described by its own schema."""
    if not path.is_file():
        raise SampleError(f"{path}: there is no such file")
    try:
        with _opened(path) as raw:
            head = raw.read(4)
        encoding = _encoding(path)
        with _opened(path) as raw, io.TextIOWrapper(raw, encoding=encoding, newline="") as text:
            start = text.read(1)
            while start.isspace():
                start = text.read(1)
        if not start:
            raise SampleError(f"{path}: is empty; a sample needs a header and some rows")
        if head.startswith(b"["):
            raise SampleError(f"{path}: is one JSON array; a feed has one object on each line")
        with _opened(path) as raw, io.TextIOWrapper(raw, encoding=encoding, newline="") as text:
            return _json_lines(path, text) if start == "{" else _delimited(path, text, encoding)
    except (OSError, EOFError, zstandard.ZstdError) as error:
        raise SampleError(f"{path}: cannot be read: {error}") from None


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        magic = file.read(4)
    if magic.startswith(b"\x1f\x8b"):
        return gzip.open(path, "rb")  # type: ignore[return-value]
    if magic == b"\x28\xb5\x2f\xfd":
        return zstandard.open(path, "rb", dctx=zstandard.ZstdDecompressor(max_window_size=1 << 31))
    return path.open("rb")


def _encoding(path: Path) -> str:
    with _opened(path) as raw:
        head = raw.read(1 << 22)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        head[: max(len(head) - 4, 0)].decode("utf-8") if len(head) == 1 << 22 else head.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig" if head.startswith(b"\xef\xbb\xbf") else "utf-8"


def _delimited(path: Path, text: IO[str], encoding: str) -> Sample:
    lines = text.readlines(1 << 16)
    delimiter = max(DELIMITERS, key=lambda mark: _agreement(lines, mark))
    reader = csv.reader(itertools.chain(lines, text), delimiter=delimiter)
    try:
        names = next((row for row in reader if row), [])
        given = list(itertools.islice(reader, ROWS))
    except csv.Error as error:
        raise SampleError(f"{path}: cannot be read as delimited text: {error}") from None
    rows = [row for row in given if len(row) == len(names)]
    if len(rows) < FITTING * len(given):
        raise SampleError(
            f"{path}: {len(given) - len(rows)} of {len(given)} rows have not the {len(names)} fields of the header; "
            "its delimiter may be another one"
        )
    if len(set(names)) != len(names) or any(not name.strip() for name in names):
        raise SampleError(f"{path}: its first line must be a header with a name of its own for each column")
    columns = {name: [row[index] for row in rows] for index, name in enumerate(names)}
    name_of = {"utf-8-sig": "utf-8"}
    return Sample(
        FileFormat(FileKind.CSV, delimiter, encoding=name_of.get(encoding, encoding)),
        columns,
        len(rows),
        len(given) - len(rows),
    )


def _agreement(lines: list[str], mark: str) -> tuple[int, int]:
    """How many of the first lines have as many fields as the header, and how many fields those are."""
    counts = [len(row) for row in csv.reader(lines[:200], delimiter=mark)]
    if not counts or counts[0] < 2:
        return 0, 0
    return sum(count == counts[0] for count in counts), counts[0]


def _json_lines(path: Path, text: IO[str]) -> Sample:
    documents: list[dict[str, Any]] = []
    broken = 0
    for number, line in enumerate(itertools.islice(text, ROWS), 1):
        if not line.strip():
            continue
        try:
            document = json.loads(line, parse_float=JsonNumber, parse_int=JsonNumber)
        except ValueError:
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
    return Sample(FileFormat(FileKind.JSONL), columns, len(documents), broken)


def column_names(sources: list[str], path: Path) -> dict[str, str]:
    """A name for each column of the file that a contract can have: of its own in any case of letters, and printable."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for source in sources:
        if not source.strip():
            raise SampleError(f"{path}: a column has no name")
        name = "".join(sign if sign.isprintable() else "_" for sign in source).replace("{table}", "table")
        if name.startswith("_") or name.lower() in TAKEN:
            name = f"c{name}" if name.startswith("_") else f"{name}_"
        number, plain = 2, name
        while name.lower() in taken or (name != source and name in sources):
            name, number = f"{plain}_{number}", number + 1
        taken.add(name.lower())
        names[source] = name
    return names


class JsonNumber(str):
    """A JSON number as it was written."""

    __slots__ = ()
