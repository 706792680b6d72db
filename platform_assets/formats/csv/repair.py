"""The exact reader of delimited text: every record is looked at, bad ones are quarantined, a clean copy is written.

It runs only for files whose plain count fails or does not meet DuckDB's. The grammar is RFC 4180's, and a
record that does not follow it costs its first line only: reading goes on at the next line. So an unbalanced quote
loses one line and not the rest of the file. Lines without quotes are looked at together in numpy; the others, and
records over several lines, one at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np

from platform_assets.formats.csv.grammar import Dialect, parse_record
from platform_assets.formats.lines import MAX_RECORD, Array, Lines
from platform_assets.formats.raw_records import CHUNK, StructureDoubt

SetAside = Callable[[int, str, bytes, int], None]
"""(line, reason code, raw bytes, full length) of a record that is quarantined."""


@dataclass
class Repaired:
    """What became of a file's records: ``lines`` tells the original line of those in the clean copy, by their
    0-based numbers; ``set_aside`` counts the others."""

    records: int = 0
    set_aside: int = 0
    newline: bytes = b"\n"
    lines: Lines = field(default_factory=Lines)


def repair(path: Path, skip: int, out: IO[bytes], dialect: Dialect, header: bool, set_aside: SetAside) -> Repaired:
    """Write the good records of ``path`` to ``out`` and give the others to ``set_aside``.

    One record is a line of the copy unless a quoted field holds newlines. The header, if there is one, is left out.
    """
    return _Repair(dialect, out, set_aside, header).run(path, skip)


class _Repair:
    def __init__(self, dialect: Dialect, out: IO[bytes], set_aside: SetAside, header: bool) -> None:
        self.dialect, self.out, self.set_aside, self.skip_header = dialect, out, set_aside, header
        self.delimiter, self.quote = dialect.delimiter.encode(), dialect.quote.encode()
        self.result = Repaired()
        self.line = 1
        self.newline = b"\n"

    def run(self, path: Path, skip: int) -> Repaired:
        with path.open("rb", 0) as file:
            file.seek(skip)
            self.newline = self.result.newline = _line_end(file, skip)
            carry = b""
            while True:
                piece = file.read(CHUNK)
                data = carry + piece
                if not data:
                    break
                used = self._block(data, final=not piece)
                carry = data[used:]
                if len(carry) > MAX_RECORD and carry.find(self.newline) < 0:
                    carry = self._too_long(file, carry)
                if not piece:
                    break
        return self.result

    def _too_long(self, file: IO[bytes], head: bytes) -> bytes:
        """Set a line aside that has no end within reason; gives the bytes after it."""
        length = len(head)
        head = head[: 1 << 16]
        while piece := file.read(CHUNK):
            end = piece.find(self.newline)
            if end >= 0:
                self._aside("structure:record_too_long", head, length + end)
                self.line += 1
                return piece[end + 1 :]
            length += len(piece)
        self._aside("structure:record_too_long", head, length)
        return b""

    def _block(self, data: bytes, *, final: bool) -> int:
        """Handle the whole records in ``data``; gives the number of bytes that are done with."""
        array = np.frombuffer(data, np.uint8)
        ends = np.flatnonzero(array == self.newline[0])
        if final and (not len(ends) or ends[-1] != len(data) - 1):
            ends = np.append(ends, len(data))
        if not len(ends):
            return 0
        starts = np.concatenate(([0], ends[:-1] + 1))
        suspects = np.flatnonzero(self._suspect(data, array, starts, ends))
        done = 0
        for index in suspects.tolist():
            if index < done:
                continue
            self._plain(data, starts, ends, done, index)
            taken = self._look_at(data, starts, ends, index, final)
            if taken == 0:
                return int(starts[index])
            done = index + taken
        self._plain(data, starts, ends, done, len(ends))
        return min(int(ends[-1]) + 1, len(data))

    def _suspect(self, data: bytes, array: np.ndarray, starts: Array, ends: Array) -> np.ndarray:
        """Which lines need a look of their own: all but lines of the right number of plain fields."""

        def per_line(positions: Array) -> Array:
            return np.searchsorted(positions, ends) - np.searchsorted(positions, starts)

        found = per_line(np.flatnonzero(array == self.delimiter[0])) != self.dialect.fields - 1
        for byte in filter(None, (self.quote, b"\0", self.dialect.escape.encode())):
            if byte in data:
                found |= per_line(np.flatnonzero(array == byte[0])) > 0
        if self.newline == b"\n" and b"\r" in data:
            returns = np.flatnonzero(array == 13)
            at_end = array[np.maximum(ends - 1, 0)] == 13
            found |= per_line(returns) > (at_end & (ends > starts))
        if not data.isascii():
            found |= per_line(np.flatnonzero(array >= 128)) > 0
        found |= ends - starts > MAX_RECORD
        found |= self._blank(array, starts, ends)
        if self.skip_header:
            # the header is the first line that is not blank
            found[: int(np.argmax(~self._blank(array, starts, ends))) + 1] = True
        return found

    def _blank(self, array: np.ndarray, starts: Array, ends: Array) -> np.ndarray:
        size = ends - starts
        if self.newline != b"\n":
            return size == 0
        return (size == 0) | ((size == 1) & (array[starts.clip(max=len(array) - 1)] == 13))

    def _plain(self, data: bytes, starts: Array, ends: Array, first: int, stop: int) -> None:
        """Lines that need no look: copied as they are."""
        if stop <= first:
            return
        text = data[starts[first] : ends[stop - 1]]
        if self.newline != b"\n":
            text = text.replace(self.newline, b"\n")
        elif b"\r" in text or text.endswith(b"\r"):
            text = text.replace(b"\r\n", b"\n").removesuffix(b"\r")
        self.out.write(text + b"\n")
        self._count(stop - first)
        self.line += stop - first

    def _count(self, records: int) -> None:
        self.result.lines.note(self.result.records, self.line)
        self.result.records += records

    def _aside(self, code: str, raw: bytes, length: int) -> None:
        self.result.set_aside += 1
        self.set_aside(self.line, code, raw, length)

    def _look_at(self, data: bytes, starts: Array, ends: Array, index: int, final: bool) -> int:
        """One suspect record: the number of lines it takes, 0 when more bytes are needed to tell."""
        start, end = int(starts[index]), int(ends[index])
        whole = end
        fields: list[bytes] | None
        fields, code = None, ""
        parsed = parse_record(data, start, self.dialect, self.newline, final=final)
        if parsed == "more":
            if len(data) - start <= MAX_RECORD:
                return 0
            parsed = "structure:unbalanced_quote"
        if isinstance(parsed, tuple):
            fields, whole = parsed
        else:
            code = str(parsed)
        written = self._written(fields) if fields is not None else b""
        if max(whole - start, len(written)) > MAX_RECORD:
            fields, code = None, "structure:record_too_long"
        raw = data[start:whole].removesuffix(b"\r")
        taken = int(np.searchsorted(ends, whole)) - index + 1
        if not raw:
            pass
        elif self.skip_header:
            if fields is None:
                raise StructureDoubt("the header is no record")
            self.skip_header = False
        elif fields is None:
            self._aside(code, raw, len(raw))
        elif (fault := self._fault(fields, raw)) is not None:
            self._aside(fault, raw, len(raw))
        else:
            self._count(1)
            self.out.write(written + b"\n")
        self.line += taken
        return taken

    def _fault(self, fields: list[bytes], raw: bytes) -> str | None:
        if len(fields) != self.dialect.fields:
            return "structure:extra_field" if len(fields) > self.dialect.fields else "structure:missing_field"
        if b"\0" in raw:
            return "encoding:nul"
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            return "encoding:invalid"
        return None

    def _written(self, fields: list[bytes]) -> bytes:
        """A record in plain form: fields that need quotes have them, with quotes inside doubled."""
        mark = self.quote
        if not mark:
            return self.delimiter.join(fields)
        written = []
        for text in fields:
            needs = mark in text or self.delimiter in text or b"\n" in text or b"\r" in text
            written.append(mark + text.replace(mark, mark * 2) + mark if needs else text)
        line = self.delimiter.join(written)
        return line or mark * 2


def _line_end(file: IO[bytes], skip: int) -> bytes:
    """Newline, or carriage return for a file that has no newline at all (as old Macs wrote them)."""
    has_return = False
    while piece := file.read(CHUNK):
        if b"\n" in piece:
            has_return = False
            break
        has_return = has_return or b"\r" in piece
    file.seek(skip)
    return b"\r" if has_return else b"\n"
