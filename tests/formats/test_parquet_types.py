"""Every stored and declared type of Parquet at its edges, made byte by byte: the exact value, or none and why.

What is expected is written out by hand from the format's specification, so nothing here asks the reader under test.
What pyarrow and DuckDB write is in ``test_parquet_writers``.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from platform_assets.ingestion import bad_rows, validation
from platform_assets.lake.errors import DeliveryRejected
from tests.formats import parquet_bytes as pb
from tests.formats.parquet_bytes import Group, Leaf, parquet_bytes
from tests.formats.parquet_table import BAD, DOUBLE, INTEGER, NO_TYPE, OBJECT, REFUSED, TABLE


def rows_of(leaf: Leaf) -> int:
    return len(leaf.values) if leaf.definition is None else len(leaf.definition)


def same(found: Any, wanted: Any) -> bool:
    return type(found) is type(wanted) and (
        found == wanted and (isinstance(wanted, Decimal) or str(found) == str(wanted))
    )


@pytest.mark.parametrize(("name", "leaf", "column", "expected"), TABLE, ids=[case[0] for case in TABLE])
def test_stored_values_are_published_exactly_or_cost_their_row(
    lake: Any, make_contract: Callable[..., Any], name: str, leaf: Leaf, column: Any, expected: list[Any]
) -> None:
    content = parquet_bytes([leaf], rows_of(leaf))
    manifest = lake.ingest(make_contract([{"name": "v", **column}], form="parquet"), lake.file("a.parquet", content))
    found, wanted = [row[0] for row in lake.rows(manifest)], [value for value in expected if value is not BAD]
    assert len(found) == len(wanted)
    assert all(map(same, found, wanted)), (found, wanted)
    bad = [line for line, value in enumerate(expected, 1) if value is BAD]
    assert [(row.line, row.reasons) for row in lake.quarantined()] == [(line, ("type:v",)) for line in bad]


@pytest.mark.slow
def test_rows_that_are_handed_over_are_those_that_are_fetched(
    lake: Any, make_contract: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bad rows of a large file come with the pass that writes the good ones, in the same words."""
    second: list[str] = []
    real = validation.second_pass

    def watched(*given: Any) -> Any:
        second.append("made")
        return real(*given)

    monkeypatch.setattr(validation, "second_pass", watched)
    for name, leaf, column, expected in TABLE:
        if BAD in expected:
            contract = make_contract([{"name": "v", **column}], form="parquet")
            file = lake.file("a.parquet", parquet_bytes([leaf], rows_of(leaf)))
            found = []
            for few in (bad_rows.FEW, 0):
                with monkeypatch.context() as patch:
                    patch.setattr(bad_rows, "FEW", few)
                    second.clear()
                    lake.ingest(contract, file, force=True)
                    assert second == (["made"] if few else []), name
                    found.append(lake.quarantined())
            assert found[0] == found[1], name


@pytest.mark.parametrize(("name", "leaf", "column", "code"), REFUSED, ids=[case[0] for case in REFUSED])
def test_what_cannot_be_read_exactly_is_refused_with_its_column(
    lake: Any, make_contract: Callable[..., Any], name: str, leaf: Leaf, column: Any, code: str
) -> None:
    content = parquet_bytes([leaf], rows_of(leaf))
    with pytest.raises(DeliveryRejected, match="the column 'v'") as caught:
        lake.ingest(make_contract([{"name": "v", **column}], form="parquet"), lake.file("a.parquet", content))
    assert caught.value.code == code


@pytest.mark.parametrize("name", NO_TYPE)
def test_a_column_that_nobody_asked_for_harms_no_other(lake: Any, make_contract: Callable[..., Any], name: str) -> None:
    leaf = NO_TYPE[name]
    other = Leaf("file_row_number", pb.INT32, list(range(rows_of(leaf))), converted=pb.INT_8)
    wrong = Leaf("w", pb.INT32, [5] * rows_of(leaf), converted=pb.DECIMAL, precision=5, scale=-2)
    bad = Leaf("n", pb.INT32, [300] * rows_of(leaf), converted=pb.INT_8)
    contract = make_contract(
        [{"name": "place", "physicalName": "file_row_number", **INTEGER}], form="parquet", terms={"extraColumns": True}
    )
    content = parquet_bytes([leaf, wrong, other, bad], rows_of(leaf))
    manifest = lake.ingest(contract, lake.file("a.parquet", content))
    assert lake.rows(manifest) == [(n,) for n in range(rows_of(leaf))]


def wrapped(leaf: Leaf) -> list[tuple[str, Group, Callable[[str], str]]]:
    """The column inside a struct, a list and a map, with what is made of each value's JSON."""
    entries = rows_of(leaf)
    defined = leaf.definition is not None
    levels = [1 + n for n in (leaf.definition or [0] * entries)]
    inside = Leaf(**{**leaf.__dict__, "name": "x", "definition": levels})
    listed = Leaf(**{**inside.__dict__, "definition": [1 + n for n in levels], "repetition": [0] * entries})
    keys = Leaf(
        "key", pb.BYTE_ARRAY, [b"k"] * entries, converted=pb.UTF8, definition=[2] * entries, repetition=[0] * entries
    )
    value = Leaf(**{**listed.__dict__, "name": "value"})
    assert not defined or leaf.kind == pb.OPTIONAL
    entry = Group("kv", [keys, value], kind=pb.REPEATED)
    return [
        ("struct", Group("v", [inside]), lambda text: f'{{"x":{text}}}'),
        ("list", Group("v", [Group("list", [listed], kind=pb.REPEATED)], logical={3: {}}), lambda text: f"[{text}]"),
        ("map", Group("v", [entry], converted=pb.MAP_KEY_VALUE), lambda text: f'{{"k":{text}}}'),
    ]  # fmt: skip


def as_json(value: Any) -> Any:
    """How a value is found in a JSON text."""
    if isinstance(value, dt.datetime):
        text = value.replace(tzinfo=None).isoformat(" ")
        text = text.rstrip("0") if "." in text else text
        return text + ("+00" if value.tzinfo else "")
    if isinstance(value, dt.date):
        return value.isoformat()
    return value


INSIDE = [
    (name, leaf, expected)
    for name, leaf, column, expected in TABLE
    # one spelling of the annotations is enough here
    if column not in (OBJECT, DOUBLE) and " as " not in name and ", new" not in name and not name.endswith(", both")
    and (", old" not in name or "decimal" not in name)
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("name", "leaf", "expected"), INSIDE, ids=[case[0] for case in INSIDE])
def test_nested_values_are_published_exactly_or_cost_their_row(
    lake: Any, make_contract: Callable[..., Any], name: str, leaf: Leaf, expected: list[Any]
) -> None:
    contract = make_contract([{"name": "v", **OBJECT}], form="parquet")
    refused: list[tuple[str, str]] = []
    for where, group, around in wrapped(leaf):
        content = parquet_bytes([group], rows_of(leaf))
        try:
            manifest = lake.ingest(contract, lake.file(f"{where}.parquet", content))
        except DeliveryRejected as rejected:
            refused.append((where, rejected.code))
            continue
        found = {}
        bad = {row.line for row in lake.quarantined()}
        good = [at for at in range(rows_of(leaf)) if at + 1 not in bad]
        texts = [row[0] for row in lake.rows(manifest)]
        for at, text in zip(good, texts, strict=True):
            found[at] = json.loads(text, parse_float=Decimal)
            wanted = expected[at]
            if wanted is BAD:
                # without a narrower type of the contract, what the file has is what is kept
                assert name.startswith(("uint64", "timestamp ns, utc False"))
                continue
            whole = json.loads(around(json.dumps(as_json(wanted), default=float)))
            if isinstance(wanted, Decimal):
                whole = json.loads(
                    around(str(wanted) if abs(wanted) < 1 and wanted else f"{wanted:f}"), parse_float=Decimal
                )
            assert found[at] == whole, (where, text, whole)
        # what JSON cannot hold costs its row as well, and nothing that it can hold
        lost = [expected[at] for at in range(rows_of(leaf)) if at + 1 in bad and expected[at] is not BAD]
        assert not lost or name.startswith("decimal(38,38)"), lost
    # times inside of a map are neither converted nor left out one by one
    fragile = name.startswith(("int96", "timestamp", "decimal that no text is of"))
    assert not refused or (fragile and [where for where, _ in refused] == ["map"])
    assert {code for _, code in refused} <= {"drift:type", "structure:values"}


@pytest.mark.parametrize(
    "footer",
    [
        b"\x19" * 5_000,  # lists in lists
        b"\x1c" * 5_000,  # structs in structs
        b"\x19\xfc\xff\xff\xff\xff\x0f",  # a list that is longer than all files
        b"",
        b"\x00",
    ],
)
def test_a_footer_that_is_none_is_a_rejection(lake: Any, make_contract: Callable[..., Any], footer: bytes) -> None:
    content = b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1"
    contract = make_contract([{"name": "n", **INTEGER}], form="parquet")
    with pytest.raises(DeliveryRejected, match="not an intact Parquet file"):
        lake.ingest(contract, lake.file("a.parquet", content))
