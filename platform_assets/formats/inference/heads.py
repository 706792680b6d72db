"""The first rows of a large sample as a file of its own, so that trying a contract on it takes a bounded time."""

from __future__ import annotations

import itertools
from pathlib import Path

from platform_assets.contracts.model import FileFormat, FileKind
from platform_assets.formats.inference.opened import opened_text
from platform_assets.formats.inference.sampling import ROWS
from platform_assets.sql.literals import literal, path_literal

LARGE = 32 << 20
"""Bytes of a file that is tried as a whole; of a compressed one a quarter."""
LONGEST = 16 << 20
"""Letters of text that are tried, however few rows that is."""
HEAVY, HEAVIEST = 1 << 16, 1 << 20
"""Letters of a JSON document that takes long to be validated, and of all that are tried if one is like that."""


def is_large(path: Path, form: FileFormat) -> bool:
    """Whether only the first rows of the file are tried."""
    with path.open("rb") as file:
        plain = file.read(2) not in (b"\x1f\x8b", b"\x28\xb5")
    size = path.stat().st_size
    if size > (LARGE if plain else LARGE // 4):
        return True
    if form.kind is not FileKind.JSONL or (plain and size < HEAVIEST):
        return False
    with opened_text(path, form.encoding) as source:
        return any(len(line) > HEAVY for line in itertools.islice(source, ROWS))


def head_of(path: Path, form: FileFormat, folder: Path) -> Path:
    """A file in ``folder`` with the first rows of ``path``, plain and in the same format and encoding."""
    target = folder / f"head-of-{path.name.removesuffix('.gz').removesuffix('.zst')}"
    if form.kind is FileKind.PARQUET:
        import duckdb

        with duckdb.connect() as engine:
            engine.execute(
                f"COPY (FROM read_parquet({path_literal(path)}, hive_partitioning = false) LIMIT {ROWS}) "
                f"TO {literal(str(target))} (FORMAT parquet)"
            )
        return target
    quote = form.quote if form.kind is FileKind.CSV else ""
    letters, is_open = 0, False
    with (
        opened_text(path, form.encoding) as source,
        target.open("w", encoding=form.encoding, errors="surrogateescape", newline="") as out,
    ):
        for number in itertools.count(1):
            line = source.readline(LONGEST)
            if not line:
                break
            out.write(line)
            letters += len(line)
            is_open ^= bool(quote) and line.count(quote) % 2 == 1
            if form.kind is FileKind.JSONL and len(line) > HEAVY and letters >= HEAVIEST:
                break
            # a quote that nothing closes must not make it the whole file
            if (number >= ROWS and not is_open) or number >= 2 * ROWS or letters >= LONGEST:
                break
    return target
