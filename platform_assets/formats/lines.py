"""Lines of a text file, and of the rows of a source: which line each begins in, and in which of several files."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

MAX_RECORD = 8 << 20
"""Bytes of the longest record that is read; a longer one is quarantined."""

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


def text_lines(path: Path, skip: int, limit: int) -> Iterator[tuple[int, bytes, int]]:
    """(1-based number, bytes, length) of each line that is not blank; of a longer one than ``limit`` the beginning."""
    line, head, length = 1, b"", 0
    with path.open("rb", 0) as file:
        file.seek(skip)
        while piece := file.read(1 << 20):
            start = 0
            while (end := piece.find(b"\n", start)) >= 0:
                part = piece[start:end]
                raw = (head + part if head else part) if length + len(part) <= limit else head
                length += len(part)
                if not raw.isspace() and raw:
                    yield line, raw.removesuffix(b"\r"), length
                line, head, length, start = line + 1, b"", 0, end + 1
            rest = piece[start:]
            length += len(rest)
            # a line that is too long is not gathered: its first bytes are enough to tell it
            head = head + rest if length <= limit else (head or rest)[: 1 << 16]
    if head and not head.isspace():
        yield line, head.removesuffix(b"\r"), length


def fetch_lines(path: Path, skip: int, wanted: Array) -> Iterator[tuple[int, bytes]]:
    """(number, bytes) of the lines with the ``wanted`` 1-based numbers, ascending."""
    numbers = iter(wanted.tolist())
    number = next(numbers, None)
    for line, raw, _ in text_lines(path, skip, MAX_RECORD):
        if line == number:
            yield line, raw
            number = next(numbers, None)
            if number is None:
                return
