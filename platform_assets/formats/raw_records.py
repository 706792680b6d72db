"""Records of a plain text file, found in its bytes: counted, and fetched by their number.

This is the count that DuckDB's rows are compared with, so nothing of DuckDB is used. A record ends at a
newline outside of quotes; an empty line is none. Counting costs 0.3 ns a byte in a file without quotes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from platform_assets.failures import Kind, PlatformError
from platform_assets.formats.lines import MAX_RECORD, Array

CHUNK = 8 << 20


class StructureDoubt(PlatformError):
    """The file is not of the plain shape that counting relies on; ``repair`` has to look at every record."""

    kind = Kind.REJECTED
    code = "structure"


@dataclass(frozen=True)
class Survey:
    """What a file's bytes say: ``records`` (a header included), how its lines end, whether there are quotes."""

    records: int
    newline: str
    quoted: bool


def survey(path: Path, skip: int, quote: str, delimiter: str, fields: int) -> Survey:
    """Count the records; :class:`StructureDoubt` when bytes are found that need a closer look."""
    mark = delimiter.encode()
    records = crlf = lf = 0
    quoted = False
    for block in blocks(path, skip, quote):
        data = block.data
        quoted = quoted or block.quoted
        if b"\0" in data:
            raise StructureDoubt("NUL bytes")
        if not data.isascii():
            try:
                data.decode("utf-8")
            except UnicodeDecodeError:
                raise StructureDoubt("bytes that are not UTF-8") from None
        if b"\r" in data:
            returns = data.count(b"\r")
            pairs = data.count(b"\r\n")
            crlf += pairs
            if returns != pairs:
                raise StructureDoubt("carriage returns")
        lf += len(block.newlines)
        if not block.well_quoted(mark):
            raise StructureDoubt("quotes that do not begin or end a field")
        blank, trailing = block.oddities(mark)
        if blank and fields == 1:
            # DuckDB makes a row of null of each, which would stand in for a bad one
            raise StructureDoubt("blank lines in a file of one column")
        if blank or trailing:
            starts, _, _ = block.records()
            records += len(starts)
            # DuckDB takes an empty field too many at a line's end silently, in quotes too
            if trailing and block.outside_quotes(mark) != len(starts) * (fields - 1):
                raise StructureDoubt("lines that end in a delimiter")
        else:
            records += len(block.record_ends())
    if crlf and crlf != lf:
        raise StructureDoubt("both kinds of line ends")
    return Survey(records, "\\r\\n" if crlf else "\\n", quoted)


@dataclass(frozen=True)
class Block:
    """Whole records, one after the other; ``first_line`` is the 1-based number of the first one's line.

    ``newlines`` holds the positions of all newlines, the last byte's among them.
    """

    data: bytes
    first_line: int
    quote: str
    newlines: Array

    @classmethod
    def of(cls, data: bytes, first_line: int, quote: str) -> Block:
        return cls(data, first_line, quote, np.flatnonzero(np.frombuffer(data, np.uint8) == 10))

    @property
    def quoted(self) -> bool:
        return bool(self.quote) and self.quote.encode() in self.data

    def record_ends(self) -> Array:
        """Positions of the newlines that end records."""
        if not self.quoted:
            return self.newlines
        quotes = np.flatnonzero(np.frombuffer(self.data, np.uint8) == ord(self.quote))
        return self.newlines[np.searchsorted(quotes, self.newlines) % 2 == 0]

    def line_stops(self, newlines: Array) -> Array:
        """Where the text of the lines stops that end in ``newlines``: there, or at a carriage return before."""
        if b"\r" not in self.data:
            return newlines
        array = np.frombuffer(self.data, np.uint8)
        return newlines - ((newlines > 0) & (array[np.maximum(newlines - 1, 0)] == 13))

    def well_quoted(self, mark: bytes) -> bool:
        """Whether every quote begins or ends a field or is doubled inside of one. Of others, or with spaces around
        them, DuckDB makes something else than the grammar does."""
        if not self.quoted:
            return True
        array = np.frombuffer(self.data, np.uint8)
        quotes = np.flatnonzero(array == ord(self.quote))
        # the byte before the first is the block's last one, a newline
        before, after = array[quotes[0::2] - 1], array[quotes[1::2] + 1]
        near = np.zeros(256, np.bool_)
        near[[ord(self.quote), mark[0], 10]] = True
        opened = near[before].all()
        near[13] = True
        return bool(opened and near[after].all())

    def oddities(self, mark: bytes) -> tuple[bool, bool]:
        """Whether there are empty lines, and lines that end in the byte ``mark`` or in it and an empty quoted field."""
        stops = self.line_stops(self.newlines)
        array = np.frombuffer(self.data, np.uint8)
        before = array[stops[1:] - 1 if stops[0] == 0 else stops - 1]
        blank, trailing = bool(stops[0] == 0) or bool((before == 10).any()), bool((before == mark[0]).any())
        if self.quoted and not trailing:
            ends = stops[stops >= 3]
            quote = ord(self.quote)
            ends = ends[array[ends - 1] == quote]
            ends = ends[array[ends - 2] == quote]
            trailing = bool((array[ends - 3] == mark[0]).any())
        return blank, trailing

    def outside_quotes(self, mark: bytes) -> int:
        """How often a byte occurs outside of quotes."""
        if not self.quoted:
            return self.data.count(mark)
        array = np.frombuffer(self.data, np.uint8)
        quotes = np.flatnonzero(array == ord(self.quote))
        return int(np.count_nonzero(np.searchsorted(quotes, np.flatnonzero(array == mark[0])) % 2 == 0))

    def records(self) -> tuple[Array, Array, Array]:
        """Start, end and line of each record that is not an empty line."""
        ends = self.record_ends()
        starts = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else ends
        if self.quoted:
            lines = self.first_line + np.searchsorted(self.newlines, starts)
        else:
            lines = self.first_line + np.arange(len(ends))
        stops = self.line_stops(ends)
        full = stops > starts
        return (starts, stops, lines) if full.all() else (starts[full], stops[full], lines[full])


def blocks(path: Path, skip: int, quote: str) -> Iterator[Block]:
    """The file in blocks of whole records; a missing last newline is added."""
    line = 1
    carry = b""
    with path.open("rb", 0) as file:
        file.seek(skip)
        while True:
            data = file.read(CHUNK)
            if not data:
                break
            data = carry + data if carry else data
            cut = _last_record_end(data, quote)
            if cut == 0:
                carry = data
                if len(carry) > MAX_RECORD + CHUNK:
                    raise StructureDoubt(f"a record of more than {MAX_RECORD} bytes")
                continue
            # going back in the file costs less than gluing the rest to the next chunk
            carry = b""
            file.seek(cut - len(data), 1)
            data = data[:cut]
            block = Block.of(data, line, quote)
            line += len(block.newlines)
            yield block
    if carry:
        if quote and carry.count(quote.encode()) % 2:
            raise StructureDoubt("a quote that is not closed")
        carry = carry if carry.endswith(b"\n") else carry + b"\n"
        yield Block.of(carry, line, quote)


def _last_record_end(data: bytes, quote: str) -> int:
    """The position after the last newline outside of quotes, or 0."""
    if not quote or (mark := quote.encode()) not in data:
        return data.rfind(b"\n") + 1
    total = data.count(mark)
    end = len(data)
    while (position := data.rfind(b"\n", 0, end)) >= 0:
        total -= data.count(mark, position, end)
        if total % 2 == 0:
            return position + 1
        end = position
    return 0


def fetch(path: Path, skip: int, quote: str, wanted: Array) -> Iterator[tuple[int, int, bytes]]:
    """(number, line, bytes) of the records with the ``wanted`` numbers, which are 0-based and ascending."""
    seen = 0
    done = 0
    for block in blocks(path, skip, quote):
        if done == len(wanted):
            return
        starts, stops, lines = block.records()
        upto = int(np.searchsorted(wanted, seen + len(starts)))
        for number in wanted[done:upto].tolist():
            local = number - seen
            yield number, int(lines[local]), block.data[starts[local] : stops[local]]
        seen, done = seen + len(starts), upto
