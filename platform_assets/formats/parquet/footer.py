"""A Parquet file's own schema, read from its footer, and a copy of a file with another schema over the same pages.

DuckDB reads some declared types as others, and cannot be asked for the values as they are stored. A copy whose
footer says less has the stored values: see ``parquet_types`` for which, and for what is made of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from platform_assets.failures import Kind, PlatformError
from platform_assets.formats.parquet.thrift import BINARY, I32, Reader, Struct, ThriftFault, written
from platform_assets.formats.plain_files import CHUNK, open_regular

MAGIC = b"PAR1"
TAIL = 8
SCHEMA, ROWS, ROW_GROUPS = 2, 3, 4
"""Fields of FileMetaData."""
TYPE, LENGTH, REPETITION, NAME, CHILDREN, CONVERTED, SCALE, PRECISION, LOGICAL = 1, 2, 3, 4, 5, 6, 7, 8, 10
"""Fields of SchemaElement."""
COLUMNS, META, META_TYPE, STATISTICS = 1, 3, 1, 12
"""Fields of RowGroup, ColumnChunk and ColumnMetaData."""
PHYSICAL = ("BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")
MAX_FOOTER = 64 << 20
"""Bytes; it is read into Python objects. A footer of 100,000 columns has a tenth of it."""

Change = Mapping[int, int | bytes | None]
"""New values of a SchemaElement's fields; ``None`` takes a field away."""


class FooterFault(PlatformError):
    """The file has no footer of a Parquet file; the text says what was found."""

    kind = Kind.REJECTED
    code = "parquet:footer"


@dataclass
class Element:
    """One column, or one group of columns. ``index`` is its place among the elements of the footer."""

    index: int
    name: str
    raw: Struct
    children: list[Element] = field(default_factory=list)

    @property
    def physical(self) -> str | None:
        """The stored type; ``None`` for a group."""
        number = self.raw.get(TYPE)
        return None if number is None else PHYSICAL[number] if 0 <= number < len(PHYSICAL) else f"type {number}"

    @property
    def repeated(self) -> bool:
        return bool(self.raw.get(REPETITION) == 2)

    def number(self, which: int) -> int | None:
        value = self.raw.get(which)
        return value if isinstance(value, int) else None

    def leaves(self) -> Iterator[Element]:
        """The columns below, in their order; itself when it is one."""
        if self.physical is not None:
            yield self
        for child in self.children:
            yield from child.leaves()

    def groups(self) -> Iterator[Element]:
        if self.physical is None:
            yield self
            for child in self.children:
                yield from child.groups()


@dataclass(frozen=True)
class Footer:
    """``columns`` are the elements below the root, ``schema`` the bytes that all of this was read from.

    ``path`` is the delivered file's, ``for_sql`` one of the same file that can stand in SQL, where that is another.
    """

    path: Path
    columns: tuple[Element, ...]
    rows: int
    schema: bytes
    for_sql: Path | None = None


def read_footer(path: Path) -> Footer:
    """The schema in the file's footer; :class:`FooterFault` when there is none."""
    data, _ = _bytes(path)
    try:
        top = Reader(data).struct(upto=ROWS)
        columns = _tree(top.items(SCHEMA))
        return Footer(path, columns, int(top.get(ROWS)), written(Struct({SCHEMA: top.fields[SCHEMA]})))
    except (ThriftFault, UnicodeDecodeError, AttributeError, TypeError) as error:
        raise FooterFault(f"its footer cannot be read ({error})") from None


def amended(path: Path, changes: Mapping[int, Change], target: Path) -> None:
    """Write the file again with other schema elements (by their index); pages and their places stay."""
    data, start = _bytes(path)
    try:
        body = _with_changes(Reader(data).struct(), changes)
    except (ThriftFault, IndexError, AttributeError, TypeError) as error:
        raise FooterFault(f"its footer is not that of a Parquet file ({error})") from None
    with open_regular(path) as source, target.open("wb", 0) as copy:
        _copy(source.fileno(), copy.fileno(), start)
        copy.write(body + len(body).to_bytes(4, "little") + MAGIC)


def _with_changes(footer: Struct, changes: Mapping[int, Change]) -> bytes:
    elements = footer.items(SCHEMA)
    for index, change in changes.items():
        for number, value in change.items():
            if value is None:
                elements[index].fields.pop(number, None)
            else:
                elements[index].fields[number] = (BINARY if isinstance(value, bytes) else I32, value)
    leaves = [index for index, element in enumerate(elements) if TYPE in element.fields]
    for group in footer.items(ROW_GROUPS):
        for at, chunk in enumerate(group.items(COLUMNS)):
            meta = chunk.get(META)
            if meta is not None and leaves[at] in changes:
                # the bounds of values that were written under another type are none of this one
                meta.fields.pop(STATISTICS, None)
                meta.fields[META_TYPE] = (I32, elements[leaves[at]].get(TYPE))
    return written(footer)


def _copy(source: int, target: int, size: int) -> None:
    while size > 0:
        # in the kernel, and without a copy at all where the file system shares blocks
        try:
            done = os.copy_file_range(source, target, min(size, 1 << 30))
        except OSError:
            done = os.write(target, os.read(source, min(size, CHUNK)))
        if done == 0:
            raise FooterFault("it has become shorter while it was read")
        size -= done


def _bytes(path: Path) -> tuple[bytes, int]:
    """The footer's bytes and where they begin."""
    with open_regular(path) as file:
        size = file.seek(0, os.SEEK_END)
        if size < len(MAGIC) + TAIL:
            raise FooterFault(f"it has {size} bytes, too few for a Parquet file")
        file.seek(size - TAIL)
        tail = file.read(TAIL)
        if tail[4:] == b"PARE":
            raise FooterFault("its footer is encrypted")
        if tail[4:] != MAGIC:
            raise FooterFault("it does not end like a Parquet file; is it complete?")
        length = int.from_bytes(tail[:4], "little")
        start = size - TAIL - length
        if length > MAX_FOOTER or start < len(MAGIC):
            raise FooterFault(f"its footer should have {length} bytes, but the file has {size}")
        file.seek(start)
        data = file.read(length)
    return data, start


def _tree(elements: list[Struct]) -> tuple[Element, ...]:
    if not elements:
        raise ThriftFault("there is no schema")
    position = 0

    def take(depth: int) -> Element:
        nonlocal position
        if position >= len(elements) or depth > 200:
            raise ThriftFault("its schema has no such shape")
        raw = elements[position]
        name: Any = raw.fields.get(NAME, (BINARY, b""))[1]
        element = Element(position, name.decode("utf-8"), raw)
        position += 1
        if TYPE not in raw.fields:
            element.children = [take(depth + 1) for _ in range(raw.get(CHILDREN, 0))]
        return element

    root = take(0)
    if position != len(elements):
        raise ThriftFault("its schema has no such shape")
    return tuple(root.children)
