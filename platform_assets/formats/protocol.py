"""What a format of files has to offer, and how the one that a contract names is found.

A new format is one module with an object that is a :class:`Format`, announced by an entry point of the group
``platform_assets.formats`` under the word that a contract's ``servers[].format`` then takes; docs/extending.md shows
one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

import duckdb

from platform_assets.announced import FORMATS, announced
from platform_assets.contracts.model import Contract, FileKind
from platform_assets.formats.plain_files import PlainFile, plain_file
from platform_assets.formats.source import Source
from platform_assets.formats.unpacking import Unpacking
from platform_assets.lake.deliveries import FileVersion
from platform_assets.lake.errors import DeliveryRejected
from platform_assets.lake.quarantine import QuarantineWriter

BUILT_IN = {
    FileKind.CSV: "platform_assets.formats.csv.format",
    FileKind.JSONL: "platform_assets.formats.json.format",
    FileKind.PARQUET: "platform_assets.formats.parquet.format",
}


@dataclass(frozen=True)
class Place:
    """Where and by what a delivery is read.

    ``work`` is a folder that is removed afterwards, ``quarantine`` takes the rows that are none, ``unpacking`` bounds
    what is decompressed, ``for_sql`` gives a path of a file that can stand in SQL.
    """

    contract: Contract
    engine: duckdb.DuckDBPyConnection
    work: Path
    unpacking: Unpacking
    quarantine: QuarantineWriter
    for_sql: Callable[[Path], Path]


@dataclass(frozen=True)
class Prepared:
    """A delivered file, looked at.

    ``size`` is in bytes, unpacked; ``content_hash`` is the SHA-256 of the delivered bytes. Files of the same ``kind``
    that follow each other may be read as one. ``opened`` is the format's own.
    """

    file: FileVersion
    size: int
    kind: tuple[object, ...]
    content_hash: str
    opened: Any


class Format(Protocol):
    """One format of files. An object of it holds no state."""

    def prepare(self, place: Place, file: FileVersion) -> Prepared:
        """Verify the file and read its head. Raises ``DeliveryRejected`` if it is none of this format."""
        ...

    def ways(self, place: Place, group: Sequence[Prepared], copy: Path) -> Sequence[Callable[[], Source]]:
        """Ways to open the files as one source, the quickest first.

        The next is taken when one raises ``StructureDoubt``, or its rows turn out not to be those that were counted.
        A file may be written at ``copy``, or beside it under a name that begins so.
        """
        ...

    def fault(self, place: Place, prepared: Prepared, source: Source, why: str) -> DeliveryRejected | None:
        """What is wrong with a file whose ``source`` could not be read, if the format knows better than ``why``."""
        ...


class TextFormat:
    """What formats of text have in common: files are decompressed and transcoded first."""

    def plain(self, place: Place, file: FileVersion) -> PlainFile:
        """The file as plain UTF-8, under a path that can stand in SQL."""
        plain = plain_file(file, place.contract.format.encoding, place.work, place.unpacking)
        return replace(plain, path=place.for_sql(plain.path))

    def prepare(self, place: Place, file: FileVersion) -> Prepared:
        """The file as plain text; all files of a delivery are of one kind."""
        plain = self.plain(place, file)
        return Prepared(file, plain.size, (), plain.content_hash, plain)

    def fault(self, place: Place, prepared: Prepared, source: Source, why: str) -> DeliveryRejected | None:  # noqa: ARG002
        """Nothing more is known of a text."""
        return None


def format_of(kind: str) -> Format:
    """The format that a contract calls ``kind``.

    Raises LookupError if it is neither built in nor announced, which the reading of the contract has ruled out.
    """
    if kind in BUILT_IN:
        return cast(Format, import_module(BUILT_IN[FileKind(kind)]).FORMAT)
    entry = announced(FORMATS).get(kind)
    if entry is None:
        raise LookupError(f"no format {kind!r} in the entry points of {FORMATS}")
    return cast(Format, entry.load())
