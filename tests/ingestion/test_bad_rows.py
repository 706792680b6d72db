"""Bad rows are told in two ways, by their text and by a second pass: both have to tell the same."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_assets.formats.csv import format as csv_format
from platform_assets.formats.locating import locate
from platform_assets.formats.source import RecordText, Source
from platform_assets.ingestion import bad_rows, validation
from platform_assets.sql.row_rules import Check
from tests.ingestion.test_properties import CAMPAIGN, COLUMNS, cells
from tests.support.lake import Lake, contract_of

NAMES = ["id", "amount", "score", "day", "note"]
plain = cells.map(lambda row: (*row[:4], "".join(sign for sign in row[4] if sign not in '"\r\n')))


def refused(*_: Any) -> Any:
    raise AssertionError("not to be called")


def outcome(content: bytes, few: int, contract: Any, **changed: Any) -> tuple[Any, ...]:
    """What comes of a file: rows, quarantine and hash."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as name:
        patch.setattr(bad_rows, "FEW", few)
        for key, value in changed.items():
            patch.setattr(validation if key == "second_pass" else bad_rows, key, value)
        lake = Lake(Path(name) / "lake", Path(name))
        manifest = lake.ingest(contract, lake.file("a", content))
        return lake.rows(manifest), lake.quarantined(), manifest.reasons


@CAMPAIGN
@given(
    st.lists(plain, min_size=1, max_size=20).flatmap(lambda rows: st.lists(st.sampled_from(rows), max_size=40)),
    st.permutations(range(5)),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_both_ways_tell_the_same(rows: list[tuple[str, ...]], order: list[int], newline: str, end: bool) -> None:
    """Rows without quotes, many of them more than once, are told by their text alone."""
    lines = ["|".join(NAMES[i] for i in order), *("|".join(row[i].replace("|", "") for i in order) for row in rows)]
    content = (newline.join(lines) + newline * end).encode()
    contract = contract_of(COLUMNS, server={"delimiter": "|"}, terms={"emptyDelivery": "allowed"})
    # a last line that ends in another way than the others has the file read line by line
    told = {"second_pass": refused} if end or newline == "\n" else {}
    by_text = outcome(content, 0, contract, **told)
    assert by_text == outcome(content, 1 << 40, contract)
    assert by_text[1] == outcome(content, 0, contract, MAX_BYTES=0)[1]


@pytest.mark.parametrize(
    ("line", "server"),
    [('1,x,1,2013-01-01,"a, b"\n', {}), ("NA,x,1,2013-01-01,a\n", {"nullStrings": ["NA"]})],
)
def test_rows_whose_text_the_values_do_not_tell_are_told_by_the_second_pass(line: str, server: dict[str, Any]) -> None:
    content = ("id,amount,score,day,note\n" + line * 2 + "3,1,1,2013-01-01,a\n").encode()
    contract = contract_of(COLUMNS, server=server)
    rows, aside, _ = outcome(content, 0, contract)
    assert (len(rows), [(row.line, row.raw + "\n") for row in aside]) == (1, [(2, line), (3, line)])
    with pytest.raises(AssertionError, match="not to be called"):
        outcome(content, 0, contract, second_pass=refused)


def test_more_than_sixty_rules(make_contract: Callable[..., Any]) -> None:
    columns = [
        {"name": f"c{i}", "logicalType": "integer", "required": True, "logicalTypeOptions": {"minimum": 0}}
        for i in range(30)
    ]
    header = ",".join(f"c{i}" for i in range(30))
    good = ",".join(["1"] * 30)
    lines = [header, good, good[:-1] + "-1", "x" + good[1:], good[:-1] + "x"]
    rows, aside, _ = outcome("\n".join(lines).encode(), 0, make_contract(columns), second_pass=refused)
    assert len(rows) == 1
    assert [(row.line, row.reasons) for row in aside] == [
        (3, ("minimum:c29",)),
        (4, ("type:c0",)),
        (5, ("type:c29",)),
    ]


@pytest.mark.parametrize(
    ("taken", "doubt"),
    [
        ([("bad 00001", 1)] * 2, None),
        ([("bad 00001", 1)], "is good in another place"),
        ([("bad 00001", 1), ("bad 00001", 2)], "was validated in two ways"),
        ([("bad 00001", 1), ("not there", 1)], "is not there"),
    ],
)
def test_what_is_in_doubt_is_not_told_by_its_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: list[tuple[str, int]], doubt: str | None
) -> None:
    file = tmp_path / "a"
    file.write_text("good\nbad 00001\nbad 00001\n")
    monkeypatch.setattr(bad_rows, "FEW", 0)
    text = RecordText("a", lambda wanted: locate(file, 0, wanted))
    source = Source("a", "", (), 3, 0, refused, text=text)
    with duckdb.connect() as engine, bad_rows.HandedOver(engine, source, (Check("x", "a"),)) as handed:
        for row in taken:
            engine.execute(f"SELECT {bad_rows.FUNCTION}(?, [?])", list(row))
        found = handed.found(len(taken))
    assert (found is None) is (doubt is not None)
    if found is not None:
        assert found.numbers.tolist() == [1, 2]
        assert list(found.rows) == [(2, b"bad 00001", (1,)), (3, b"bad 00001", (1,))]


@CAMPAIGN
@given(st.lists(st.text("abé,", max_size=30), max_size=60), st.data())
def test_lines_are_located(lines: list[str], data: st.DataObject) -> None:
    wanted = {line.encode() for line in data.draw(st.lists(st.sampled_from([*lines, "abab,aba"]), max_size=8))} - {b""}
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "a"
        path.write_text("\n".join(lines), encoding="utf-8")
        found = list(locate(path, 0, wanted))
    full = [(at, line.encode()) for at, line in enumerate(lines, 1) if line]
    assert found == [(number, at, line) for number, (at, line) in enumerate(full) if line in wanted]


def test_windows_line_ends_are_read_by_the_engine() -> None:
    """Not line by line, which costs several times as much."""
    content = b"id,amount,score,day,note\r\n1,1,1,2013-01-01,a\r\nx,1,1,2013-01-01,a\r\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_format, "open_repaired", refused)
        rows, aside, _ = outcome(content, 0, contract_of(COLUMNS))
    assert (len(rows), [(row.line, row.raw) for row in aside]) == (1, [(3, "x,1,1,2013-01-01,a")])
