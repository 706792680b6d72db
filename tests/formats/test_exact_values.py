"""A value is taken in its exact form or quarantined; it is never changed to make it fit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

UTC = dt.UTC
INTEGER = {"logicalType": "integer"}
DECIMAL = {"logicalType": "number", "physicalType": "DECIMAL(9,2)"}
DOUBLE = {"logicalType": "number"}
BOOLEAN = {"logicalType": "boolean"}
DATE = {"logicalType": "date"}
TIMESTAMP = {"logicalType": "timestamp"}
ZONED = {"logicalType": "timestamp", "logicalTypeOptions": {"timezone": True}}
NEW_YORK = {"logicalType": "timestamp", "logicalTypeOptions": {"defaultTimezone": "America/New_York"}}
GERMAN = {"logicalType": "date", "logicalTypeOptions": {"format": "dd.MM.yyyy"}}
TEXT = {"logicalType": "string"}


def written(column: dict[str, Any], decimal: str, thousands: str) -> dict[str, Any]:
    """A column of numbers with these signs."""
    signs = {"decimalSeparator": decimal, "thousandsSeparator": thousands}
    return {**column, "customProperties": [{"property": name, "value": sign} for name, sign in signs.items()]}


EURO, SWISS = written(DECIMAL, ",", "."), written(DOUBLE, "point", "apostrophe")
FRENCH, COMMA = written(INTEGER, "comma", "\N{NARROW NO-BREAK SPACE}"), written(DOUBLE, "comma", "none")
JSON = {"logicalType": "object"}


def local(*parts: int) -> dt.datetime:
    """A time without a zone."""
    return dt.datetime(*parts, tzinfo=UTC).replace(tzinfo=None)  # type: ignore[misc,arg-type]


LENGTHS = {"pattern": "^[A-Z]+$", "minLength": 2, "maxLength": 3}
TAKEN = [
    (INTEGER, "12", 12),
    (INTEGER, "-7", -7),
    (INTEGER, "0517", 517),
    (INTEGER, " 12 ", 12),
    (INTEGER, "-0", 0),
    (INTEGER, "9223372036854775807", 2**63 - 1),
    (INTEGER, "", None),
    (DECIMAL, "1.5", Decimal("1.50")),
    (DECIMAL, "1.500", Decimal("1.50")),
    (DECIMAL, "-0.01", Decimal("-0.01")),
    (DECIMAL, ".5", Decimal("0.50")),
    (DECIMAL, "7.", Decimal("7.00")),
    (DECIMAL, "0009.10", Decimal("9.10")),
    (DOUBLE, "0.1", 0.1),
    (DOUBLE, "1.50", 1.5),
    (DOUBLE, "1e3", 1000.0),
    (DOUBLE, "1E-7", 1e-7),
    (DOUBLE, "-.5", -0.5),
    (DOUBLE, "0.30000000000000004", 0.30000000000000004),
    (DOUBLE, "9007199254740992", 9007199254740992.0),
    (DOUBLE, "100000000000000000000", 1e20),
    (DOUBLE, "0.10000000000000000", 0.1),
    (DOUBLE, "0", 0.0),
    (DOUBLE, "1.7976931348623157e308", 1.7976931348623157e308),
    (DOUBLE, "0.000", 0.0),
    (EURO, "1.234,56", Decimal("1234.56")),
    (EURO, "-1234,5", Decimal("-1234.50")),
    (EURO, "1.000.000", Decimal(1000000)),
    (EURO, " 7 ", Decimal(7)),
    (SWISS, "1'234.5", 1234.5),
    (FRENCH, "-12\N{NARROW NO-BREAK SPACE}345", -12345),
    (COMMA, "0,1", 0.1),
    (COMMA, "1,5e-3", 0.0015),
    (BOOLEAN, "true", True),
    (BOOLEAN, "False", False),
    (BOOLEAN, "TRUE", True),
    (DATE, "2013-02-28", dt.date(2013, 2, 28)),
    (DATE, "2012-02-29", dt.date(2012, 2, 29)),
    (GERMAN, "31.12.2013", dt.date(2013, 12, 31)),
    (TIMESTAMP, "2013-01-02 03:04:05", local(2013, 1, 2, 3, 4, 5)),
    (TIMESTAMP, "2013-01-02T03:04", local(2013, 1, 2, 3, 4)),
    (TIMESTAMP, "2013-01-02 03:04:05.123456", local(2013, 1, 2, 3, 4, 5, 123456)),
    (TIMESTAMP, "2013-01-02 03:04:05.1234560", local(2013, 1, 2, 3, 4, 5, 123456)),
    (ZONED, "2013-01-02T03:04:05Z", dt.datetime(2013, 1, 2, 3, 4, 5, tzinfo=UTC)),
    (ZONED, "2013-01-02 03:04:05+02:00", dt.datetime(2013, 1, 2, 1, 4, 5, tzinfo=UTC)),
    (ZONED, "2013-01-02 03:04:05-0530", dt.datetime(2013, 1, 2, 8, 34, 5, tzinfo=UTC)),
    (NEW_YORK, "2013-07-01 12:00:00", dt.datetime(2013, 7, 1, 16, tzinfo=UTC)),
    (NEW_YORK, "2013-07-01T12:00:00Z", dt.datetime(2013, 7, 1, 12, tzinfo=UTC)),
    (TEXT, " spaces stay ", " spaces stay "),
    (TEXT, "NaN", "NaN"),
    (TEXT, "007", "007"),
    (TEXT, "日本", "日本"),
    (JSON, '{"a": 1.10}', '{"a": 1.10}'),
    (JSON, "[]", "[]"),
]
SET_ASIDE = [
    (EURO, "1.5"),
    (EURO, "12.34,5"),
    (EURO, "1,234.5"),
    (EURO, "1234.567,0"),
    (EURO, ".,"),
    (EURO, "1,234"),
    (SWISS, "1,5"),
    (SWISS, "1''234"),
    (FRENCH, "1 234"),
    (FRENCH, "1,5"),
    (COMMA, "0.1"),
    (COMMA, "1,5,0"),
    *[
        (INTEGER, text)
        for text in (
            "1006.5",
            "1.0",
            "true",
            "1e3",
            "+5",
            "1_000",
            "1,000",
            "0x1F",
            "NaN",
            "inf",
            "12a",
            "--1",
            "9223372036854775808",
            "99999999999999999999999999",
            "١٢",
            " ",
            "-",
            "1 2",
        )
    ],
    *[
        (DECIMAL, text)
        for text in (
            "1.005",
            "12345678.00",
            "1e2",
            "NaN",
            "inf",
            "+1.00",
            "1,5",
            "1_0.00",
            ".",
            "-",
            "-.",
            "1.0.0",
            "0x10",
            "true",
            "1.001",
        )
    ],
    *[
        (DOUBLE, text)
        for text in (
            "9007199254740993",
            "0.1234567890123456789",
            "1e999",
            "-1e999",
            "NaN",
            "nan",
            "inf",
            "Infinity",
            "1e-400",
            "+1.5",
            "1_0",
            "0x10",
            "1,5",
            "true",
            ".",
            "e5",
            "1e",
        )
    ],
    *[(BOOLEAN, text) for text in ("1", "0", "yes", "t", "Y", "on", "wahr", "truee")],
    *[
        (DATE, text)
        for text in (
            "2013-02-30",
            "2013-2-3",
            "13-02-03",
            "2013/02/03",
            "2013-02-03 00:00:00",
            "infinity",
            "epoch",
            "20130203",
            "2013-02-03 (BC)",
            "02.03.2013",
            "2013-13-01",
            "0",
            "12013-01-01",
        )
    ],
    *[(GERMAN, text) for text in ("2013-12-31", "31.2.2013", "30.02.2013", "1.1.2013")],
    *[
        (TIMESTAMP, text)
        for text in (
            "2013-01-02 24:00:00",
            "2013-01-02 03:04:05Z",
            "2013-01-02 03:04:05+02:00",
            "infinity",
            "2013-01-02 03:04:05.1234567",
            "2013-01-02 25:00:00",
            "2013-01-02",
            "2013-02-30 00:00:00",
            "2013-01-02 03:04:60",
            "1357095845",
        )
    ],
    (NEW_YORK, "2013-03-10 02:30:00"),  # a clock change leaves it out
    *[
        (ZONED, text)
        for text in (
            "2013-01-02 03:04:05",
            "2013-01-02 03:04:05+25:00",
            "2013-01-02 03:04:05+02:60",
            "2013-01-02 03:04:05 Europe/Berlin",
            "2013-01-02Z",
        )
    ],
    *[(JSON, text) for text in ("{", "{'a': 1}", '{"a": NaN}', '{"a": 1,}', '{"a": 1, "a": 2}', "{} {}")],
]


@pytest.mark.parametrize(("column", "text", "value"), TAKEN)
def test_exact_values_are_taken(
    lake: Any, make_contract: Callable[..., Any], column: Any, text: str, value: Any
) -> None:
    contract = make_contract([{"name": "n", "logicalType": "integer"}, {"name": "v", **column}])
    cell = '"' + text.replace('"', '""') + '"' if text else ""
    manifest = lake.ingest(contract, lake.file("a.csv", f"n,v\n1,{cell}\n"))
    assert lake.rows(manifest) == [(1, value)]


@pytest.mark.parametrize(("column", "text"), SET_ASIDE)
def test_other_values_are_set_aside(lake: Any, make_contract: Callable[..., Any], column: Any, text: str) -> None:
    contract = make_contract([{"name": "n", "logicalType": "integer"}, {"name": "v", **column}])
    cell = '"' + text.replace('"', '""') + '"'
    manifest = lake.ingest(contract, lake.file("a.csv", f"n,v\n1,{cell}\n2,\n"))
    assert lake.rows(manifest) == [(2, None)]
    (row,) = lake.quarantined()
    assert (row.file, row.line, row.reasons, row.raw) == ("a.csv", 2, ("type:v",), f"1,{cell}")


def test_rounding_and_words_for_booleans_are_taken_where_the_contract_says_so(
    lake: Any, make_contract: Callable[..., Any]
) -> None:
    rounded = {**DECIMAL, "customProperties": [{"property": "rounding", "value": True}]}
    words = [{"property": "trueValues", "value": ["yes", 1]}, {"property": "falseValues", "value": ["no", 0]}]
    contract = make_contract([{"name": "a", **rounded}, {"name": "b", **BOOLEAN, "customProperties": words}])
    manifest = lake.ingest(contract, lake.file("a.csv", "a,b\n1.005,Yes\n1.2345,0\n1e2,no\n2,true\n"))
    assert lake.rows(manifest) == [(Decimal("1.01"), True), (Decimal("1.23"), False)]
    assert manifest.reasons == {"type:a": 1, "type:b": 1}


def test_rules_on_values(lake: Any, make_contract: Callable[..., Any]) -> None:
    contract = make_contract(
        [
            {"name": "code", "logicalType": "string", "logicalTypeOptions": LENGTHS},
            {"name": "n", "logicalType": "integer", "logicalTypeOptions": {"minimum": 0, "exclusiveMaximum": 10}},
            {"name": "state", "logicalType": "string", "required": True, "enum": [{"value": "on"}, {"value": "off"}]},
        ],
        quality=[
            {
                "type": "custom",
                "engine": "platform-assets",
                "name": "off_is_zero",
                "implementation": {"rowExpression": "state = 'on' OR n = 0"},
            }
        ],
    )
    lines = [
        "AB,0,on",
        "ABCD,0,on",
        "A,0,on",
        "ab,0,on",
        "AB,-1,on",
        "AB,10,on",
        "AB,1,up",
        "AB,1,",
        "AB,1,off",
        ",,on",
    ]
    manifest = lake.ingest(contract, lake.file("a.csv", "code,n,state\n" + "\n".join(lines) + "\n"))
    assert lake.rows(manifest) == [("AB", 0, "on"), (None, None, "on")]
    assert {row.line: row.reasons for row in lake.quarantined()} == {
        3: ("max_length:code",),
        4: ("min_length:code",),
        5: ("pattern:code",),
        6: ("minimum:n",),
        7: ("maximum:n",),
        8: ("allowed:state", "rule:off_is_zero"),
        9: ("required:state",),
        10: ("rule:off_is_zero",),
    }
