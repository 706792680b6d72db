"""What is in the CSV file of a seed, column by column, as far as two files are to be compared."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SeedTable:
    """How many rows a seed has, and a digest of the values of each column; names are lower case."""

    rows: int
    columns: Mapping[str, str]


def seed_table(path: Path, delimiter: str = ",") -> SeedTable | None:
    """The table of a file, or None if it cannot be read as one."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, delimiter=delimiter)
            names = [name.strip().lower() for name in next(lines, [])]
            digests = [hashlib.sha256() for _ in names]
            rows = 0
            for line in lines:
                if not line:
                    continue
                if len(line) != len(names):
                    return None
                rows += 1
                for digest, value in zip(digests, line, strict=True):
                    digest.update(f"{len(value)}:{value}".encode())
    except (OSError, UnicodeDecodeError, csv.Error, TypeError):
        return None
    return SeedTable(rows, {name: digest.hexdigest() for name, digest in zip(names, digests, strict=True)})
