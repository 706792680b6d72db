"""A table of every stored and declared type of Parquet at its edges, for ``test_parquet_types``.

What is expected is written out by hand from the format's specification, so nothing here asks the reader under test.
What pyarrow and DuckDB write is in ``test_parquet_writers``.
"""

from __future__ import annotations

import datetime as dt
import math
import struct
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from tests.formats import parquet_bytes as pb
from tests.formats.parquet_bytes import Leaf, big_endian, decimal, int96, moment, time, whole

BAD = object()
"""The row is quarantined with ``type:v``."""
BIG = 2**63 - 1

INTEGER = {"logicalType": "integer"}
DOUBLE = {"logicalType": "number"}
TEXT = {"logicalType": "string"}
BOOLEAN = {"logicalType": "boolean"}
DATE = {"logicalType": "date"}
LOCAL = {"logicalType": "timestamp"}
ZONED = {"logicalType": "timestamp", "logicalTypeOptions": {"timezone": True}}
OBJECT = {"logicalType": "object"}


def number(precision: int, scale: int) -> dict[str, Any]:
    return {"logicalType": "number", "physicalType": f"DECIMAL({precision},{scale})"}


def scaled(number: int, scale: int) -> Decimal:
    return Decimal((int(number < 0), tuple(map(int, str(abs(number)))), -scale))


def local(micros: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=micros)  # noqa: DTZ001


def zoned(micros: int) -> dt.datetime:
    return local(micros).replace(tzinfo=dt.UTC)


STRING, ENUM, JSON, BSON, UUID, FLOAT16, DAY, NOTHING = ({n: {}} for n in (1, 4, 12, 13, 14, 15, 6, 11))
MICROS = 1_357_095_845_123_456
TABLE: list[tuple[str, Leaf, dict[str, Any], list[Any]]] = []
REFUSED: list[tuple[str, Leaf, dict[str, Any], str]] = []


def takes(name: str, leaf: Leaf, column: dict[str, Any], expected: Sequence[Any]) -> None:
    TABLE.append((name, leaf, column, list(expected)))


def refuses(name: str, leaf: Leaf, column: dict[str, Any], code: str) -> None:
    REFUSED.append((name, leaf, column, code))


for signed in (True, False):
    for width in (8, 16, 32, 64):
        kind = pb.INT64 if width == 64 else pb.INT32
        low, high = (-(1 << width - 1), (1 << width - 1) - 1) if signed else (0, (1 << width) - 1)
        stored, wanted = [low, high], [low, high]
        if not signed and width >= 32:
            # the bits of the highest number
            stored = [0, -1]
        if width < 32:
            stored, wanted = [*stored, low - 1, high + 1], [*wanted, BAD, BAD]
        old = getattr(pb, f"{'' if signed else 'U'}INT_{width}")
        target = number(20, 0) if width == 64 else INTEGER
        wanted = list(map(Decimal, wanted)) if width == 64 else wanted
        both = {"old": (old, None), "new": (None, whole(width, signed)), "both": (old, whole(width, signed))}
        for spelling, (converted, logical) in both.items():
            leaf = Leaf("v", kind, stored, converted=converted, logical=logical)
            takes(f"{'' if signed else 'u'}int{width}, {spelling}", leaf, target, wanted)
takes("uint64 above what a BIGINT holds", Leaf("v", pb.INT64, [1, -1], converted=pb.UINT_64), INTEGER, [1, BAD])
takes("int32", Leaf("v", pb.INT32, [-(2**31), 2**31 - 1]), INTEGER, [-(2**31), 2**31 - 1])
takes("int64", Leaf("v", pb.INT64, [-BIG - 1, BIG]), INTEGER, [-BIG - 1, BIG])
takes("int64 that no double is", Leaf("v", pb.INT64, [2**53, 2**53 + 1]), DOUBLE, [float(2**53), BAD])
refuses("int8 in int64", Leaf("v", pb.INT64, [1], logical=whole(8, True)), INTEGER, "drift:type")
refuses("int8 in int64, old", Leaf("v", pb.INT64, [1], converted=pb.INT_8), INTEGER, "drift:type")
refuses("int64 in int32", Leaf("v", pb.INT32, [1], converted=pb.INT_64), INTEGER, "drift:type")
refuses("two widths", Leaf("v", pb.INT32, [1], converted=pb.INT_8, logical=whole(16, True)), INTEGER, "drift:type")

for spelling in ("old", "new", "both"):
    for precision, scale in ((1, 0), (4, 2), (9, 2), (9, 9), (18, 2), (38, 2), (38, 38)):
        details: dict[str, Any] = {} if spelling == "old" else {"logical": decimal(precision, scale)}
        if spelling != "new":
            details |= {"converted": pb.DECIMAL, "precision": precision, "scale": scale}
        top = 10**precision - 1
        wanted = [scaled(n, scale) for n in (0, 1, -1, top, -top)]
        with_more = [0, 1, -1, top, -top, top + 1, -top - 1]
        column = number(precision, scale)
        label = f"decimal({precision},{scale}), {spelling}"
        if precision <= 9:
            edges = [*with_more, 2**31 - 1, -(2**31)]
            takes(f"{label}, int32", Leaf("v", pb.INT32, edges, **details), column, wanted + [BAD] * 4)
        if precision <= 18:
            edges = [*with_more, BIG, -BIG - 1]
            takes(f"{label}, int64", Leaf("v", pb.INT64, edges, **details), column, wanted + [BAD] * 4)
        size = {1: 1, 4: 2, 9: 4, 18: 8, 38: 16}[precision]
        edges = [big_endian(n, size) for n in with_more]
        takes(f"{label}, fixed", Leaf("v", pb.FIXED, edges, length=size, **details), column, [*wanted, BAD, BAD])
        takes(f"{label}, bytes", Leaf("v", pb.BYTE_ARRAY, edges, **details), column, [*wanted, BAD, BAD])
        wide = [big_endian(n, 20) for n in with_more[:5]]
        takes(f"{label}, 20 bytes", Leaf("v", pb.FIXED, wide, length=20, **details), column, wanted)
    for precision, scale in ((39, 2), (76, 10), (5, 7), (5, -2), (0, 0)):
        details = {} if spelling == "old" else {"logical": decimal(precision, scale)}
        if spelling != "new":
            details |= {"converted": pb.DECIMAL, "precision": precision, "scale": scale}
        for name, leaf in {
            "int32": Leaf("v", pb.INT32, [12345], **details),
            "fixed": Leaf("v", pb.FIXED, [big_endian(7_953_299, 32)], length=32, **details),
            "bytes": Leaf("v", pb.BYTE_ARRAY, [big_endian(7_953_299, 20)], **details),
        }.items():
            for target in (DOUBLE, number(38, 2)):
                refuses(f"decimal({precision},{scale}), {spelling}, {name}", leaf, target, "drift:type")
OLD_DECIMAL: dict[str, Any] = {"converted": pb.DECIMAL, "precision": 9, "scale": 2}
takes(
    "decimal without its scale",
    Leaf("v", pb.INT32, [12345], converted=pb.DECIMAL, precision=5),
    number(5, 0),
    [Decimal(12345)],
)
takes("decimal as double", Leaf("v", pb.INT32, [12345, -1], **OLD_DECIMAL), DOUBLE, [123.45, -0.01])
takes("decimal as integer", Leaf("v", pb.INT32, [12300, 12345], **OLD_DECIMAL), INTEGER, [123, BAD])
takes(
    "long decimal as double",
    Leaf("v", pb.FIXED, [big_endian(n * 10**29, 16) for n in (3, 1)], length=16, logical=decimal(38, 30)),
    DOUBLE,
    [0.3, 0.1],
)
refuses("decimal of two scales", Leaf("v", pb.INT32, [1], logical=decimal(9, 3), **OLD_DECIMAL), DOUBLE, "drift:type")
refuses("decimal of two lengths", Leaf("v", pb.INT32, [1], logical=decimal(8, 2), **OLD_DECIMAL), DOUBLE, "drift:type")
refuses("decimal in a double", Leaf("v", pb.DOUBLE, [1.5], **OLD_DECIMAL), DOUBLE, "drift:type")
takes(
    "decimal that no text is of",
    Leaf("v", pb.BYTE_ARRAY, [big_endian(2**127, 17), b"\5"], converted=pb.DECIMAL, precision=38, scale=0),
    number(38, 0),
    [BAD, Decimal(5)],
)
refuses(
    "decimal of too many digits",
    Leaf("v", pb.BYTE_ARRAY, [big_endian(2**130, 17)], converted=pb.DECIMAL, precision=38, scale=0),
    number(38, 0),
    "structure:values",
)

for unit, per in (("ms", 1000), ("us", 1), ("ns", 0)):
    for utc in (False, True):
        column, make = (ZONED, zoned) if utc else (LOCAL, local)
        if unit == "ns":
            stored = [0, 1000, -1000, MICROS * 1000, 1, -1, MICROS * 1000 + 1, BIG, -BIG, -BIG - 1]
            wanted = [make(0), make(1), make(-1), make(MICROS)] + [BAD] * 6
        else:
            stored = [0, 1, -1, MICROS // per, BIG, -BIG]
            wanted = [make(0), make(per), make(-per), make(MICROS // per * per), BAD, BAD]
        if unit == "us":
            stored, wanted = [*stored, -BIG - 1], [*wanted, BAD]
        takes(f"timestamp {unit}, utc {utc}", Leaf("v", pb.INT64, stored, logical=moment(unit, utc)), column, wanted)
        other = LOCAL if utc else ZONED
        refuses(
            f"timestamp {unit}, utc {utc}", Leaf("v", pb.INT64, [0], logical=moment(unit, utc)), other, "drift:type"
        )
        leaf = Leaf("v", pb.INT32, [0], logical=moment(unit, utc))
        refuses(f"timestamp {unit} in int32, utc {utc}", leaf, column, "drift:type")
        if unit == "ms":
            leaf = Leaf("v", pb.INT64, [0, 10**16], logical=moment(unit, utc))
            refuses(f"timestamp ms past all years, utc {utc}", leaf, column, "structure:values")
for name, old, per in (("ms", pb.TIMESTAMP_MILLIS, 1000), ("us", pb.TIMESTAMP_MICROS, 1)):
    leaf = Leaf("v", pb.INT64, [0, -1, MICROS // per, BIG], converted=old)
    for column, make in ((ZONED, zoned), (LOCAL, local)):
        takes(
            f"timestamp {name}, old{' as local' if column is LOCAL else ''}",
            leaf,
            column,
            [make(0), make(-per), make(MICROS // per * per), BAD],
        )
refuses(
    "timestamp in two units",
    Leaf("v", pb.INT64, [1000], converted=pb.TIMESTAMP_MILLIS, logical=moment("us", True)),
    ZONED,
    "drift:type",
)
DAY_2013 = 2_456_294
takes(
    "int96",
    Leaf("v", pb.INT96, [
        int96(2_440_588, 0), int96(DAY_2013, 86_399_999_999_000), int96(2_440_488, 1000), int96(1_721_426, 0),
        int96(5_373_484, 0), int96(DAY_2013, 1), int96(DAY_2013, 86_400_000_000_000), int96(DAY_2013, -1000),
        int96(2**31 - 1, 0), int96(-1, 0),
    ]),
    LOCAL,
    [
        local(0), dt.datetime(2013, 1, 1, 23, 59, 59, 999_999), local(-100 * 86_400_000_000 + 1),  # noqa: DTZ001
        dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31), BAD, BAD, BAD, BAD, BAD,  # noqa: DTZ001
    ],
)  # fmt: skip
for spelling, extra in (("old", {"converted": pb.DATE}), ("new", {"logical": DAY})):
    stored = [0, -1, 15_706, 2_932_896, 2**31 - 1, -(2**31) + 1]
    dates = [dt.date(1970, 1, 1), dt.date(1969, 12, 31), dt.date(2013, 1, 1), dt.date(9999, 12, 31)]
    takes(f"date, {spelling}", Leaf("v", pb.INT32, stored, **extra), DATE, [*dates, BAD, BAD])
    at = [dt.datetime.combine(day, dt.time()) for day in dates]
    takes(f"date as timestamp, {spelling}", Leaf("v", pb.INT32, stored, **extra), LOCAL, [*at, BAD, BAD])
    refuses(f"date as integer, {spelling}", Leaf("v", pb.INT32, [15_706], **extra), INTEGER, "drift:type")
    refuses(f"date in int64, {spelling}", Leaf("v", pb.INT64, [15_706], **extra), DATE, "drift:type")

halves = [struct.pack("<e", n) for n in (1.5, 65504.0, 6e-8, -0.0, -2.5, math.inf, math.nan)]
takes(
    "float16", Leaf("v", pb.FIXED, halves, length=2, logical=FLOAT16), DOUBLE,
    [1.5, 65504.0, struct.unpack("<e", halves[2])[0], -0.0, -2.5, BAD, BAD],
)  # fmt: skip
refuses("float16 of 4 bytes", Leaf("v", pb.FIXED, [b"abcd"], length=4, logical=FLOAT16), DOUBLE, "drift:type")
single = struct.unpack("<f", struct.pack("<f", 0.1))[0]
takes("float", Leaf("v", pb.FLOAT, [1.5, 0.1, -0.0, math.inf, math.nan]), DOUBLE, [1.5, single, -0.0, BAD, BAD])
takes(
    "double",
    Leaf("v", pb.DOUBLE, [5e-324, 1.7e308, -0.0, math.nan, -math.inf]),
    DOUBLE,
    [5e-324, 1.7e308, -0.0, BAD, BAD],
)
takes(
    "double as decimal",
    Leaf("v", pb.DOUBLE, [0.1, 1e-7, 1e22]),
    number(38, 15),
    [Decimal("0.1"), Decimal("1e-7"), Decimal(10**22)],
)
takes("double as a long decimal", Leaf("v", pb.DOUBLE, [0.1, -0.3]), number(38, 30), [Decimal("0.1"), Decimal("-0.3")])
takes("double as integer", Leaf("v", pb.DOUBLE, [7.0, 7.5, 2.0**63]), INTEGER, [7, BAD, BAD])
takes("boolean", Leaf("v", pb.BOOLEAN, [True, False, True]), BOOLEAN, [True, False, True])

for name, old, logical in (("text", pb.UTF8, STRING), ("enum", pb.ENUM, ENUM), ("json", pb.JSON, JSON)):
    for spelling, extra in (
        ("old", {"converted": old}),
        ("new", {"logical": logical}),
        ("both", {"converted": old, "logical": logical}),
    ):
        stored = [b"", "日本".encode(), b"a\0b", b'{"a": 1.10}']
        takes(
            f"{name}, {spelling}", Leaf("v", pb.BYTE_ARRAY, stored, **extra), TEXT, ["", "日本", "a\0b", '{"a": 1.10}']
        )
        takes(
            f"{name} as JSON, {spelling}",
            Leaf("v", pb.BYTE_ARRAY, stored, **extra),
            OBJECT,
            [BAD, BAD, BAD, '{"a": 1.10}'],
        )
        for broken in () if spelling == "new" else (b"caf\xe9", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80"):
            leaf = Leaf("v", pb.BYTE_ARRAY, [b"good", broken], **extra)
            refuses(f"{name} that is no UTF-8 ({broken!r}), {spelling}", leaf, TEXT, "structure:values")
refuses("text in int32", Leaf("v", pb.INT32, [5], converted=pb.UTF8), TEXT, "drift:type")
refuses("text in int32, new", Leaf("v", pb.INT32, [5], logical=STRING), INTEGER, "drift:type")
refuses("bytes for a number", Leaf("v", pb.BYTE_ARRAY, [b"12"]), INTEGER, "drift:type")
refuses("fixed bytes", Leaf("v", pb.FIXED, [b"abc"], length=3), TEXT, "drift:type")
takes(
    "uuid", Leaf("v", pb.FIXED, [bytes(range(16)), b"\xff" * 16], length=16, logical=UUID), TEXT,
    ["00010203-0405-0607-0809-0a0b0c0d0e0f", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
)  # fmt: skip
refuses("uuid of 8 bytes", Leaf("v", pb.FIXED, [bytes(8)], length=8, logical=UUID), TEXT, "drift:type")
for column in (TEXT, INTEGER, DATE, OBJECT, number(9, 2)):
    leaf = Leaf("v", pb.INT32, [], logical=NOTHING, kind=pb.OPTIONAL, definition=[0, 0])
    takes("nothing", leaf, column, [None, None])
    leaf = Leaf("v", pb.INT32, [], converted=24, kind=pb.OPTIONAL, definition=[0])
    takes("nothing, old", leaf, column, [None])
POINT = bytes.fromhex("0101000000000000000000f03f0000000000000040")
NO_TYPE = {
    "bson": Leaf("v", pb.BYTE_ARRAY, [b"\5\0\0\0\0"], converted=pb.BSON),
    "bson, new": Leaf("v", pb.BYTE_ARRAY, [b"\5\0\0\0\0"], logical=BSON),
    "interval": Leaf("v", pb.FIXED, [struct.pack("<III", 2**32 - 1, 2, 3)], length=12, converted=pb.INTERVAL),
    "geometry": Leaf("v", pb.BYTE_ARRAY, [POINT], logical={17: {}}),
    "geography": Leaf("v", pb.BYTE_ARRAY, [POINT], logical={18: {}}),
    "an annotation of the future": Leaf("v", pb.INT32, [5], logical={40: {}}),
    "time, old": Leaf("v", pb.INT32, [86_399_999], converted=pb.TIME_MILLIS),
    "time us, old": Leaf("v", pb.INT64, [-1], converted=pb.TIME_MICROS),
    "list of nothing": Leaf("v", pb.INT32, [5], converted=pb.LIST),
}  # fmt: skip
for unit in ("ms", "us", "ns"):
    for utc in (False, True):
        kind = pb.INT32 if unit == "ms" else pb.INT64
        NO_TYPE[f"time {unit}, utc {utc}"] = Leaf("v", kind, [-1, 5], logical=time(unit, utc))
for name, leaf in NO_TYPE.items():
    for column in (TEXT, INTEGER, LOCAL, OBJECT):
        refuses(name, leaf, column, "drift:type")
