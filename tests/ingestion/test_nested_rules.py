"""Rules inside JSON columns, against a checker of dicts that knows nothing of SQL: random contracts, random rows."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from platform_assets.contracts.problems import ContractError
from tests.support.campaigns import times
from tests.support.lake import Lake, contract_of

BAD = object()
ANY = ["x", "", "5", "true", "2013-01-31", 5, -3, 1.5, True, False, {}, [], {"a": 1}, ["x"], "a\0b"]
KNOWN: dict[str, list[tuple[Any, Any]]] = {
    "integer": [(5, 5), (-3, -3), (12, 12), ("7", 7), (" 8 ", 8), (2**63 - 1, 2**63 - 1), (2**63, BAD), (1.0, BAD),
                ("1e3", BAD), ("", BAD)],
    "decimal": [(5, Decimal(5)), (1.25, Decimal("1.25")), ("-0.10", Decimal("-0.1")), (1.005, BAD), (1000, BAD),
                ("x", BAD)],
    "number": [(5, 5.0), (-1.5, -1.5), ("2e1", 20.0), (2**53 + 1, BAD), ("inf", BAD), ("NaN", BAD)],
    "string": [("", ""), ("ab", "ab"), ("AB1", "AB1"), ("é日", "é日"), (" a ", " a "), ("new", "new")],
    "boolean": [(True, True), (False, False), ("TRUE", True), ("no", BAD)],
    "date": [("2013-01-31", dt.date(2013, 1, 31)), ("1999-12-31", dt.date(1999, 12, 31)), ("2013-02-30", BAD),
             ("2013", BAD)],
}  # fmt: skip
LIMITS: dict[str, tuple[Any, Any]] = {
    "integer": (0, 10), "decimal": ("0", "2.5"), "number": (-1, 10), "date": ("2000-01-01", "2013-01-30"),
}  # fmt: skip
ENUMS = {"string": ["ab", "new"], "integer": [5, 7], "boolean": [True]}
PATTERNS = ["^[A-Z]+[0-9]$", "b", "^$"]


@st.composite
def plain(draw: st.DrawFn) -> dict[str, Any]:
    """A property that is neither object nor array."""
    kind = draw(st.sampled_from(sorted(KNOWN)))
    item: dict[str, Any] = {"logicalType": "number" if kind == "decimal" else kind}
    options: dict[str, Any] = {}
    if kind == "decimal":
        item["physicalType"] = "DECIMAL(5,2)"
    if kind in LIMITS and draw(st.booleans()):
        low, high = LIMITS[kind]
        options |= {draw(st.sampled_from(["minimum", "exclusiveMinimum"])): low, "maximum": high}
    if kind == "string" and draw(st.booleans()):
        options |= {"minLength": 1, "maxLength": 3}
    if kind == "string" and draw(st.booleans()):
        options["pattern"] = draw(st.sampled_from(PATTERNS))
    if kind in ENUMS and draw(st.integers(0, 2)) == 0:
        if draw(st.booleans()):
            item["enum"] = [{"value": value} for value in ENUMS[kind]]
        else:
            rule = {
                "type": "library",
                "metric": "invalidValues",
                "mustBe": 0,
                "arguments": {"validValues": ENUMS[kind]},
            }
            item["quality"] = [rule]
    return item | ({"logicalTypeOptions": options} if options else {})


def structure(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """An object or array of such properties."""

    def named(found: list[tuple[dict[str, Any], bool]]) -> list[dict[str, Any]]:
        return [{**item, "name": f"f{at}", "required": needed} for at, (item, needed) in enumerate(found)]

    objects = st.lists(st.tuples(inner, st.booleans()), min_size=1, max_size=3).map(
        lambda found: {"logicalType": "object", "properties": named(found)}
    )
    sizes = st.fixed_dictionaries(
        {}, optional={"minItems": st.just(1), "maxItems": st.just(2), "uniqueItems": st.booleans()}
    )
    arrays = st.tuples(inner, st.booleans(), sizes).map(
        lambda found: {
            "logicalType": "array",
            "items": {**found[0], "required": found[1]},
            "logicalTypeOptions": found[2],
        }
    )
    return st.one_of(objects, arrays)


schemas = structure(st.recursive(plain(), structure, max_leaves=6))


def kind_of(item: dict[str, Any]) -> str:
    return "decimal" if "physicalType" in item else str(item["logicalType"])


def values(item: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values for a property, most of them good."""
    if item["logicalType"] == "object":
        fields = {field["name"]: values(field) for field in item["properties"]}
        good: st.SearchStrategy[Any] = st.fixed_dictionaries({}, optional={**fields, "other": st.just(1)})
        good = st.one_of(good, st.fixed_dictionaries(fields))
    elif item["logicalType"] == "array":
        good = st.lists(values(item["items"]), max_size=3)
    else:
        known = [value for value, _ in KNOWN[kind_of(item)]]
        good = st.sampled_from([value for value, meant in KNOWN[kind_of(item)] if meant is not BAD] * 3 + known)
    return st.integers(0, 11).flatmap(lambda n: st.sampled_from(ANY) if n == 0 else st.none() if n == 1 else good)


def broken(item: dict[str, Any], value: Any, path: str) -> Iterator[str]:
    """The reasons that a value has, by the words of the contract."""
    if value is None:
        if item.get("required"):
            yield f"required:{path}"
    elif item["logicalType"] == "object":
        if not isinstance(value, dict):
            yield f"type:{path}"
            return
        for field in item["properties"]:
            yield from broken(field, value.get(field["name"]), f"{path}.{field['name']}")
    elif item["logicalType"] == "array":
        if not isinstance(value, list):
            yield f"type:{path}"
            return
        options = item["logicalTypeOptions"]
        if len(value) < options.get("minItems", 0):
            yield f"min_items:{path}"
        if len(value) > options.get("maxItems", 99):
            yield f"max_items:{path}"
        if options.get("uniqueItems") and any(same(a, b) for at, a in enumerate(value) for b in value[:at]):
            yield f"unique_items:{path}"
        for each in value:
            yield from broken(item["items"], each, f"{path}[]")
    else:
        yield from broken_plain(item, value, path)


def broken_plain(item: dict[str, Any], value: Any, path: str) -> Iterator[str]:
    kind = kind_of(item)
    meant = meaning(kind, value)
    if meant is BAD:
        yield f"type:{path}"
        return
    options = item.get("logicalTypeOptions", {})
    if len(str(meant)) < options.get("minLength", 0):
        yield f"min_length:{path}"
    if len(str(meant)) > options.get("maxLength", 99):
        yield f"max_length:{path}"
    if "pattern" in options and not re.search(options["pattern"], meant):
        yield f"pattern:{path}"
    allowed = [entry["value"] for entry in item.get("enum", [])]
    allowed += [v for rule in item.get("quality", []) for v in rule["arguments"]["validValues"]]
    if allowed and meant not in allowed:
        yield f"allowed:{path}"
    read: Callable[[Any], Any] = {"decimal": Decimal, "date": dt.date.fromisoformat}.get(kind, float)
    if ("minimum" in options and meant < read(options["minimum"])) or (
        "exclusiveMinimum" in options and meant <= read(options["exclusiveMinimum"])
    ):
        yield f"minimum:{path}"
    if "maximum" in options and meant > read(options["maximum"]):
        yield f"maximum:{path}"


def meaning(kind: str, value: Any) -> Any:
    """What a value means as one of the kind."""
    for known, meant in KNOWN[kind]:
        if type(known) is type(value) and known == value:
            return meant
    if kind == "string":
        return value if isinstance(value, str) and "\0" not in value else BAD
    others = {
        ("integer", "5"): 5, ("decimal", "5"): Decimal(5), ("number", "5"): 5.0, ("boolean", "true"): True,
        ("decimal", -3): Decimal(-3), ("number", -3): -3.0, ("decimal", 1.5): Decimal("1.5"), ("number", 1.5): 1.5,
        ("date", "2013-01-31"): dt.date(2013, 1, 31),
    }  # fmt: skip
    found = [
        meant for (of, known), meant in others.items() if of == kind and type(known) is type(value) and known == value
    ]
    return found[0] if found else BAD


def same(a: Any, b: Any) -> bool:
    """Whether two items are one: true is not 1, and 1 is 1.0."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def deliver(lake: Lake, form: str, rows: list[Any]) -> Path:
    """The documents in the column ``c`` of a file."""
    if form == "json":
        return lake.file("a", "".join(json.dumps({"n": n, "c": row}) + "\n" for n, row in enumerate(rows)))
    texts = ["" if row is None else json.dumps(row) for row in rows]
    if form == "csv":
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([["n", "c"], *([n, text] for n, text in enumerate(texts))])
        return lake.file("a", out.getvalue())
    path = lake.landing / "a"
    with duckdb.connect() as engine:
        engine.execute("CREATE TABLE t (n BIGINT, c VARCHAR)")
        for number, text in enumerate(texts):
            engine.execute("INSERT INTO t VALUES (?, ?)", [number, text or None])
        engine.execute(f"COPY t TO '{path}' (FORMAT parquet)")
    return path


@settings(max_examples=times(20), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_random_rules(data: st.DataObject) -> None:
    schema = data.draw(schemas)
    rows = data.draw(st.lists(values(schema), min_size=1, max_size=12))
    form = data.draw(st.sampled_from(["json", "csv", "parquet"]))
    # a text or number in place of a whole document is no JSON document of a column, but the column's own mistake
    rows = [row if isinstance(row, dict | list | None) else None for row in rows]
    contract = contract_of([{"name": "n", "logicalType": "integer"}, {**schema, "name": "c"}], form=form)
    assert contract.notes == ()
    with tempfile.TemporaryDirectory() as name:
        lake = Lake(Path(name) / "lake", Path(name))
        manifest = lake.ingest(contract, deliver(lake, form, rows))
        first = 2 if form == "csv" else 1
        expected = {n + first: set(broken(schema, row, "c")) for n, row in enumerate(rows)}
        found = {row.line: row.reasons for row in lake.quarantined()} if manifest.rows_quarantined else {}
        assert found.keys() == {line for line, reasons in expected.items() if reasons}
        for line, reasons in found.items():
            assert expected[line] <= {*reasons}
            assert len({*reasons}) == len(reasons)
            # a value that is not exact, as 1.005 is no DECIMAL(5,2), may lie beyond a limit too
            more = {reason.split(":", 1)[1] for reason in {*reasons} - expected[line]}
            assert {f"type:{path}" for path in more} <= expected[line]
        good = [row for n, row in enumerate(rows) if not expected[n + first]]
        assert [json.loads(text) if text else None for _, text in lake.rows(manifest)] == good


PATIENT = {
    "name": "patient", "logicalType": "object", "logicalTypeOptions": {"required": ["born"]},
    "properties": [
        {"name": "born", "logicalType": "date"},
        {"name": "mail", "physicalName": "e-mail", "logicalType": "string", "classification": "personal",
         "logicalTypeOptions": {"format": "email"}, "customProperties": [{"property": "protection", "value": "hash"}]},
        {"name": "note"},
    ],
}  # fmt: skip


def test_a_protected_value_is_checked_in_clear_and_written_protected(
    lake: Any, make_contract: Callable[..., Any]
) -> None:
    lines = [
        {"patient": {"born": "2001-02-03", "e-mail": "a@example.org", "note": [1]}},
        {"patient": {"born": "2001-02-03", "e-mail": "nobody"}},
        {"patient": {"e-mail": "b@example.org"}},
    ]
    manifest = lake.ingest(make_contract([PATIENT], form="json"), lake.file("a", "\n".join(map(json.dumps, lines))))
    assert [row.reasons for row in lake.quarantined()] == [("pattern:patient.mail",), ("required:patient.born",)]
    ((text,),) = lake.rows(manifest)
    assert re.fullmatch("[0-9a-f]{32}", json.loads(text)["e-mail"])


def test_what_is_not_carried_out_is_noted_and_mistakes_are_reported(make_contract: Callable[..., Any]) -> None:
    code = {"name": "code", "logicalType": "integer", "unique": True, "logicalTypeOptions": {"multipleOf": 5}}
    contract = make_contract([{"name": "o", "logicalType": "object", "properties": [code]}])
    assert [note.split(": ", 2)[1] for note in contract.notes] == [
        "schema[0].properties[0].properties[0].unique",
        "schema[0].properties[0].properties[0].logicalTypeOptions.multipleOf",
    ]
    wrong = {"name": "code", "logicalType": "integer", "logicalTypeOptions": {"minimum": "a", "minItems": 1}}
    with pytest.raises(ContractError) as caught:
        make_contract([{"name": "o", "logicalType": "object", "properties": [wrong]}])
    assert {problem.key.rsplit(".", 1)[1] for problem in caught.value.problems} == {"minimum", "minItems"}


def test_a_time_of_day_has_the_form_that_it_has_in_a_column(lake: Lake, make_contract: Callable[..., Any]) -> None:
    opens = {"name": "opens", "logicalType": "time", "logicalTypeOptions": {"minimum": "06:00"}}
    contract = make_contract([{"name": "shop", "logicalType": "object", "properties": [opens]}], form="json")
    lines = ['{"shop":{"opens":"08:30"}}', '{"shop":{"opens":"8 o\'clock"}}', '{"shop":{"opens":"24:00"}}']
    manifest = lake.ingest(contract, lake.file("a.json", "\n".join(lines) + "\n"))
    assert manifest.rows_out == 1
    assert [row.reasons for row in lake.quarantined()] == [("pattern:shop.opens",)] * 2
