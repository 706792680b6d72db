"""Contracts are read whole, or refused with every mistake, each with its file, line and key."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

import pytest
from open_data_contract_standard.model import OpenDataContractStandard

from platform_assets.contracts import ContractError, contract_problems, raw_columns, read_contract
from platform_assets.contracts.due import reason_not_due
from platform_assets.contracts.model import (
    Bounds,
    Contract,
    FileKind,
    LogicalType,
    Metric,
    NestedProtection,
    Protection,
    Reference,
    Severity,
)

FULL = """\
apiVersion: v3.1.0
kind: DataContract
id: orders
version: 2.1.0
status: active
domain: sales
tags: [daily]
description: {purpose: Orders of the shop.}
servers:
  - server: landing
    type: local
    path: orders
    format: csv
    delimiter: ";"
    encoding: latin-1
    customProperties:
      - {property: nullStrings, value: ["", "NA"]}
schema:
  - name: orders
    physicalType: file
    properties:
      - name: shop
        logicalType: string
        primaryKey: true
        primaryKeyPosition: 2
        logicalTypeOptions: {pattern: "^[A-Z]+$", minLength: 2, maxLength: 4}
      - name: id
        physicalName: Order No
        logicalType: integer
        primaryKey: true
        primaryKeyPosition: 1
        logicalTypeOptions: {minimum: 1, multipleOf: 5}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(12,2)", description: In euros.}
      - {name: weight, logicalType: number, logicalTypeOptions: {minimum: 0, exclusiveMinimum: true}}
      - name: at
        logicalType: timestamp
        logicalTypeOptions: {defaultTimezone: Europe/Berlin}
      - name: day
        logicalType: date
        logicalTypeOptions: {format: dd.MM.yyyy, minimum: 2013-01-01}
      - {name: email, logicalType: string, classification: PII, customProperties: [{property: protection, value: hash}]}
      - name: state
        logicalType: string
        enum: [{value: new}, {value: paid}]
        quality:
          - {type: library, metric: nullValues, mustBeLessThan: 5, unit: percent, severity: warning}
          - {type: library, metric: invalidValues, arguments: {validValues: [new, paid]}, mustBe: 0}
      - name: customer
        logicalType: object
        properties:
          - {name: tel, classification: pii, customProperties: [{property: protection, value: drop}]}
          - name: mails
            logicalType: array
            items: {logicalType: string, classification: pii, customProperties: [{property: protection, value: mask}]}
      - name: plane
        logicalType: string
        relationships:
          - {to: planes.tailnum, customProperties: [{property: severity, value: warning}]}
    quality:
      - {type: library, metric: rowCount, mustBeBetween: [1, 1000]}
      - {type: library, metric: duplicateValues, arguments: {properties: [id, day]}, mustBeLessThan: 1, unit: percent}
      - {type: sql, name: paid_share, query: "SELECT avg((state = 'paid')::INT) FROM ${table}", mustBeGreaterThan: 0.2}
      - type: custom
        engine: platform-assets
        name: heavy_is_dear
        implementation: {rowExpression: "weight < 100 OR amount > 10"}
      - type: custom
        engine: platform-assets
        implementation: {metric: sum, column: amount, history: 28, mustBeBetween: [0.5, 2]}
slaProperties:
  - {property: latency, value: 26, unit: h}
  - {property: timeOfAvailability, value: "08:30", valueExt: Europe/Berlin}
team: {name: shop, members: [{username: ada, role: Owner}, {username: bob, role: Engineer}]}
customProperties:
  - {property: quarantineLimit, value: 2%}
  - {property: emptyDelivery, value: allowed}
  - property: notDue
    value:
      - {reason: closed, weekday: sunday}
      - {reason: ended, after: 2013-12-31}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "contract.yaml"
    path.write_text(text)
    return path


@pytest.fixture
def full(tmp_path: Path) -> Contract:
    return read_contract(write(tmp_path, FULL))


def test_the_feed_as_a_whole(full: Contract) -> None:
    assert (full.name, full.version, full.domain, full.owners, full.tags) == (
        "orders",
        "2.1.0",
        "sales",
        ("ada",),
        ("daily",),
    )
    assert (full.format.kind, full.format.delimiter, full.format.encoding) == (FileKind.CSV, ";", "latin-1")
    assert full.format.null_strings == ("", "NA")
    assert full.primary_key == ("id", "shop")
    assert (full.quarantine_limit, full.empty_allowed) == (0.02, True)
    assert full.freshness.latency == dt.timedelta(hours=26)
    assert (full.freshness.deadline_cron, full.freshness.timezone) == ("30 8 * * *", "Europe/Berlin")
    assert reason_not_due(full, "2013-01-06") == "closed"
    assert reason_not_due(full, "2014-01-01") == "ended"
    assert reason_not_due(full, "2013-01-07") is None
    assert reason_not_due(full, "snapshot") is None


def test_columns(full: Contract) -> None:
    kinds = [column.type for column in full.columns]
    assert kinds[:6] == [
        LogicalType.STRING,
        LogicalType.INTEGER,
        LogicalType.NUMBER,
        LogicalType.NUMBER,
        LogicalType.TIMESTAMP_TZ,
        LogicalType.DATE,
    ]
    shop, order = full.column("shop"), full.column("id")
    assert (shop.pattern, shop.min_length, shop.max_length, shop.required) == ("^[A-Z]+$", 2, 4, True)
    assert (order.source_name, order.minimum) == ("Order No", "1")
    assert (full.column("amount").precision, full.column("amount").scale) == (12, 2)
    assert full.column("weight").exclusive_minimum
    assert (full.column("day").format, full.column("day").minimum) == ("%d.%m.%Y", "2013-01-01")
    assert full.column("email").protection is Protection.HASH
    assert full.column("state").allowed_values == ("new", "paid")
    assert full.column("customer").nested == (
        NestedProtection(("tel",), Protection.DROP),
        NestedProtection(("mails", "*"), Protection.MASK),
    )
    assert ("amount", "DECIMAL(12,2)", "In euros.") in raw_columns(full)
    assert ("email", "VARCHAR", "") in raw_columns(full)


def test_rules(full: Contract) -> None:
    assert {rule.name: rule.expression for rule in full.row_expressions} == {
        "multiple_of:id": '"id" % 5 = 0',
        "heavy_is_dear": "weight < 100 OR amount > 10",
        "invalid_values:state": "NOT ((\"state\" IS NOT NULL AND (CAST(\"state\" AS VARCHAR) NOT IN ('new', 'paid'))))",
    }
    rules = {rule.name: rule for rule in full.batch_rules}
    assert (rules["row_count"].metric, rules["row_count"].bounds) == (Metric.ROW_COUNT, Bounds(1, 1000))
    nulls = rules["null_values:state"]
    assert (nulls.metric, nulls.severity, nulls.bounds) == (
        Metric.NULL_FRACTION,
        Severity.WARNING,
        Bounds(high=0.05, high_open=True),
    )
    assert rules["duplicate_values:id,day"].metric is Metric.DUPLICATE_FRACTION
    assert rules["paid_share"].query == "SELECT avg((state = 'paid')::INT) FROM {table}"
    history = rules["sum:amount_against_history"]
    assert (history.metric, history.history, history.bounds) == (Metric.SUM, 28, Bounds(0.5, 2))
    reference = rules["references:plane"]
    assert (reference.reference, reference.severity) == (Reference("raw/planes", ("tailnum",)), Severity.WARNING)


def test_other_tools_of_the_standard_read_it_too(tmp_path: Path) -> None:
    assert OpenDataContractStandard.from_file(str(write(tmp_path, FULL))).id == "orders"


MISTAKES = {
    ("kind: DataContract", "kind: DataContrct"): (2, "kind", "must be 'DataContract'"),
    ("apiVersion: v3.1.0", "apiVersion: v2.2.0"): (1, "apiVersion", "not supported"),
    ("id: orders\n", ""): (1, "id", "required by the standard"),
    ("format: csv", "format: cvs"): (13, "servers[0].format", "did you mean 'csv'"),
    ("    encoding: latin-1", "    encoding: latin-one"): (15, "servers[0].encoding", "not an encoding"),
    ('delimiter: ";"', 'delimiter: ";;"'): (14, "servers[0].delimiter", "one ASCII character"),
    ("status: active", "status: active\nstatus: draft"): (6, "status", "given twice"),
    ("        logicalType: integer", "        logicalType: intger"): (
        29,
        "schema[0].properties[1].logicalType",
        "did you mean 'integer'",
    ),
    ("name: weight, logicalType: number", "name: weight, logicalType: time"): (
        34,
        "schema[0].properties[3].logicalType",
        "not supported",
    ),
    ("{minimum: 1, ", "{minimun: 1, "): (
        32,
        "schema[0].properties[1].logicalTypeOptions.minimun",
        "did you mean 'minimum'",
    ),
    ("minimum: 2013-01-01", "minimum: soon"): (
        40,
        "schema[0].properties[5].logicalTypeOptions.minimum",
        "not a value of type date",
    ),
    ("dd.MM.yyyy", "dd.QQ.yyyy"): (40, "schema[0].properties[5].logicalTypeOptions.format", "'QQ' is not understood"),
    ("Europe/Berlin}\n      - name: day", "Europe/Berlim}\n      - name: day"): (
        37,
        "schema[0].properties[4].logicalTypeOptions.defaultTimezone",
        "time zone",
    ),
    ('"^[A-Z]+$"', '"^[A-Z+$"'): (26, "schema[0].properties[0].logicalTypeOptions.pattern", "cannot be carried out"),
    ("value: hash", "value: hashed"): (41, "schema[0].properties[6].customProperties[0].value", "did you mean 'hash'"),
    (", customProperties: [{property: protection, value: hash}]", ""): (
        41,
        "schema[0].properties[6].classification",
        "say how it is protected",
    ),
    ("property: protection, value: drop", "property: protecton, value: drop"): (
        51,
        "schema[0].properties[8].properties[0].customProperties[0]",
        "did you mean 'protection'",
    ),
    ("name: state", "name: ID"): (42, "schema[0].properties[7].name", "already that of column 'id'"),
    ("metric: rowCount", "metric: rowCont"): (60, "schema[0].quality[0].metric", "did you mean 'rowCount'"),
    ("mustBeBetween: [1, 1000]", "mustBeBetween: [1000, 1]"): (
        60,
        "schema[0].quality[0].mustBeBetween",
        "the smaller number",
    ),
    ("properties: [id, day]", "properties: [id, dya]"): (61, "schema[0].quality[1]", "did you mean 'day'"),
    ("weight < 100 OR", "wieght < 100 OR"): (19, "schema[0]", "wieght"),
    ("history: 28", "history: 1"): (69, "schema[0].quality[4].implementation.history", "from 3"),
    ("to: planes.tailnum", "to: planes"): (58, "schema[0].properties[9].relationships[0].to", "planes.tailnum"),
    ("unit: h", "unit: parsec"): (71, "slaProperties[0].value", "unit d, h, m or s"),
    ('value: "08:30"', 'value: "8:99"'): (72, "slaProperties[1].value", "time of day"),
    ("value: 2%", "value: 200%"): (75, "customProperties[0].value", "fraction from 0 to 1"),
    ("property: quarantineLimit", "property: quarantineLimt"): (
        75,
        "customProperties[0]",
        "did you mean 'quarantineLimit'",
    ),
    ("weekday: sunday", "weekday: sonntag"): (79, "customProperties[2].value[0].weekday", "must be one of monday"),
    (
        "severity: warning}\n          - {type: library, metric: inv",
        "severity: wraning}\n          - {type: library, metric: inv",
    ): (None, "", "did you mean 'warning'"),
    ("    physicalType: file", "    physicalTyp: file"): (20, "schema[0].physicalTyp", "did you mean 'physicalType'"),
    ("servers:\n", "servers: {}\nserver_list:\n"): (None, "", "not a key of the standard"),
    ("schema:\n", "schema: [\n"): (None, "", "not valid YAML"),
}


@pytest.mark.parametrize("edit", MISTAKES, ids=lambda edit: edit[1].strip()[:40])
def test_each_mistake_is_told_with_its_place(tmp_path: Path, edit: tuple[str, str]) -> None:
    line, key, words = MISTAKES[edit]
    assert edit[0] in FULL
    problems = contract_problems(write(tmp_path, FULL.replace(edit[0], edit[1], 1)))
    fitting = [problem for problem in problems if words in problem.message]
    assert fitting, problems
    if line is not None:
        assert (fitting[0].line, fitting[0].key) == (line, key)
        assert str(fitting[0]).startswith(f"{tmp_path}/contract.yaml:{line}: {key}: ")


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = FULL
    for old, new in [
        ("format: csv", "format: cvs"),
        ("value: 2%", "value: 3"),
        ("metric: rowCount", "metric: rows"),
        ("unit: h", "unit: q"),
    ]:
        text = text.replace(old, new, 1)
    with pytest.raises(ContractError) as caught:
        read_contract(write(tmp_path, text))
    assert [problem.line for problem in caught.value.problems] == [13, 60, 71, 75]
    assert len(str(caught.value).splitlines()) == 4


def test_files_that_are_no_contracts(tmp_path: Path) -> None:
    assert "cannot be read" in str(contract_problems(tmp_path / "missing.yaml")[0])
    assert "empty" in str(contract_problems(write(tmp_path, ""))[0])
    assert "mapping" in str(contract_problems(write(tmp_path, "- a\n"))[0])
    (tmp_path / "contract.yaml").write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in str(contract_problems(tmp_path / "contract.yaml")[0])


def test_what_is_not_carried_out_is_told(tmp_path: Path) -> None:
    more = FULL.replace(
        "      - {type: library, metric: rowCount",
        "      - {type: text, description: Looks fine}\n"
        "      - {type: custom, engine: soda, implementation: x}\n"
        "      - {type: library, metric: rowCount",
    )
    more = more.replace(
        "slaProperties:\n", "roles: [{role: reader}]\nslaProperties:\n  - {property: retention, value: 3, unit: y}\n"
    )
    more = more.replace("{name: weight,", "{name: weight, transformLogic: x,").replace(
        "property: emptyDelivery", "property: costCentre"
    )
    notes = "\n".join(read_contract(write(tmp_path, more)).notes)
    for words in ("a rule in words", "engine 'soda'", "'retention'", "roles", "transformLogic", "'costCentre'"):
        assert words in notes
    assert "contract.yaml:60" in notes


def test_reading_takes_milliseconds(tmp_path: Path) -> None:
    path = write(tmp_path, FULL)
    read_contract(path)
    started = time.process_time()
    for _ in range(20):
        read_contract(path)
    assert (time.process_time() - started) / 20 < 0.02
