"""JSON lines are read quickly, and exactly as one line after the other by Python's own parser: ``json_reference``.

Blocks are as small as a few lines, so that templates are learned, left and learned anew within a file.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from platform_assets.contracts.model import Contract
from platform_assets.formats import lines
from platform_assets.formats.json import rows
from platform_assets.formats.json.quick import parse
from platform_assets.formats.json.reader import open_json_lines
from platform_assets.formats.json.strict import MAX_DEPTH, parse_json
from platform_assets.formats.json.writing import dump_json
from platform_assets.formats.plain_files import PlainFile
from platform_assets.lake.errors import DeliveryRejected
from platform_assets.lake.quarantine import QuarantineWriter
from tests.formats import json_reference
from tests.support.campaigns import times
from tests.support.lake import contract_of

KINDS = {"n": "integer", "x": "number", "t": "string", "b": "boolean", "d": "date", "o": "object"}
COLUMNS = [{"name": name, "logicalType": kind} for name, kind in KINDS.items()]
FLAT = COLUMNS[:-1]
NUMBERS = ["0", "-0", "7", "-12", "1.10", "1e5", "-0.0", "1E+05", "0e0", "1e400", "9223372036854775808", "01", "1.",
           ".5", "+1", "NaN", "Infinity", "-Infinity", "0x1", "1_0", "-", "--1", "1" * 4300, "1" * 4301,
           "0." + "1" * 40]  # fmt: skip
TEXTS = ['""', '"a"', '"a,b"', '"a\\"b"', '"\\\\"', '"\\/"', '"\\u0041"', '"\\u0000"', '"\\ud83d\\ude00"', '"\\ud800"',
         '"\\udc00x"', '"é日😀"', '"null"', '" x "', '"\\n"', '"\t"', '"\x7f"', '"\ufeff"', '"\u2028"', "\"'\"",
         '"-0"', '"1.5"', '"true"', '"2013-01-01"', '"\ue000"', '"x', "'x'", '"\\x"', '"\\u12"']  # fmt: skip
DEEP = ["[" * depth + "]" * depth for depth in (MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1)]
OTHERS = ["null", "true", "false", "tru", "True", "{}", "[]", '{"a":{"b":[1.50,-0]}}', '{"a":1,"a":2}', "[1,]",
          '[{"k":1,"k":1}]', '{"\ue000":1.5}', '["\ue000",2.5]', '{"é":"\\u00e9"}', '[1 , 2]', "", *DEEP]  # fmt: skip
GOOD = {"n": NUMBERS[:4], "x": NUMBERS[:8], "t": TEXTS[:3], "b": ["true", "false"], "d": ['"2013-01-01"'], "o": ["[]"]}
SAME = b'{"n":1,"t":"a"}\n'
values = st.sampled_from(NUMBERS + TEXTS + OTHERS)
spaces = st.sampled_from(["", "", "", " ", " ", "\t", "  ", "\r", "\x0b", "\xa0"])


@st.composite
def regular(draw: st.DrawFn) -> str:
    """A line of one shape, sometimes with one value of any kind."""
    colon, comma = draw(st.sampled_from([(":", ","), (": ", ", "), (" : ", " ,")]))
    names = draw(st.sampled_from(["ntbxd", "ntbxd", "ntbxd", "dxnt", "nto", "ntz"]))
    found = {name: draw(st.sampled_from(GOOD.get(name, NUMBERS[:4]))) for name in names}
    if draw(st.integers(0, 3)) == 0:
        found[draw(st.sampled_from(names))] = draw(values)
    return "{" + comma.join(f'"{name}"{colon}{value}' for name, value in found.items()) + "}"


@st.composite
def irregular(draw: st.DrawFn) -> str:
    """A line with keys in any order, some of them twice, and signs between them."""
    pairs = draw(st.lists(st.tuples(st.sampled_from([*KINDS, "z", "\\u006e", "a.b", ""]), values), max_size=4))
    between = [draw(spaces) for _ in range(4)]
    inner = ",".join(f'{between[0]}"{name}"{between[1]}:{between[2]}{value}' for name, value in pairs)
    return draw(st.sampled_from(["", "", "x", "\ufeff", "[", "\0"])) + "{" + inner + between[3] + "}"


bare = st.sampled_from(["", " ", "\t\r", "{}", "{},{}", "{}{}", '{"n":1} {"n":2}', "\0", '{"n":1}\0'])
line = st.one_of(regular(), regular(), regular(), irregular(), values, bare).map(
    lambda text: text.encode("utf-8", "surrogatepass")
)
broken = st.tuples(line, st.integers(0, 40), st.binary(min_size=1, max_size=2)).map(
    lambda found: found[0][: found[1]] + found[2].replace(b"\n", b" ") + found[0][found[1] :]
)
contents = st.tuples(
    st.lists(st.one_of(line, line, line, broken), max_size=40), st.sampled_from([b"\n", b"\n", b"\r\n"]), st.booleans()
).map(lambda found: found[1].join(found[0]) + (found[1] if found[2] else b""))


def compare(content: bytes, contract: Contract) -> None:
    """Read the content in both ways."""
    skip = 3 if content.startswith(b"\xef\xbb\xbf") else 0
    expected = json_reference.read(content[skip:], contract)
    refused = content[skip:].lstrip().startswith((b"[", b"<"))
    with tempfile.TemporaryDirectory() as name, duckdb.connect() as engine:
        path = Path(name) / "a.json"
        path.write_bytes(content)
        quarantine = QuarantineWriter(Path(name), "q")
        file = PlainFile("a.json", path, "", len(content), skip)
        if refused:
            with pytest.raises(DeliveryRejected, match="structure:"):
                open_json_lines(contract, [file], Path(name) / "copy", quarantine)
            return
        source = open_json_lines(contract, [file], Path(name) / "copy", quarantine)
        columns = ", ".join(sql for sql, _ in source.expressions)
        found = engine.execute(f"SELECT {source.row_number}, {columns} FROM {source.relation} ORDER BY 1").fetchall()
        raw = list(source.fetch(np.arange(source.records)))
        quarantine.close()
        entries = quarantine.path.read_text().split("\n")[1:-1] if quarantine.rows else []
    assert [list(row[1:]) for row in found] == [texts for _, texts, _ in expected.rows]
    assert raw == [(number, line, raw) for number, (line, _, raw) in enumerate(expected.rows)]
    assert source.records == len(expected.rows)
    assert [(entry["line"], entry["reasons"], entry["raw"]) for entry in map(json.loads, entries)] == [
        (line, [reason], raw[: 64 << 10].decode("utf-8", "backslashreplace")) for line, reason, raw in expected.bad
    ]
    assert source.set_aside == len(expected.bad)
    left_out = {key[:60] for key in expected.keys.keys() - {column.source_name for column in contract.columns}}
    if contract.extra_columns:
        assert {w.split("the key ")[1].split(" is not in")[0] for w in source.warnings if "left out" in w} == set(
            map(repr, left_out)
        )


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BLOCK", 150)


@pytest.mark.slow
@settings(
    max_examples=times(150), deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(contents, st.booleans(), st.booleans())
@example(SAME * 30 + b"x" + SAME + SAME[:-1] + SAME + b'\n{"n":-0,"t":"a"}', True, False)
@example(b'{"t":"\\ud800","d":1}\n' + b'{"t":"\\ud800","n":true}\n' + SAME, True, False)
@example(SAME * 30 + b'{"n":1,"t":"\xff"}\n' + SAME * 9, True, False)
@example(SAME * 30 + SAME.replace(b"\n", b"\r") * 3 + b"\n" + SAME.replace(b"\n", b"\r"), True, False)
def test_every_line(content: bytes, flat: bool, extra: bool) -> None:
    terms = {"extraColumns": "tolerated"} if extra else {}
    # required by no column, and with a limit of 1, so that no drift ends the reading
    compare(content, contract_of(FLAT if flat else COLUMNS, form="json", terms=terms))


@pytest.mark.parametrize("name", KINDS)
def test_every_value(name: str) -> None:
    content = [f'{{"{name}":{value}}}'.encode("utf-8", "surrogatepass") for value in NUMBERS + TEXTS + OTHERS]
    compare(b"\n".join(content), contract_of(COLUMNS, form="json"))


@settings(max_examples=times(300), deadline=None)
@given(st.one_of(irregular(), regular(), values))
def test_one_document(text: str) -> None:
    """What is inside of a column of another format is read by the same rules."""
    outcomes = []
    for read, write in ((parse, dump_json), (parse_json, json_reference.dump_json)):
        try:
            outcomes.append(write(read(text)))
        except (ValueError, RecursionError):
            outcomes.append(None)
    assert outcomes[0] == outcomes[1]


def test_a_template_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of lines of one shape, a document is made of those in the first block only, and of those that differ."""
    seen: list[Any] = []
    real = rows.documents

    def watched(lines: list[bytes], data: bytes) -> Any:
        seen.extend(lines)
        return real(lines, data)

    monkeypatch.setattr(rows, "documents", watched)
    odd = b'{"n": 3, "t": "a\\"b"}\n'
    compare(b'{"n": 1, "t": "a"}\n' * 100 + odd + b'{"n": 2, "t": null}\n' * 100, contract_of(FLAT, form="json"))
    assert odd.strip() in seen
    assert len(seen) < 30
