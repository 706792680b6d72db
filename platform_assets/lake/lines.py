"""Lines of rows: which line each row of a source begins in, and which of several files that line is of."""

from __future__ import annotations

from array import array

import numpy as np

from platform_assets.lake.records import Array

FILE = 1 << 40
"""A line of the file with the index k among those of a source is told as k * FILE + line."""


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
