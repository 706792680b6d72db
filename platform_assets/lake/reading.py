"""All files of a delivery, read by their format, judged, and freed of repeated keys: one batch in a working folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from platform_assets.contracts.identifiers import quoted, sql_path, sql_text
from platform_assets.contracts.model import Contract, FileKind
from platform_assets.contracts.types import raw_columns
from platform_assets.lake.bad_rows import CountsDoNotMeet
from platform_assets.lake.delimited import open_delimited, open_repaired
from platform_assets.lake.deliveries import Delivery, FileVersion
from platform_assets.lake.engine import PARQUET, cause, is_of_machine
from platform_assets.lake.json_lines import open_json_lines
from platform_assets.lake.judging import JudgedPart, judge, key_columns
from platform_assets.lake.manifest import State
from platform_assets.lake.parquet import columns_at_fault, open_parquet
from platform_assets.lake.plain_files import check_version, file_hash, plain_file
from platform_assets.lake.protection import Pseudonyms
from platform_assets.lake.quarantine import QuarantineWriter
from platform_assets.lake.records import StructureDoubt
from platform_assets.lake.rejection import DeliveryRejected
from platform_assets.lake.source import Source
from platform_assets.lake.uniqueness import duplicates


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
    reader = _Reader(engine, contract, work, pseudonyms, quarantine)
    parts = [reader.file(file, index) for index, file in enumerate(sorted(delivery.files))]
    quarantine.rows_in = reader.rows_in
    repeated = _set_duplicates_aside(engine, contract, parts, quarantine)
    files = [
        _without(engine, contract, part, repeated.get(index, np.empty(0, np.int64)))
        for index, part in enumerate(parts)
        if part.rows > len(repeated.get(index, ()))
    ]
    rows_out = sum(part.rows for part in parts) - sum(len(rows) for rows in repeated.values())
    warnings = tuple(dict.fromkeys(warning for part in parts for warning in part.source.warnings))
    return Batch("data", "", tuple(files), tuple(reader.content), reader.rows_in, rows_out, warnings)


class _Reader:
    def __init__(
        self, engine: duckdb.DuckDBPyConnection, contract: Contract, work: Path, pseudonyms: Pseudonyms | None,
        quarantine: QuarantineWriter,
    ) -> None:  # fmt: skip
        self.engine, self.contract, self.work = engine, contract, work
        self.pseudonyms, self.quarantine = pseudonyms, quarantine
        self.content: list[str] = []
        self.rows_in = 0

    def file(self, file: FileVersion, index: int) -> JudgedPart:
        """Read one file, in the quick way first and in the exact one where that cannot tell its rows."""
        target = self.work / f"part-{index:04d}.parquet"
        # by its index, for files in two folders may have one name
        copy = self.work / f"copy-{index:04d}"
        kind = self.contract.format.kind
        ways: list[Callable[[], Source]]
        if kind is FileKind.PARQUET:
            check_version(file)
            self.content.append(file_hash(file))
            ways = [lambda: open_parquet(self.contract, Path(file.path), self.engine, copy)]
        else:
            plain = plain_file(file, self.contract.format.encoding, self.work)
            self.content.append(plain.content_hash)
            if kind is FileKind.JSONL:
                ways = [lambda: open_json_lines(self.contract, plain, copy, self.quarantine)]
            else:
                ways = [
                    lambda: open_delimited(self.contract, plain),
                    lambda: open_repaired(self.contract, plain, copy, self.quarantine),
                ]
        start = self.quarantine.mark()
        causes: list[str] = []
        for way in ways:
            source = None
            try:
                source = way()
                part = judge(self.engine, self.contract, source, target, self.pseudonyms, self.quarantine)
            except (StructureDoubt, CountsDoNotMeet, duckdb.Error) as error:
                if isinstance(error, duckdb.Error) and is_of_machine(error):
                    raise
                self.quarantine.rollback(start)
                causes.append(cause(error))
                if kind is FileKind.PARQUET and source is not None:
                    check_version(file)
                    raise self._values(file, source, causes[0]) from None
                continue
            self.rows_in += part.source.records + part.source.set_aside
            return part
        check_version(file)
        tried = "; read record by record: ".join(causes)
        raise DeliveryRejected(
            "structure:untrusted",
            f"{file.path}: its rows cannot be told apart beyond doubt: {tried}. Nothing of it was used. If the file "
            "opens elsewhere, this is a fault of the platform: report it with these words",
        )

    def _values(self, file: FileVersion, source: Source, why: str) -> DeliveryRejected:
        names = columns_at_fault(self.engine, self.contract, source)
        shown = ", ".join(repr(name[:60]) for name in names[:10])
        if not names:
            return DeliveryRejected(
                "structure:parquet", f"{file.path}: its rows cannot be read: {why}; deliver it again"
            )
        return DeliveryRejected(
            "structure:values",
            f"{file.path}: the column {shown} has values that are none of its type, such as text that is not UTF-8 or "
            f"a time past all years ({why}); nothing of it was used",
        )


def _set_duplicates_aside(
    engine: duckdb.DuckDBPyConnection, contract: Contract, parts: list[JudgedPart], quarantine: QuarantineWriter
) -> dict[int, np.ndarray]:
    """Rows of each part that repeat a key, after they were put into the quarantine."""
    repeated: dict[int, list[np.ndarray]] = {}
    for code, index, rows in duplicates(engine, contract, parts):
        repeated.setdefault(index, []).append(rows)
        part = parts[index]
        for _, line, raw in part.source.fetch(part.numbers(rows)):
            quarantine.add(part.source.name, line, (code,), raw)
    return {index: np.sort(np.concatenate(arrays)) for index, arrays in repeated.items()}


def _without(engine: duckdb.DuckDBPyConnection, contract: Contract, part: JudgedPart, rows: np.ndarray) -> Path:
    """The part's Parquet without these rows and without the digests that were there for its keys."""
    if not len(rows) and not key_columns(contract):
        return part.path
    target = part.path.with_name(f"unique-{part.path.name}")
    names = ", ".join(quoted(name) for name, _, _ in raw_columns(contract))
    engine.execute(
        f"COPY (SELECT {names} FROM "
        f"read_parquet({sql_path(part.path)}, hive_partitioning = false, file_row_number = true) "
        "WHERE file_row_number NOT IN (SELECT unnest(CAST(? AS BIGINT[])))) "
        f"TO {sql_text(str(target))} {PARQUET}",
        [rows.tolist()],
    )
    part.path.unlink()
    return target
