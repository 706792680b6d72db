"""Records as they were delivered, found by the line that they begin in: for the rows of a repaired file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from platform_assets.formats.csv.grammar import Dialect, parse_record
from platform_assets.formats.lines import Array
from platform_assets.formats.raw_records import CHUNK, StructureDoubt


def originals(path: Path, skip: int, dialect: Dialect, newline: bytes, lines: Array) -> Iterator[bytes]:
    """The bytes of the record that begins in each of the 1-based ``lines``, which ascend."""
    wanted = lines.tolist()
    done, line = 0, 1
    data = b""
    with path.open("rb", 0) as file:
        file.seek(skip)
        while done < len(wanted):
            piece = file.read(CHUNK)
            data += piece
            newlines = np.flatnonzero(np.frombuffer(data, np.uint8) == newline[0])
            while done < len(wanted) and wanted[done] - line <= len(newlines):
                start = int(newlines[wanted[done] - line - 1]) + 1 if wanted[done] > line else 0
                parsed = parse_record(data, start, dialect, newline, final=not piece)
                if not isinstance(parsed, tuple):
                    break
                raw = data[start : parsed[1]]
                yield raw.removesuffix(b"\r") if newline == b"\n" else raw
                done += 1
            if not piece:
                break
            if done < len(wanted) and wanted[done] > line + len(newlines):
                # the rest begins no record that is wanted; one byte stands for it, however long its line is
                data = data[-1:] if data[-1:] != newline else b""
                line += len(newlines)
            elif done < len(wanted):
                last = int(newlines[wanted[done] - line - 1]) + 1 if wanted[done] > line else 0
                data, line = data[last:], wanted[done]
    if done < len(wanted):
        raise StructureDoubt("a record is not where it was")
