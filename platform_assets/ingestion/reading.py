"""All files of a delivery, read by their format, validated, and freed of repeated keys: one batch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from platform_assets.contracts.model import Contract
from platform_assets.failures import Kind
from platform_assets.formats.duckdb_errors import cause, is_of_machine
from platform_assets.formats.plain_files import check_version
from platform_assets.formats.protocol import Place, Prepared, format_of
from platform_assets.formats.raw_records import StructureDoubt
from platform_assets.formats.unpacking import Unpacking
from platform_assets.ingestion.bad_rows import CountsDoNotMeet
from platform_assets.ingestion.copies import Copies
from platform_assets.ingestion.engine import PARQUET
from platform_assets.ingestion.protection import Pseudonyms
from platform_assets.ingestion.uniqueness import duplicates
from platform_assets.ingestion.validation import ValidatedPart, key_columns, validate
from platform_assets.lake.deliveries import Delivery, FileVersion
from platform_assets.lake.errors import DeliveryRejected, IngestionError
from platform_assets.lake.manifest import State
from platform_assets.lake.names import is_text, shown
from platform_assets.lake.quarantine import QuarantineWriter
from platform_assets.sql.identifiers import quoted
from platform_assets.sql.literals import literal, path_literal
from platform_assets.sql.types import raw_columns

SMALL = 8 << 20
"""Bytes up to which a file is read together with others: above, a statement of its own costs nothing beside it."""
GROUP_BYTES = 256 << 20
GROUP_FILES = 10_000
REPORTED = 100


@dataclass(frozen=True)
class Batch:
    """What came of a delivery's rows: Parquet ``files`` in a working folder, and a hash of each delivered file."""

    state: State
    reason: str
    files: tuple[Path, ...]
    content: tuple[str, ...]
    rows_in: int
    rows_out: int
    warnings: tuple[str, ...]

    @classmethod
    def nothing(cls, state: State, reason: str) -> Batch:
        return cls(state, reason, (), (), 0, 0, ())


def read_delivery(
    engine: duckdb.DuckDBPyConnection, contract: Contract, delivery: Delivery, work: Path,
    pseudonyms: Pseudonyms | None, quarantine: QuarantineWriter,
) -> Batch:  # fmt: skip
    """Read every file of the delivery; rows that cannot be taken go to ``quarantine``."""
    unpacking = Unpacking(sum(file.size for file in delivery.files), work)
    delivered = sorted(delivery.files)
    with Copies(delivered, work) as copies:
        reader = _Reader(engine, contract, work, pseudonyms, quarantine, unpacking)
        parts = reader.parts(delivered, copies)
        # rows that repeat a key are fetched from the files
        return batch_of(engine, contract, parts, reader.rows_in, tuple(reader.content), quarantine)


def batch_of(
    engine: duckdb.DuckDBPyConnection, contract: Contract, parts: list[ValidatedPart], rows_in: int,
    content: tuple[str, ...], quarantine: QuarantineWriter,
) -> Batch:  # fmt: skip
    """The parts as one batch, freed of repeated keys. ``content`` are the hashes of what was read."""
    quarantine.rows_in = rows_in
    repeated = _set_duplicates_aside(engine, contract, parts, quarantine)
    files = [
        _without(engine, contract, part, repeated.get(index, np.empty(0, np.int64)))
        for index, part in enumerate(parts)
        if part.rows > len(repeated.get(index, ()))
    ]
    rows_out = sum(part.rows for part in parts) - sum(len(rows) for rows in repeated.values())
    warnings = tuple(dict.fromkeys(warning for part in parts for warning in part.source.warnings))
    if rows_in:
        empty = [name for part in parts for name in part.source.empty]
        warnings += tuple(
            f"{name}: has no rows; the other files of its delivery were used" for name in empty[:REPORTED]
        )
        if len(empty) > REPORTED:
            warnings += (f"{len(empty) - REPORTED} other files of the delivery have no rows",)
    return Batch("data", "", tuple(files), content, rows_in, rows_out, warnings)


class _Reader:
    def __init__(
        self, engine: duckdb.DuckDBPyConnection, contract: Contract, work: Path, pseudonyms: Pseudonyms | None,
        quarantine: QuarantineWriter, unpacking: Unpacking,
    ) -> None:  # fmt: skip
        self.engine, self.contract, self.work = engine, contract, work
        self.pseudonyms, self.quarantine = pseudonyms, quarantine
        self.format = format_of(contract.format.kind)
        self.place = Place(contract, engine, work, unpacking, quarantine, self._for_sql)
        self.content: list[str] = []
        self.rows_in = 0

    def parts(self, files: Sequence[FileVersion], copies: Copies) -> list[ValidatedPart]:
        """Read the files in their order; small ones of one kind that follow each other are read as one."""
        parts: list[ValidatedPart] = []
        waiting: list[Prepared] = []
        size = 0

        def read() -> None:
            nonlocal size
            if waiting:
                parts.extend(self._read(waiting, len(parts)))
                waiting.clear()
            size = 0

        for file in files:
            try:
                prepared = self.format.prepare(self.place, copies.local(file))
            except DeliveryRejected:
                # the bad rows of the files before it are still of use to those who deliver them
                read()
                raise
            self.content.append(prepared.content_hash)
            together = prepared.size <= SMALL and size + prepared.size <= GROUP_BYTES and len(waiting) < GROUP_FILES
            if waiting and not (together and waiting[-1].size <= SMALL and waiting[-1].kind == prepared.kind):
                read()
            waiting.append(prepared)
            size += prepared.size
        read()
        return parts

    def _read(self, group: Sequence[Prepared], index: int) -> list[ValidatedPart]:
        """Read a group in the quick way first, in the exact one where that cannot tell its rows, and file by file where
        neither can."""
        target, copy = self.work / f"part-{index:04d}.parquet", self.work / f"copy-{index:04d}"
        start = self.quarantine.mark()
        causes: list[str] = []
        last: Exception | None = None
        for way in self.format.ways(self.place, group, copy):
            source = None
            try:
                source = way()
                part = validate(self.engine, self.contract, source, target, self.pseudonyms, self.quarantine)
            except (StructureDoubt, CountsDoNotMeet, duckdb.Error) as error:
                if isinstance(error, duckdb.Error) and is_of_machine(error):
                    raise
                self.quarantine.rollback(start)
                causes.append(cause(error))
                last = error
                if source is not None and len(group) == 1:
                    fault = self.format.fault(self.place, group[0], source, causes[0])
                    if fault is not None:
                        raise fault from None
                continue
            self.rows_in += part.source.records + part.source.set_aside
            return [part]
        if len(group) > 1:
            return [part for at, one in enumerate(group) for part in self._read([one], index + at)]
        file = group[0].file
        check_version(file)
        tried = "; read record by record: ".join(causes)
        if isinstance(last, duckdb.Error):
            # the last way reads a copy that was checked record by record: no row of it can have brought this about
            raise IngestionError(
                f"{file.path}: {tried}. Nothing of it was used", code="duckdb", kind=Kind.BUG
            ) from None
        raise DeliveryRejected(
            "structure:untrusted",
            f"{file.path}: its rows cannot be told apart beyond doubt: {tried}. Nothing of it was used. If the file "
            "opens elsewhere, this is a fault of the platform: report it with these words",
        )

    def _for_sql(self, path: Path) -> Path:
        """A path of the file that can stand in SQL, a link in the working folder where its own cannot.

        DuckDB takes no path that is not UTF-8, and beside a sign of a wildcard reads a backslash as something else.
        """
        text = str(path)
        if is_text(text) and not ("\\" in text and any(sign in text for sign in "*?[")):
            return path
        folder = self.work / f"named-{len(self.content):04d}"
        folder.mkdir(exist_ok=True)
        link = folder / re.sub(r"[^\w.,=+ -]", "_", shown(path.name))[-60:]
        if not link.is_symlink():
            link.symlink_to(path)
        return link


def _set_duplicates_aside(
    engine: duckdb.DuckDBPyConnection, contract: Contract, parts: list[ValidatedPart], quarantine: QuarantineWriter
) -> dict[int, np.ndarray]:
    """Rows of each part that repeat a key, after they were put into the quarantine."""
    repeated: dict[int, list[np.ndarray]] = {}
    for code, index, rows in duplicates(engine, contract, parts):
        repeated.setdefault(index, []).append(rows)
        part = parts[index]
        for _, line, raw in part.source.fetch(part.numbers(rows)):
            quarantine.add(*part.source.place(line), (code,), raw)
    return {index: np.sort(np.concatenate(arrays)) for index, arrays in repeated.items()}


def _without(engine: duckdb.DuckDBPyConnection, contract: Contract, part: ValidatedPart, rows: np.ndarray) -> Path:
    """The part's Parquet without these rows and without the digests that were there for its keys."""
    if not len(rows) and not key_columns(contract):
        return part.path
    target = part.path.with_name(f"unique-{part.path.name}")
    names = ", ".join(quoted(name) for name, _, _ in raw_columns(contract))
    engine.execute(
        f"COPY (SELECT {names} FROM "
        f"read_parquet({path_literal(part.path)}, hive_partitioning = false, file_row_number = true) "
        "WHERE file_row_number NOT IN (SELECT unnest(CAST(? AS BIGINT[])))) "
        f"TO {literal(str(target))} {PARQUET}",
        [rows.tolist()],
    )
    part.path.unlink()
    return target
