"""The manifest of a partition: what was ingested, from which files, and what came of it.

It is written last and renamed into place, so a partition is what its manifest says, and nothing without one.
"""

from __future__ import annotations

import builtins
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from platform_assets.lake.deliveries import FileVersion
from platform_assets.lake.layout import MANIFEST, REJECTION, escape, partition_folder, unescape

State = Literal["data", "empty", "not_due"]


@dataclass(frozen=True)
class Manifest:
    """One committed partition. ``rows_in`` = ``rows_out`` + ``rows_quarantined``, always.

    ``data_files`` are relative to the lake (:meth:`data_paths` gives them as paths). ``content_hash`` is made of
    the bytes of the delivered files, the contract's digest and the fingerprint of the pseudonym key: the same
    input has the same hash on any day and any machine. ``reasons`` counts each quarantined row once, under the
    first rule it broke. ``columns`` holds (name, DuckDB type). ``bytes`` counts the Parquet, ``seconds`` is wall time.
    """

    feed: str
    partition: str
    state: State
    contract_version: str
    contract_digest: str
    key_fingerprint: str
    delivery_version: str
    delivery_files: tuple[FileVersion, ...]
    data_files: tuple[str, ...]
    content_hash: str
    rows_in: int
    rows_out: int
    rows_quarantined: int
    reasons: dict[str, int] = field(default_factory=dict)
    reason: str = ""
    warnings: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    quarantine_file: str | None = None
    bytes: int = 0
    seconds: float = 0.0
    ingestion: str = ""

    def data_paths(self, lake: Path) -> tuple[Path, ...]:
        return tuple(lake / file for file in self.data_files)

    def to_json(self) -> builtins.bytes:
        return json.dumps(asdict(self), indent=1, ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, text: builtins.bytes) -> Manifest:
        data: dict[str, Any] = json.loads(text)
        data["delivery_files"] = tuple(FileVersion(**file) for file in data["delivery_files"])
        data["columns"] = tuple((name, kind) for name, kind in data["columns"])
        for key in ("data_files", "warnings"):
            data[key] = tuple(data[key])
        return cls(**data)


@dataclass(frozen=True)
class Rejection:
    """The record of a delivery that was refused; its quarantined rows, if any, are in ``quarantine_file``."""

    feed: str
    partition: str
    delivery_version: str
    code: str
    message: str
    at: str
    rows_in: int = 0
    rows_quarantined: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    quarantine_file: str | None = None

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), indent=1, ensure_ascii=False).encode()


def read_manifest(lake: Path, feed: str, partition: str) -> Manifest | None:
    """The committed manifest of a partition, or ``None`` when it was never ingested."""
    try:
        return Manifest.from_json((partition_folder(lake, feed, partition) / MANIFEST).read_bytes())
    except FileNotFoundError:
        return None


def read_rejection(lake: Path, feed: str, partition: str) -> Rejection | None:
    """The latest rejection of a partition, if no delivery was accepted after it."""
    try:
        return Rejection(**json.loads((partition_folder(lake, feed, partition) / REJECTION).read_bytes()))
    except FileNotFoundError:
        return None


def ingested_partitions(lake: Path, feed: str) -> list[str]:
    """The partitions of a feed that have a manifest, in order."""
    folder = lake / escape(feed)
    if not folder.is_dir():
        return []
    return sorted(unescape(entry.name) for entry in folder.iterdir() if (entry / MANIFEST).is_file())
