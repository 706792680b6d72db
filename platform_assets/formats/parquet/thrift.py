"""Thrift's compact protocol, as far as the footer of a Parquet file needs it: structs read and written again.

What the fields mean is not known here. See https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from platform_assets.failures import Kind, PlatformError

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
MAX_DEPTH = 64
"""Structs inside each other; a footer has fewer than ten."""


class ThriftFault(PlatformError):
    """The bytes are no struct of the compact protocol."""

    kind = Kind.REJECTED
    code = "parquet:thrift"


@dataclass
class Struct:
    """``fields`` gives for each field's number its type and its value, as it was written: a number, bytes, a
    ``Struct``, or for lists the items' type and the items."""

    fields: dict[int, tuple[int, Any]]

    def get(self, number: int, default: Any = None) -> Any:
        return self.fields[number][1] if number in self.fields else default

    def items(self, number: int) -> list[Any]:
        """The items of a list; none when it is not there."""
        kind, value = self.fields.get(number, (LIST, (I32, [])))
        if kind != LIST:
            raise ThriftFault(f"field {number} is no list")
        items: list[Any] = value[1]
        return items


class Reader:
    """Reads one struct of ``data``; ``position`` is where it ended."""

    def __init__(self, data: bytes) -> None:
        self.data, self.position = data, 0

    def struct(self, upto: int | None = None, depth: int = 0) -> Struct:
        """The struct at the position; reading stops before the first field above ``upto``."""
        if depth > MAX_DEPTH:
            raise ThriftFault(f"structs more than {MAX_DEPTH} deep")
        found, number = Struct({}), 0
        while (head := self._byte()) != 0:
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            if upto is not None and number > upto:
                return found
            kind = head & 15
            value = kind == TRUE if kind in (TRUE, FALSE) else self._value(kind, depth)
            found.fields[number] = (kind, value)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise ThriftFault(f"values more than {MAX_DEPTH} deep")
        if kind in (TRUE, FALSE):
            return self._byte() == TRUE
        if kind == BYTE:
            return int.from_bytes(self._take(1), "little", signed=True)
        if kind in (I16, I32, I64):
            return self._zigzag()
        if kind == DOUBLE:
            return self._take(8)
        if kind == BINARY:
            return self._take(self._varint())
        if kind in (LIST, SET):
            head = self._byte()
            size = head >> 4 if head >> 4 < 15 else self._varint()
            if size > len(self.data) - self.position:
                raise ThriftFault("a list that is longer than the footer")
            return head & 15, [self._value(head & 15, depth + 1) for _ in range(size)]
        if kind == STRUCT:
            return self.struct(depth=depth + 1)
        raise ThriftFault(f"a value of type {kind}")

    def _byte(self) -> int:
        if self.position >= len(self.data):
            raise ThriftFault("it ends before its end")
        self.position += 1
        return self.data[self.position - 1]

    def _take(self, size: int) -> bytes:
        if size > len(self.data) - self.position:
            raise ThriftFault("it ends before its end")
        self.position += size
        return self.data[self.position - size : self.position]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise ThriftFault("a number of more than 64 bits")

    def _zigzag(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)


def written(struct: Struct, without: Collection[int] = ()) -> bytes:
    """The struct's bytes, fields in the order of their numbers."""
    out, last = bytearray(), 0
    for number in sorted(struct.fields):
        if number in without:
            continue
        kind, value = struct.fields[number]
        step = number - last
        kind = (TRUE if value else FALSE) if kind in (TRUE, FALSE) else kind
        out += bytes([step << 4 | kind]) if 0 < step < 16 else bytes([kind]) + _zigzag(number)
        if kind not in (TRUE, FALSE):
            out += _written(kind, value)
        last = number
    return bytes(out) + b"\0"


def _written(kind: int, value: Any) -> bytes:
    if kind in (TRUE, FALSE):
        return bytes([TRUE if value else FALSE])
    if kind == BYTE:
        return int(value).to_bytes(1, "little", signed=True)
    if kind in (I16, I32, I64):
        return _zigzag(value)
    if kind == BINARY:
        return _varint(len(value)) + value
    if kind == STRUCT:
        return written(value)
    if kind == DOUBLE:
        return bytes(value)
    item, items = value
    head = bytes([len(items) << 4 | item]) if len(items) < 15 else bytes([0xF0 | item]) + _varint(len(items))
    return head + b"".join(_written(item, one) for one in items)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _zigzag(value: int) -> bytes:
    return _varint(value << 1 if value >= 0 else (-value << 1) - 1)
