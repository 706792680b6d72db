"""Rows that were quarantined: written while a delivery is read, and read by people afterwards.

One file of JSON lines for each ingestion that quarantined rows, with its format in the first line. It holds the rows as
they came, personal values included, so only the owner may read it (folders 0700, files 0600). How often the reasons
occur is in the manifest.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from platform_assets.lake.errors import RecordTooNew, RecordUnreadable
from platform_assets.lake.json_records import FORMAT, FormatTooNew, check_format
from platform_assets.lake.layout import make_folder

MAX_RAW_BYTES = 64 * 1024
"""A longer row is kept up to here; its length is noted."""


_ENCODE = json.JSONEncoder(ensure_ascii=False).encode
NAMED = 5
"""Rows that a rejection names."""

HEADER = json.dumps({"format": FORMAT}).encode() + b"\n"
"""The first line of a quarantine; format 1 had none."""


@dataclass(frozen=True)
class QuarantinedRow:
    """A row as it came: ``line`` is 1-based (for Parquet, the row's number), ``reasons`` holds every rule it broke."""

    file: str
    line: int
    reasons: tuple[str, ...]
    raw: str


@dataclass(frozen=True)
class Mark:
    """What a quarantine held at one time."""

    position: int
    rows: int
    reasons: Counter[str]
    rules: Counter[str]
    first: tuple[tuple[str, int], ...]


class QuarantineWriter:
    """Writes one ingestion's quarantine; nothing is created before the first row."""

    def __init__(self, folder: Path, ingestion: str) -> None:
        self.path = folder / f"{ingestion}.jsonl"
        self.rows = 0
        self.rows_in = 0
        self.reasons: Counter[str] = Counter()
        """Each row once, under the first rule that it broke."""
        self.rules: Counter[str] = Counter()
        """Each row under every rule that it broke."""
        self.first: list[tuple[str, int]] = []
        """File and line of the first rows."""
        self._file: IO[bytes] | None = None

    def add(self, file: str, line: int, reasons: tuple[str, ...], raw: bytes, length: int | None = None) -> None:
        """Set one row aside; ``length`` is the row's full length in bytes when ``raw`` is only its beginning."""
        if self._file is None:
            make_folder(self.path.parent, 0o700)
            self._file = os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", 1 << 20)
            self._file.write(HEADER)
        full = len(raw) if length is None else length
        entry = {
            "file": file,
            "line": line,
            "reasons": reasons,
            "raw": raw[:MAX_RAW_BYTES].decode("utf-8", "backslashreplace"),
        }
        if full > MAX_RAW_BYTES:
            entry["bytes"] = full
        self._file.write(_ENCODE(entry).encode("utf-8", "backslashreplace") + b"\n")
        self.rows += 1
        self.reasons[reasons[0]] += 1
        for reason in reasons:
            self.rules[reason] += 1
        if len(self.first) < NAMED:
            self.first.append((file, line))

    def close(self) -> None:
        """Make what was written durable."""
        if self._file is not None and not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()

    def mark(self) -> Mark:
        """A point that :meth:`rollback` can return to, when a file has to be read in another way."""
        if self._file is not None:
            self._file.flush()
        position = self._file.tell() if self._file is not None else 0
        return Mark(position, self.rows, self.reasons.copy(), self.rules.copy(), tuple(self.first))

    def rollback(self, mark: Mark) -> None:
        """Take back every row after ``mark``."""
        position, self.rows = max(mark.position, len(HEADER)), mark.rows
        self.reasons, self.rules, self.first = mark.reasons.copy(), mark.rules.copy(), list(mark.first)
        if self._file is not None:
            self._file.flush()
            self._file.seek(position)
            self._file.truncate()

    def discard(self) -> None:
        """Take back everything, the file included."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                # a full disk may refuse even what is still in the buffer
                self._file.close()
            self.path.unlink(missing_ok=True)
        self._file, self.rows = None, 0
        self.reasons.clear()
        self.rules.clear()
        self.first.clear()


def read_rows(path: Path, limit: int | None, where: Path | str) -> list[QuarantinedRow]:
    """The first rows of a quarantine's file; ``where`` is what an error calls it."""
    rows: list[QuarantinedRow] = []
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines):
                if limit is not None and len(rows) >= limit:
                    break
                entry = json.loads(line)
                if number == 0 and "raw" not in entry:
                    check_format(entry)
                    continue
                rows.append(QuarantinedRow(entry["file"], entry["line"], tuple(entry["reasons"]), entry["raw"]))
    except FormatTooNew as error:
        raise RecordTooNew(where, error.found, FORMAT) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = error.strerror if isinstance(error, OSError) else f"line {len(rows) + 1} is damaged"
        raise RecordUnreadable(where, why or "it is damaged") from error
    return rows
