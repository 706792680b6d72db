"""Parquet files made byte by byte: types that no writer at hand writes any more, or should never have written.

One row group, one uncompressed data page of plain values a column. Physical values are given, not logical ones.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

BOOLEAN, INT32, INT64, INT96, FLOAT, DOUBLE, BYTE_ARRAY, FIXED = range(8)
REQUIRED, OPTIONAL, REPEATED = range(3)
UTF8, MAP, MAP_KEY_VALUE, LIST, ENUM, DECIMAL, DATE, TIME_MILLIS, TIME_MICROS, TIMESTAMP_MILLIS, TIMESTAMP_MICROS = (
    range(11)
)
UINT_8, UINT_16, UINT_32, UINT_64, INT_8, INT_16, INT_32, INT_64, JSON, BSON, INTERVAL = range(11, 22)

_BYTE, _I32, _I64, _BINARY, _LIST, _STRUCT = 3, 5, 6, 8, 9, 12


@dataclass(frozen=True)
class Byte:
    """A thrift byte, which has another tag than an integer."""

    value: int


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _zigzag(value: int) -> bytes:
    return _varint(value << 1 if value >= 0 else (-value << 1) - 1)


def thrift(fields: dict[int, Any]) -> bytes:
    """A struct of the compact protocol: an int is an i32 (an i64 when given as ``(int,)``), a list is of structs,
    bytes or i32, a dict is a struct."""
    out, last = bytearray(), 0
    for number, value in sorted(fields.items()):
        if isinstance(value, bool):
            tag, body = (1 if value else 2), b""
        elif isinstance(value, Byte):
            tag, body = _BYTE, struct.pack("b", value.value)
        elif isinstance(value, int):
            tag, body = _I32, _zigzag(value)
        elif isinstance(value, tuple):
            tag, body = _I64, _zigzag(value[0])
        elif isinstance(value, bytes):
            tag, body = _BINARY, _varint(len(value)) + value
        elif isinstance(value, dict):
            tag, body = _STRUCT, thrift(value)
        else:
            tag, body = _LIST, _list(value)
        step = number - last
        out += bytes([step << 4 | tag]) if step < 16 else bytes([tag]) + _zigzag(number)
        out += body
        last = number
    return bytes(out) + b"\0"


def _list(items: Sequence[Any]) -> bytes:
    kind = _STRUCT if isinstance(items[0], dict) else _BINARY if isinstance(items[0], bytes) else _I32
    head = bytes([len(items) << 4 | kind]) if len(items) < 15 else bytes([0xF0 | kind]) + _varint(len(items))
    write = {_STRUCT: thrift, _BINARY: lambda item: _varint(len(item)) + item, _I32: _zigzag}[kind]
    return head + b"".join(write(item) for item in items)


@dataclass(frozen=True)
class Leaf:
    """A column: ``values`` are physical and not null; ``definition`` and ``repetition`` are levels of each entry."""

    name: str
    type: int
    values: Sequence[Any]
    converted: int | None = None
    logical: dict[int, Any] | None = None
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    kind: int = REQUIRED
    definition: Sequence[int] | None = None
    repetition: Sequence[int] | None = None


@dataclass(frozen=True)
class Group:
    """A struct, list or map."""

    name: str
    children: Sequence[Leaf | Group]
    converted: int | None = None
    logical: dict[int, Any] | None = None
    kind: int = OPTIONAL


@dataclass
class _Written:
    elements: list[dict[int, Any]] = field(default_factory=list)
    chunks: list[dict[int, Any]] = field(default_factory=list)
    body: bytearray = field(default_factory=lambda: bytearray(b"PAR1"))


def parquet_bytes(columns: Sequence[Leaf | Group], rows: int) -> bytes:
    """The file."""
    written = _Written()
    written.elements.append({4: b"schema", 5: len(columns)})
    for column in columns:
        _add(written, column, (), 0, 0)
    size = sum(chunk[3][7][0] for chunk in written.chunks)
    group = {1: written.chunks, 2: (size,), 3: (rows,)}
    footer = thrift({1: 1, 2: written.elements, 3: (rows,), 4: [group], 6: b"by hand"})
    return bytes(written.body) + footer + struct.pack("<I", len(footer)) + b"PAR1"


def _add(written: _Written, column: Leaf | Group, above: tuple[bytes, ...], definition: int, repetition: int) -> None:
    element: dict[int, Any] = {3: column.kind, 4: column.name.encode()}
    if column.converted is not None:
        element[6] = column.converted
    if column.logical is not None:
        element[10] = column.logical
    definition += column.kind != REQUIRED
    repetition += column.kind == REPEATED
    path = (*above, column.name.encode())
    if isinstance(column, Group):
        element[5] = len(column.children)
        written.elements.append(element)
        for child in column.children:
            _add(written, child, path, definition, repetition)
        return
    element[1] = column.type
    for number, value in ((2, column.length), (7, column.scale), (8, column.precision)):
        if value is not None:
            element[number] = value
    written.elements.append(element)
    entries = len(column.values) if column.definition is None else len(column.definition)
    levels = b""
    if repetition:
        levels += _levels(column.repetition or [0] * entries, repetition)
    if definition:
        levels += _levels(column.definition or [definition] * entries, definition)
    page = levels + _plain(column)
    head = thrift({1: 0, 2: len(page), 3: len(page), 5: {1: entries, 2: 0, 3: 3, 4: 3}})
    offset = len(written.body)
    written.body += head + page
    total = (len(head) + len(page),)
    meta = {1: column.type, 2: [0, 3], 3: list(path), 4: 0, 5: (entries,), 6: total, 7: total, 9: (offset,)}
    written.chunks.append({2: (offset,), 3: meta})


def _levels(levels: Sequence[int], highest: int) -> bytes:
    width = (highest.bit_length() + 7) // 8
    body = b"".join(_varint(2) + level.to_bytes(width, "little") for level in levels)
    return struct.pack("<I", len(body)) + body


def _plain(column: Leaf) -> bytes:
    if column.type == BOOLEAN:
        bits = sum(1 << at for at, value in enumerate(column.values) if value)
        return bits.to_bytes((len(column.values) + 7) // 8, "little")
    if column.type == BYTE_ARRAY:
        return b"".join(struct.pack("<I", len(value)) + value for value in column.values)
    if column.type in (FIXED, INT96):
        return b"".join(column.values)
    form = {INT32: "<i", INT64: "<q", FLOAT: "<f", DOUBLE: "<d"}[column.type]
    return b"".join(struct.pack(form, value) for value in column.values)


def whole(width: int, signed: bool) -> dict[int, Any]:
    return {10: {1: Byte(width), 2: signed}}


def decimal(precision: int, scale: int) -> dict[int, Any]:
    return {5: {1: scale, 2: precision}}


def moment(unit: str, utc: bool) -> dict[int, Any]:
    return {8: {1: utc, 2: {{"ms": 1, "us": 2, "ns": 3}[unit]: {}}}}


def time(unit: str, utc: bool) -> dict[int, Any]:
    return {7: {1: utc, 2: {{"ms": 1, "us": 2, "ns": 3}[unit]: {}}}}


def big_endian(value: int, size: int) -> bytes:
    return value.to_bytes(size, "big", signed=True)


def int96(day: int, nanos: int) -> bytes:
    return struct.pack("<qi", nanos, day)
