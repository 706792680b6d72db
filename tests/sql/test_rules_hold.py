"""A rule that `contract check` accepts can be kept and can be broken: none refuses every row, and none is off."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from platform_assets.contracts.bounds import OPERATORS
from platform_assets.contracts.model import Contract
from platform_assets.contracts.problems import ContractError
from platform_assets.ingestion import uniqueness
from platform_assets.ingestion.ingestor import ingest
from platform_assets.lake.quarantined import read_quarantine
from platform_assets.sql.contract_file import parse_contract
from tests.support.campaigns import times
from tests.support.lake import Lake

ODD: list[Any] = [
    None, {}, [], {"a": 1}, [1], True, False, "true", "", " ", "?", "$1", "%s", "{number}", "{table}", "x'y", 'x"y',
    "1) OR (1=1", "1); DROP TABLE t; --", "1 -- ", "NULL", "null", "nan", math.nan, math.inf, -math.inf, "inf", "1e400",
    1e300, "-1e400", "١٢", "\uff11\uff12", "1_000", 1000, "0x1F",
    10**40, "10000000000000000000000000000000000000000", -5, 0, 1,
    0.1, "0.1", "1.005", 2.5, "5.", ".5", "+5", "1e2", "2013-02-30", "2013-W01-1", "20130101", "2013-01-01",
    dt.date(2013, 1, 1), dt.datetime.fromisoformat("2013-01-01T05:00"),
    "2013-01-01T00:00:00+02:00", "2013-01-01 05:00:00", "a", "é",
]  # fmt: skip
"""What may stand in a contract in the place of a value."""

TYPES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "string": ({}, ["", "a", "é", "x'y", 'x"y', "?", "{number}", "{table}", "1) OR (1=1", "longer text", "2013-01-01"]),
    "integer": ({}, ["-9223372036854775808", "-6", "-5", "0", "1", "2", "7", "1000", "100", "9223372036854775807"]),
    "decimal": (
        {"physicalType": "DECIMAL(12,2)"},
        ["-9999999999.99", "-5", "0", "0.1", "0.5", "1", "2.5", "9999999999"],
    ),
    "double": ({}, ["-1.7e308", "-5", "0", "0.1", "0.5", "1", "2.5", "1000", "1e300", "1.7e308"]),
    "boolean": ({}, ["true", "false"]),
    "date": ({}, ["0001-01-01", "2012-12-31", "2013-01-01", "2013-01-02", "9999-12-31"]),
    "timestamp": ({}, ["0001-01-01 00:00:00", "2013-01-01 00:00:00", "2013-01-01 05:00:00", "9999-12-31 23:59:59"]),
}
OPTIONS = {
    "string": ["minLength", "maxLength", "pattern"],
    "boolean": [],
}
LIMITS = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]
NAMES = ["n", "a b", "?", 'q"q', "a'b", "$1", "{number}", "{column}", "é中", "SELECT", "a.b", "a,b", "--", "%s", "\\"]


def document(columns: list[dict[str, Any]], **table: Any) -> Contract:
    """The contract, read back from YAML as a user writes it."""
    text = yaml.safe_dump(
        {
            "apiVersion": "v3.1.0", "kind": "DataContract", "id": "feed", "version": "1.0.0",
            "servers": [{"server": "s", "type": "local", "path": "x", "format": "csv"}],
            "schema": [{"name": "feed", "properties": columns, **table}],
            "customProperties": [{"property": "quarantineLimit", "value": 1}],
        },
        allow_unicode=True,
    )  # fmt: skip
    return parse_contract(text, Path("feed.yaml"))


def judged(root: Path, contract: Contract, values: list[str]) -> tuple[int, set[str]]:
    """How many of the values were taken, each a row, and the reasons of the others."""
    lake = Lake(root / "lake", root)
    names = ",".join('"' + column.source_name.replace('"', '""') + '"' for column in contract.columns)
    lines = ['"' + value.replace('"', '""') + '"' for value in values]
    path = lake.file("a.csv", "\n".join([names, *lines]) + "\n")
    manifest = ingest(contract=contract, delivery=lake.delivery(path), lake=lake.path, pseudonym_key=None, force=True)
    reasons = {reason for row in read_quarantine(lake.store, "feed", "2013-01-01") for reason in row.reasons}
    return manifest.rows_out, reasons


def neighbours(value: Any) -> list[str]:
    """Texts in a file that are, or are next to, what stands in a rule."""
    texts = [str(value)]
    try:
        number = Decimal(str(value))
        texts += [format(number + shift, "f") for shift in (Decimal(-1), 1, Decimal("0.01"), Decimal("-0.01"))]
        texts += [str(math.floor(number) + shift) for shift in (-1, 0, 1, 2)]
    except (ArithmeticError, ValueError):
        pass
    try:
        moment = dt.datetime.fromisoformat(str(value)).replace(tzinfo=None)
        for shift in (-1, 0, 1):
            near = moment + dt.timedelta(days=shift)
            texts += [near.date().isoformat(), near.isoformat(" "), (near + dt.timedelta(seconds=shift)).isoformat(" ")]
    except ValueError:
        pass
    return [text for text in texts if not set("\n\r\0") & set(text) and len(text) < 60]


@pytest.fixture(scope="module", name="root")
def _root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rules")


@st.composite
def rules(draw: st.DrawFn) -> tuple[str, str, Any]:
    kind = draw(st.sampled_from(sorted(TYPES)))
    words = ["enum", *OPTIONS.get(kind, LIMITS), *(["multipleOf"] if kind in ("integer", "decimal") else [])]
    word = draw(st.sampled_from([*words, "invalidValues"]))
    values = (
        st.sampled_from(ODD)
        | st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
        | st.integers()
        | st.floats()
    )
    value = draw(st.lists(values, min_size=1, max_size=3)) if word in ("enum", "invalidValues") else draw(values)
    return kind, word, value


def column_of(kind: str, word: str, value: Any, name: str = "n") -> dict[str, Any]:
    logical = {"decimal": "number", "double": "number"}.get(kind, kind)
    column: dict[str, Any] = {"name": name, "logicalType": logical, **TYPES[kind][0]}
    if word == "enum":
        return {**column, "enum": [{"value": item} for item in value]}
    if word == "invalidValues":
        rule = {"type": "library", "metric": "invalidValues", "mustBe": 0, "arguments": {"validValues": value}}
        return {**column, "quality": [rule]}
    return {**column, "logicalTypeOptions": {word: value}}


@settings(deadline=None, max_examples=times(80), suppress_health_check=[HealthCheck.too_slow])
@given(rule=rules(), name=st.sampled_from(NAMES))
@example(rule=("decimal", "minimum", 2.220446049250313e-16), name="n")
@example(rule=("decimal", "exclusiveMaximum", "0.12345678901234567890123456789"), name="n")
@example(rule=("decimal", "maximum", "99999999999999999999999999999999999999"), name="n")
@example(rule=("integer", "minimum", "0.0000000000000000000000000000001"), name="n")
@example(rule=("integer", "exclusiveMinimum", "-99999999999999999999999999999999999999"), name="n")
@example(rule=("double", "enum", [-27942405962072006]), name="n")
@example(rule=("double", "invalidValues", [27942405962072006]), name="n")
@example(rule=("decimal", "multipleOf", "0.00000000000000000000000000003"), name="n")
def test_a_rule_that_is_accepted_can_be_kept_and_broken(root: Path, rule: tuple[str, str, Any], name: str) -> None:
    kind, word, value = rule
    try:
        contract = document([column_of(kind, word, value, name)])
    except ContractError:
        return
    near = [text for item in (value if isinstance(value, list) else [value]) for text in neighbours(item)]
    long = "x" * (value if word == "minLength" and value < 10**6 else 50)
    taken, reasons = judged(root, contract, [*TYPES[kind][1], *near, long, "y"])
    assert taken or word in ("minLength", "pattern"), f"{word}: {value!r} refuses every value"
    if kind == "string" and word in ("minLength", "pattern"):
        return  # every text of the sample may fit a pattern
    assert any(reason.endswith(f":{name}") and not reason.startswith("type") for reason in reasons) or boundless(
        kind, word, value
    ), f"{word}: {value!r} refuses nothing"


def boundless(kind: str, word: str, value: Any) -> bool:
    """A rule that names the whole of its type refuses nothing: both booleans, or the least of all integers."""
    if kind == "boolean":
        return {str(item).lower() for item in value} == {"true", "false"}
    if kind in ("integer", "decimal", "double") and word in LIMITS:
        size = {"integer": 2**63 - 2, "decimal": 10**10 - 1, "double": 1.7e308}[kind]
        return abs(float(value)) >= size
    if word == "multipleOf":
        return Decimal("1" if kind == "integer" else "0.01") % Decimal(str(value)) == 0
    return (word == "maxLength" and int(value) >= 50) or (word in LIMITS and str(value)[:4] in ("0001", "9999"))


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"logicalType": "number", "enum": [{"value": "abc"}]}, "enum[0]"),
    ({"logicalType": "number", "enum": [{"value": None}]}, "enum[0]"),
    ({"logicalType": "number", "enum": [{"value": {"a": 1}}]}, "enum[0]"),
    ({"logicalType": "integer", "enum": [{"value": "1) OR (1=1"}]}, "enum[0]"),
    ({"logicalType": "integer", "enum": [{"value": 1}, {"value": 1.5}]}, "enum[1]"),
    ({"logicalType": "number", "physicalType": "DECIMAL(5,2)", "enum": [{"value": 1.234}]}, "enum[0]"),
    ({"logicalType": "number", "physicalType": "DECIMAL(5,2)", "enum": [{"value": 1000}]}, "enum[0]"),
    ({"logicalType": "date", "enum": [{"value": "2013-02-30"}]}, "enum[0]"),
    ({"logicalType": "string", "enum": []}, "enum"),
    ({"logicalType": "string", "enum": [{"value": True}]}, "enum[0]"),
    ({"logicalType": "object", "enum": [{"value": "{}"}]}, "enum"),
    ({"logicalType": "integer", "logicalTypeOptions": {"minimum": "١٢"}}, "minimum"),
    ({"logicalType": "integer", "logicalTypeOptions": {"minimum": "1_000"}}, "minimum"),
    ({"logicalType": "integer", "logicalTypeOptions": {"minimum": 5, "maximum": 4}}, "logicalTypeOptions"),
    ({"logicalType": "integer", "logicalTypeOptions": {"exclusiveMinimum": 5, "exclusiveMaximum": 6}}, "Options"),
    ({"logicalType": "integer", "logicalTypeOptions": {"minimum": 10**20}}, "logicalTypeOptions"),
    ({"logicalType": "integer", "logicalTypeOptions": {"minimum": None}}, "minimum"),
    ({"logicalType": "integer", "logicalTypeOptions": {"exclusiveMinimum": True}}, "exclusiveMinimum"),
    ({"logicalType": "number", "logicalTypeOptions": {"minimum": math.nan}}, "minimum"),
    ({"logicalType": "number", "logicalTypeOptions": {"maximum": "1e400"}}, "maximum"),
    ({"logicalType": "date", "logicalTypeOptions": {"minimum": "2014-01-01", "maximum": "2013-01-01"}}, "Options"),
    ({"logicalType": "date", "logicalTypeOptions": {"format": "%Q"}}, "format"),
    ({"logicalType": "string", "logicalTypeOptions": {"minLength": 5, "maxLength": 4}}, "logicalTypeOptions"),
    ({"logicalType": "string", "physicalType": "varchar(3)", "logicalTypeOptions": {"minLength": 4}}, "Options"),
    ({"logicalType": "string", "logicalTypeOptions": {"pattern": "(?=a)"}}, "pattern"),
    ({"logicalType": "string", "logicalTypeOptions": {"pattern": None}}, "pattern"),
    ({"logicalType": "string", "logicalTypeOptions": {"pattern": "^a"}, "enum": [{"value": "b"}]}, "enum"),
    ({"logicalType": "string", "unique": "yes"}, "unique"),
    ({"logicalType": "string", "required": "yes"}, "required"),
    ({"logicalType": "boolean", "customProperties": [{"property": "trueValues", "value": []}]}, "value"),
    ({"logicalType": "boolean", "customProperties": [{"property": "trueValues", "value": ["FALSE"]}]}, "properties"),
]


@pytest.mark.parametrize(("column", "key"), MISTAKES)
def test_a_rule_that_would_refuse_every_row_or_none_is_a_problem(column: dict[str, Any], key: str) -> None:
    with pytest.raises(ContractError) as error:
        document([{"name": "n", **column}])
    assert any(key in problem.key and problem.line > 5 for problem in error.value.problems), error.value.problems


def rule(**more: Any) -> dict[str, Any]:
    return {"quality": [{"type": "library", **more}]}


def expression(text: str) -> dict[str, Any]:
    return {"quality": [{"type": "custom", "engine": "platform-assets", "implementation": {"rowExpression": text}}]}


TABLE_MISTAKES: list[tuple[dict[str, Any], str]] = [
    (rule(metric="rowCount", mustBeLessThan=0), "no delivery can be within"),
    (rule(metric="rowCount", mustBe=1.5), "no delivery can be within"),
    (rule(metric="rowCount", mustBe=math.nan), "must be a number"),
    (rule(metric="rowCount", mustBeGreaterThan=math.inf), "must be a number"),
    (rule(metric="nullValues", unit="percent", mustBeGreaterThan=100, arguments={"properties": ["n"]}), "no delivery"),
    (rule(metric="invalidValues", mustBe=0, arguments={"properties": ["n"], "validValues": "1"}), "validValues"),
    (rule(metric="invalidValues", mustBe=0, arguments={"properties": ["n"], "validValues": ["x"]}), "validValues"),
    (rule(metric="invalidValues", mustBe=0, arguments={"properties": ["n"], "validValues": [None]}), "validValues"),
    (expression("sum(n) > 1"), "cannot be carried out"),
    (expression("row_number() OVER () > 1"), "cannot be carried out"),
    (expression("t"), "gives a VARCHAR"),
    (expression("1 = 2"), "looks at no column"),
    (expression("true"), "looks at no column"),
    ({"quality": [{"type": "sql", "query": "SELECT n, t FROM ${table}", "mustBe": 0}]}, "cannot be carried out"),
    ({"quality": [{"type": "sql", "query": "SELECT t.n FROM ${table}", "mustBe": 0}]}, "cannot be carried out"),
    ({"quality": [{"type": "sql", "query": "SELECT count(gone) FROM ${table}", "mustBe": 0}]}, "cannot be carried out"),
    (
        {"quality": [{"type": "custom", "engine": "platform-assets", "mustBe": 0,
                      "implementation": {"metric": "mean", "column": "t"}}]},
        "cannot be carried out",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("table", "message"), TABLE_MISTAKES)
def test_a_rule_over_the_table_that_no_delivery_could_keep_is_a_problem(table: dict[str, Any], message: str) -> None:
    columns = [
        {"name": "n", "logicalType": "integer"},
        {"name": "t", "logicalType": "string"},
        {"name": "gone", "logicalType": "string", "customProperties": [{"property": "protection", "value": "drop"}]},
    ]
    with pytest.raises(ContractError) as error:
        document(columns, **table)
    assert message in str(error.value)


@given(st.sampled_from(sorted(OPERATORS)), st.sampled_from([-1, 0, 1, 2]) | st.integers(-5, 5) | st.floats(-2, 4))
@settings(deadline=None)
def test_a_count_can_keep_and_break_every_accepted_bound(operator: str, limit: float) -> None:
    value = [limit, limit] if operator.endswith("Between") else limit
    try:
        contract = document([{"name": "n", "logicalType": "integer"}], **rule(metric="rowCount", **{operator: value}))
    except ContractError:
        assert not any(OPERATORS[operator](value).holds(count) for count in range(20))
        return
    (found,) = contract.batch_rules
    assert any(found.bounds.holds(count) for count in range(20))
    assert any("never fails" in note for note in contract.notes) == all(found.bounds.holds(n) for n in range(20))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("small", [0, 200_000])
@pytest.mark.parametrize("protection", ["none", "mask", "hash", "drop"])
def test_a_key_of_any_name_is_held_to_be_unique(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, small: int, protection: str
) -> None:
    monkeypatch.setattr(uniqueness, "SMALL", small)
    contract = document(
        [
            {"name": name, "logicalType": "string", "primaryKey": True,
             "customProperties": [{"property": "protection", "value": protection}]},
            {"name": "other", "logicalType": "string", "unique": True},
        ]
    )  # fmt: skip
    path = tmp_path / "a.csv"
    quoted = '"' + name.replace('"', '""') + '"'
    path.write_text(f"{quoted},other\na,1\nb,2\na,3\nc,2\n", encoding="utf-8")
    lake = Lake(tmp_path / "lake", tmp_path)
    manifest = ingest(
        contract=contract, delivery=lake.delivery(path), lake=lake.path, pseudonym_key=b"k" * 32, force=True
    )
    assert manifest.rows_out == 2
    assert manifest.reasons == {f"unique:{name}": 1, "unique:other": 1}
