"""Records found again in a plain text file by their text alone.

A line is looked at closely only when a 64-bit mixture of its length and four of its words, cut to an index, is
that of a line that is looked for: about 60 ns a line, whatever is looked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from platform_assets.formats.lines import Array
from platform_assets.formats.raw_records import blocks

WORD = 8
MIXERS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
LARGEST = 24
"""Bits of the largest index: 16 MB."""


def locate(path: Path, skip: int, wanted: Collection[bytes]) -> Iterator[tuple[int, int, bytes]]:
    """(0-based number, line, bytes) of every record that is in ``wanted``, for a file without quotes."""
    bits = min(max((64 * len(wanted)).bit_length(), 16), LARGEST)
    index = np.zeros(1 << bits, np.bool_)
    lines = list(wanted)
    ends = np.cumsum([len(line) + 1 for line in lines], dtype=np.int64)
    starts = np.concatenate(([0], ends[:-1]))
    index[_places(b"\n".join([*lines, b""]), starts, ends - 1, bits)] = True
    seen = 0
    for block in blocks(path, skip, ""):
        starts, stops, numbers = block.records()
        near = np.flatnonzero(index[_places(block.data, starts, stops, bits)] | (stops - starts < WORD))
        for local, start, stop in zip(near.tolist(), starts[near].tolist(), stops[near].tolist(), strict=True):
            raw = block.data[start:stop]
            if raw in wanted:
                yield seen + local, int(numbers[local]), raw
        seen += len(starts)


def _places(data: bytes, starts: Array, stops: Array, bits: int) -> npt.NDArray[np.int64]:
    """The place of each line in an index; of no meaning for lines of less than a word."""
    if len(data) < WORD:
        return np.zeros(len(starts), np.int64)
    words = np.ndarray((len(data) - WORD + 1,), "<u8", data, strides=(1,))
    room = stops - starts - WORD
    step = room // 3
    last = len(words) - 1
    short = bool((room < 0).any())
    mixed = room.astype(np.uint64)
    for at, mixer in zip((starts, starts + step, starts + 2 * step, starts + room), MIXERS, strict=True):
        # only lines of less than a word can reach out of the text
        mixed ^= words[np.clip(at, 0, last) if short else at]
        mixed *= np.uint64(mixer)
        mixed ^= mixed >> np.uint64(32)
    return (mixed >> np.uint64(64 - bits)).view(np.int64)
