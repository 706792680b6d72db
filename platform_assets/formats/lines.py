"""Lines of a text file, and of the rows of a source: which line each begins in, and in which of several files."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

MAX_RECORD = 8 << 20
"""Bytes of the longest record that is read; a longer one is quarantined."""

BLOCK = 1 << 16
"""Bytes that are read at a time: what is made of a larger block no longer fits a processor's own memory."""
HEAD = 1 << 16
"""Bytes that are kept of a line that is too long."""

Array = npt.NDArray[np.int64]

FILE = 1 << 40
"""A line of the file with the index k among those of a source is written as k * FILE + line."""


class Lines:
    """The line of each row, kept where it does not follow from that of the row before."""

    def __init__(self) -> None:
        self._numbers, self._shifts = array("q"), array("q")

    def note(self, number: int, line: int) -> None:
        """Row ``number`` begins in ``line``, and later ones in the lines after it until another is noted."""
        shift = line - number
        if not self._shifts or self._shifts[-1] != shift:
            self._numbers.append(number)
            self._shifts.append(shift)

    def of(self, numbers: Array) -> Array:
        """The lines of rows, by their numbers."""
        if not self._numbers:
            return numbers + 1
        at = np.searchsorted(np.frombuffer(self._numbers, np.int64), numbers, side="right") - 1
        return numbers + np.frombuffer(self._shifts, np.int64)[at]


@dataclass(frozen=True)
class Block:
    """Whole lines of a file: the 1-based number of the ``first``, and their ``data``, line ends included.

    One that is longer than the limit has a block of its own with its first bytes; ``length`` is all of it, else 0.
    """

    first: int
    data: bytes
    length: int = 0

    def lines(self) -> list[bytes]:
        """The lines without their ends, blank ones too."""
        if self.length:
            return [self.data]
        found = self.data.split(b"\n")
        if not found[-1]:
            found.pop()
        return found


def line_blocks(path: Path, skip: int, limit: int) -> Iterator[Block]:
    """All lines of a file, those of up to ``limit`` bytes many at a time."""
    line, waiting, length = 1, [b""], 0
    with path.open("rb", 0) as file:
        file.seek(skip)
        while piece := file.read(BLOCK):
            end = piece.rfind(b"\n") + 1
            first = piece.find(b"\n")
            if end and length + first > limit:
                yield Block(line, b"".join(waiting)[:HEAD], length + first)
                line, waiting, start = line + 1, [], first + 1
            else:
                start = 0
            if end:
                data = b"".join([*waiting, piece[start:end]])
                if data:
                    yield Block(line, data)
                line += data.count(b"\n")
                waiting, length = [], 0
            waiting.append(piece[end:])
            length += len(piece) - end
            if length > limit:
                # a line that is too long is not gathered: its first bytes are enough to tell it
                waiting = [b"".join(waiting)[:HEAD]]
    if length:
        data = b"".join(waiting)
        yield Block(line, data[:HEAD], length) if length > limit else Block(line, data)


def fetch_lines(path: Path, skip: int, wanted: Array) -> Iterator[tuple[int, bytes]]:
    """(number, bytes) of the lines with the ``wanted`` 1-based numbers, ascending."""
    numbers = wanted.tolist()
    at = 0
    for block in line_blocks(path, skip, MAX_RECORD):
        if at == len(numbers):
            return
        if numbers[at] < block.first + (1 if block.length else block.data.count(b"\n") + 1):
            lines = block.lines()
            while at < len(numbers) and numbers[at] < block.first + len(lines):
                yield numbers[at], lines[numbers[at] - block.first].removesuffix(b"\r")
                at += 1
