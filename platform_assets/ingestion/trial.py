"""A first contract tried on its own samples, by the ingestion that a delivery goes through, into a lake that is thrown
away. What the samples show to be too narrow is made wider until none of them is rejected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from platform_assets.contracts.model import FileKind
from platform_assets.formats.inference.first_contract import FirstContract
from platform_assets.formats.inference.heads import head_of, is_large
from platform_assets.formats.inference.opened import SampleError
from platform_assets.formats.inference.text_types import MINORITY
from platform_assets.ingestion.ingestor import Ingestor
from platform_assets.lake.deliveries import Delivery, FileVersion
from platform_assets.lake.errors import DeliveryRejected
from platform_assets.lake.locations import open_lake
from platform_assets.partition_key import PartitionKey
from platform_assets.sql.contract_file import parse_contract
from platform_assets.stores.scratch import scratch_folder

LIMIT = "quarantine_limit"


@dataclass(frozen=True)
class Tried:
    """What became of the samples of one partition: ``rules`` counts quarantined rows by each rule that they broke.

    ``is_part`` tells that only the first rows of a large file were tried. ``code`` and ``message`` are those of a
    rejection; both are empty if there was none.
    """

    partition: str
    rows_in: int
    rows_out: int
    rules: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    is_part: bool = False
    code: str = ""
    message: str = ""

    @property
    def quarantined(self) -> int:
        return self.rows_in - self.rows_out


def tried_contract(first: FirstContract, samples: Mapping[str, Sequence[Path]]) -> tuple[FirstContract, list[Tried]]:
    """The contract, wider than ``first`` where it has to be, and what becomes of the samples of each partition.

    Raises:
        SampleError: if no contract can take the samples as they are.
    """
    widened: set[str] = set()
    with scratch_folder() as folder:
        files = {key: [_tried_file(path, first, folder) for path in paths] for key, paths in samples.items()}
        for attempt in range(len(first.columns) + 2):
            tried = _try_all(first, files, folder / f"lake-{attempt}")
            if any(
                result.rules.get(f"unique:{first.key}") or result.rules.get(f"required:{first.key}") for result in tried
            ):
                first = first.without_key()
                continue
            bad = [result for result in tried if result.code]
            if not bad:
                return first, tried
            columns = _too_narrow(first, bad) - widened
            if not columns:
                raise SampleError(_why(bad[0], samples[bad[0].partition]))
            widened |= columns
            first = first.widened(columns)
    raise SampleError(_why(bad[0], samples[bad[0].partition]))


def _tried_file(path: Path, first: FirstContract, folder: Path) -> tuple[Path, bool]:
    """The file to try, and whether it is a part of the sample only."""
    path = path.resolve()
    return (head_of(path, first.format, folder), True) if is_large(path, first.format) else (path, False)


def _try_all(first: FirstContract, files: Mapping[str, Sequence[tuple[Path, bool]]], lake: Path) -> list[Tried]:
    contract = parse_contract(first.text(), Path("contract.yaml"))
    found = []
    store = open_lake(lake)
    with Ingestor(lake=store, pseudonym_key=None) as ingestor:
        for partition, parts in files.items():
            is_part = any(part for _, part in parts)
            delivery = Delivery(first.feed, PartitionKey(partition), tuple(FileVersion.of(path) for path, _ in parts))
            try:
                made = ingestor.ingest(contract=contract, delivery=delivery)
            except DeliveryRejected as rejected:
                record = store.rejection(first.feed, partition)
                rows, rules = (record.rows_in, record.rules) if record is not None else (0, {})
                found.append(Tried(partition, rows, 0, rules, (), is_part, rejected.code, rejected.message))
            else:
                found.append(Tried(partition, made.rows_in, made.rows_out, made.rules, made.warnings, is_part))
    return found


def _too_narrow(first: FirstContract, bad: Sequence[Tried]) -> set[str]:
    """The columns whose type quarantined more rows than a minority."""
    rules: Counter[str] = Counter()
    for result in bad:
        if result.code == LIMIT and first.format.kind is not FileKind.PARQUET:
            rules.update(result.rules)
    rows = sum(result.rows_in for result in bad)
    counts = {
        column.name: rules[f"type:{column.name}"]
        for column in first.columns
        if rules[f"type:{column.name}"] and column.words["logicalType"] != "string"
    }
    many = {name for name, count in counts.items() if count > MINORITY * rows}
    return many or set(counts)


def _why(result: Tried, paths: Sequence[Path]) -> str:
    names = ", ".join(str(path) for path in paths[:3])
    if result.code == "empty":
        return f"{names}: holds no row; a sample needs some, by which types can be told"
    # what can be read with a command lay in a lake that is gone
    message = result.message.split(" They can be read with:")[0]
    return f"no contract can take this sample as it is: {message if names in message else f'{names}: {message}'}"
