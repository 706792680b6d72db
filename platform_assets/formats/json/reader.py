"""JSON lines as a source: each line read exactly, and its columns written as texts in a working copy.

A JSON string is read as a CSV cell would be; a JSON number fits integers and numbers only, true and false fit
booleans only, objects and arrays fit JSON columns only. A key that is not there is null.

Lines are read some hundreds at a time: ``rows`` makes rows of them, ``keys`` watches which keys there are.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import add
from pathlib import Path
from typing import IO

import numpy as np

from platform_assets.contracts.model import Contract, LogicalType
from platform_assets.formats.json.keys import Keys
from platform_assets.formats.json.lifting import by_keys
from platform_assets.formats.json.rows import RowReader
from platform_assets.formats.json.template import Templates
from platform_assets.formats.lines import FILE, MAX_RECORD, Array, Block, Lines, fetch_lines, line_blocks
from platform_assets.formats.plain_files import PlainFile
from platform_assets.formats.source import Source
from platform_assets.formats.text_copy import LONG, NUMBER, relation_of
from platform_assets.lake.errors import DeliveryRejected
from platform_assets.lake.quarantine import QuarantineWriter
from platform_assets.sql.literals import path_literal
from platform_assets.sql.row_rules import JSON_TEXT


def open_json_lines(contract: Contract, files: Sequence[PlainFile], copy: Path, quarantine: QuarantineWriter) -> Source:
    """The files' good lines as rows of texts in ``copy``; lines that are no JSON object go to the quarantine."""
    lines, starts, set_aside, longest = Lines(), [0], 0, 0
    templates = Templates(contract)
    warnings: tuple[str, ...] = ()
    empty: list[str] = []
    with copy.open("wb", 1 << 20) as out, _no_collection():
        for at, file in enumerate(files):
            refuse_arrays(file)
            reader = _Reader(contract, file.name, quarantine, out, lines, at * FILE, starts[-1], templates)
            for block in line_blocks(file.path, file.skip, MAX_RECORD):
                reader.take(block)
            starts.append(reader.rows)
            warnings += reader.keys.compare(reader.rows - starts[-2], reader.set_aside)
            if reader.rows == starts[-2] and not reader.set_aside:
                empty.append(file.name)
            set_aside, longest = set_aside + reader.set_aside, max(longest, reader.longest)
    relation = relation_of(path_literal(copy), len(contract.columns), longest)

    def raw_rows(numbers: Array) -> Iterator[tuple[int, int, bytes]]:
        for at, file in enumerate(files):
            mine = numbers[np.searchsorted(numbers, starts[at]) : np.searchsorted(numbers, starts[at + 1])]
            if len(mine):
                wanted = lines.of(mine) - at * FILE
                found = fetch_lines(file.path, file.skip, wanted)
                for number, (line, raw) in zip(mine.tolist(), found, strict=True):
                    yield number, at * FILE + line, raw

    return Source(
        tuple(file.name for file in files),
        relation,
        # what is in a JSON column was read as JSON and written anew
        tuple(
            (f"c{index + 1}", JSON_TEXT if column.type is LogicalType.JSON else "VARCHAR")
            for index, column in enumerate(contract.columns)
        ),
        starts[-1],
        set_aside,
        raw_rows,
        row_number=NUMBER,
        warnings=warnings,
        empty=tuple(empty),
    )


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without Python's cyclic garbage collector, which takes a tenth of the time and finds nothing in documents."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Reader:
    """Reads the blocks of one file; ``rows`` is the number of rows that were written, in all files."""

    def __init__(
        self, contract: Contract, name: str, quarantine: QuarantineWriter, out: IO[bytes], lines: Lines, first: int,
        rows: int, templates: Templates,
    ) -> None:  # fmt: skip
        self.contract, self.name, self.quarantine = contract, name, quarantine
        self.keys = Keys(by_keys(contract), name)
        self.set_aside = self.longest = 0
        self.rows = rows
        self._reader = RowReader(contract, self.keys, templates)
        self._out, self._lines, self._first = out, lines, first

    def take(self, block: Block) -> None:
        """Write the block's good lines as rows; the others go to the quarantine, in their order."""
        if block.length:
            # however blank it begins: its end was not looked at
            self._aside(block.first, "structure:record_too_long", block.data, block.length)
            return
        rows, bad = self._reader.rows(block)
        data, count = self._numbered(rows)
        self._out.write(data)
        if len(data) > LONG:
            self.longest = max(self.longest, *map(len, data.split(b"\n")))
        first = self._first + block.first
        if count == len(rows):
            self._lines.note(self.rows, first)
            self.rows += count
            return
        for at, row in enumerate(rows):
            if row is not None:
                self._lines.note(self.rows, first + at)
                self.rows += 1
        lines = block.lines()
        for at in sorted(bad):
            self._aside(block.first + at, bad[at], lines[at].removesuffix(b"\r"))

    def _numbered(self, rows: Sequence[str | None]) -> tuple[bytes, int]:
        """The good rows as lines of the copy, and how many they are."""
        good = [row for row in rows if row is not None]
        numbers = map(str, range(self.rows, self.rows + len(good)))
        return "\n".join([*map(add, numbers, good), ""]).encode(), len(good)

    def _aside(self, line: int, reason: str, raw: bytes, length: int | None = None) -> None:
        self.set_aside += 1
        self.quarantine.add(self.name, line, (reason,), raw, length)


def refuse_arrays(file: PlainFile) -> None:
    """Refuse a file that is one array, or no JSON at all."""
    with file.path.open("rb") as source:
        source.seek(file.skip)
        head = source.read(4096).lstrip()
    if head.startswith(b"["):
        raise DeliveryRejected(
            "structure:json_array", f"{file.name}: is one JSON array; deliver one object on each line"
        )
    if head.startswith(b"<"):
        raise DeliveryRejected(
            "structure:markup", f"{file.name}: is an HTML or XML page, not JSON lines; was an error page saved?"
        )
