"""The manifest of a partition: what was ingested, from which files, and what came of it.

It is written last and renamed into place, so a partition is what its manifest says, and nothing without one.
"""

from __future__ import annotations

import builtins
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from platform_assets.failures import Failure
from platform_assets.lake.deliveries import FileVersion
from platform_assets.lake.errors import RecordUnreadable, kind_of_rejection
from platform_assets.lake.json_records import FORMAT, built, content, read_record
from platform_assets.lake.layout import MANIFEST, REJECTION, escape, partition_folder

State = Literal["data", "empty", "not_due"]


@dataclass(frozen=True)
class Manifest:
    """One committed partition. ``rows_in`` = ``rows_out`` + ``rows_quarantined``, always.

    Of the rows quarantined ``rows_purged`` were removed from the quarantine at ``purged_at`` (UTC); both are left out
    of the file while there are none. ``protections`` says which columns were written protected and how (``hash``,
    ``mask``, ``drop``), values inside a JSON column by its name and the path, with slashes; None where that was not
    recorded. ``rewritten``: its rows were written anew from the lake, and what is quarantined holds no clear value.
    ``data_files`` are relative to the lake (:meth:`data_paths` gives them as paths). ``content_hash`` is made of
    the bytes of the delivered files, the contract's digest and the fingerprint of the pseudonym key: the same
    input has the same hash on any day and any machine. ``reasons`` counts each quarantined row once, under the
    first rule it broke, ``rules`` under each rule it broke. ``columns`` holds (name, DuckDB type). ``bytes`` counts
    the Parquet, ``seconds`` is wall time.
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
    rules: dict[str, int] = field(default_factory=dict)
    reason: str = ""
    warnings: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    quarantine_file: str | None = None
    bytes: int = 0
    seconds: float = 0.0
    ingestion: str = ""
    rows_purged: int = 0
    purged_at: str = ""
    protections: dict[str, str] | None = None
    rewritten: bool = False

    def data_paths(self, lake: Path) -> tuple[Path, ...]:
        return tuple(lake / file for file in self.data_files)

    def to_json(self) -> builtins.bytes:
        return to_json(fields_of(self))

    @classmethod
    def from_json(cls, text: builtins.bytes) -> Manifest:
        """Raises ValueError with what is wrong, if the text is not that of a manifest."""
        return built(cls, content(text))

    @property
    def contradiction(self) -> str:
        """What in it cannot be; empty for a manifest that may be true."""
        rows = (self.rows_in, self.rows_out, self.rows_quarantined)
        if min(rows) < 0 or rows[0] != rows[1] + rows[2]:
            return "it says {} rows in, {} out, {} quarantined, which cannot be".format(*rows)
        own = f"{escape(self.feed)}/{escape(self.partition)}/"
        if any(not file.startswith(own) or ".." in file.split("/") for file in self.data_files):
            return "its field 'data_files' names a file that is not the partition's own"
        return ""


@dataclass(frozen=True)
class Rejection:
    """The record of a delivery that was refused, ``at`` a time (UTC).

    Its quarantined rows, if there are any, are in ``quarantine_file``.
    ``after`` is the ingestion whose manifest stood then (empty if none did): a rejection counts only beside it.
    It is None where that manifest could not be read, and in records that are older than this field.
    ``contract_digest`` is that of the contract it was refused by, ``changed_ns`` when its files were changed last; both
    are empty in records of earlier versions. ``rows_purged`` and ``purged_at`` are as in a manifest.
    """

    feed: str
    partition: str
    delivery_version: str
    code: str
    message: str
    at: str = ""
    rows_in: int = 0
    rows_quarantined: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    rules: dict[str, int] = field(default_factory=dict)
    quarantine_file: str | None = None
    after: str | None = None
    contract_digest: str = ""
    changed_ns: int = 0
    rows_purged: int = 0
    purged_at: str = ""

    @property
    def failure(self) -> Failure:
        """The rejection as a failure."""
        return Failure(kind_of_rejection(self.code), self.code, self.message)

    def to_json(self) -> bytes:
        return to_json({**fields_of(self), "kind": self.failure.kind.value})

    @classmethod
    def from_json(cls, text: bytes) -> Rejection:
        """Raises ValueError with what is wrong, if the text is not that of a rejection."""
        # the kind follows from the code: it stands there for people and other programs
        return built(cls, {key: value for key, value in content(text).items() if key != "kind"})


LATER: dict[str, Any] = {"rows_purged": 0, "purged_at": "", "protections": None, "rewritten": False}
"""Fields that a record has only if they say something: one without them is read by every version of its format."""


def fields_of(record: Manifest | Rejection) -> dict[str, Any]:
    """The fields of a record as its file has them."""
    fields = {name: value for name, value in asdict(record).items() if name not in LATER or value != LATER[name]}
    for file in fields.get("delivery_files", ()):
        if not file["etag"]:
            # a record of files is one that earlier versions read
            del file["etag"]
    return fields


Record = TypeVar("Record", Manifest, Rejection)


def purged(record: Record, at: str) -> Record:
    """The record once its quarantine is removed: it says so, and names no file."""
    return replace(record, quarantine_file=None, rows_purged=record.rows_quarantined, purged_at=at)


def to_json(record: dict[str, Any]) -> bytes:
    """A record of this format as the text of its file."""
    # names of files that are not UTF-8 hold surrogates, and what stands for them here is JSON's own way to write one
    return json.dumps({"format": FORMAT, **record}, indent=1, ensure_ascii=False).encode("utf-8", "backslashreplace")


def read_manifest(lake: Path, feed: str, partition: str) -> Manifest | None:
    """The committed manifest of a partition, or ``None`` when it was never ingested.

    Raises :class:`RecordUnreadable` if there is one that cannot be read or belongs to another partition.
    """
    path = partition_folder(lake, feed, partition) / MANIFEST
    manifest = read_record(path, Manifest.from_json, feed, partition)
    if manifest is not None and manifest.contradiction:
        raise RecordUnreadable(path, manifest.contradiction)
    return manifest


def read_rejection(lake: Path, feed: str, partition: str) -> Rejection | None:
    """The latest rejection of a partition, if no delivery was accepted after it.

    A crash may leave a rejection beside the manifest that came after it. Raises :class:`RecordUnreadable` if the
    rejection, or the manifest that decides about it, cannot be read.
    """
    folder = partition_folder(lake, feed, partition)
    rejection = read_record(folder / REJECTION, Rejection.from_json, feed, partition)
    if rejection is None:
        return None
    manifest = read_manifest(lake, feed, partition)
    if rejection.after is not None:
        return rejection if rejection.after == (manifest.ingestion if manifest else "") else None
    return None if manifest is not None and _is_newer(folder / MANIFEST, folder / REJECTION) else rejection


def read_latest(lake: Path, feed: str, partition: str) -> Manifest | Rejection | None:
    """What counts of a partition: its rejection if it has one, else its manifest, else nothing.

    Raises :class:`RecordUnreadable` as :func:`read_rejection` and :func:`read_manifest` do.
    """
    return read_rejection(lake, feed, partition) or read_manifest(lake, feed, partition)


def _is_newer(manifest: Path, rejection: Path) -> bool:
    try:
        return manifest.stat().st_mtime_ns > rejection.stat().st_mtime_ns
    except FileNotFoundError:
        # taken away by the ingestion that made it obsolete
        return True
