"""What is wrong with a contract is told at once, each with file, line and key; and what is not carried out."""

from pathlib import Path

import pytest

from platform_assets.contracts.problems import ContractError
from platform_assets.sql.contract_file import contract_problems, read_contract
from tests.contracts.full_contract import FULL, write

MISTAKES = {
    ("kind: DataContract", "kind: DataContrct"): (2, "kind", "must be 'DataContract'"),
    ("apiVersion: v3.1.0", "apiVersion: v2.2.0"): (1, "apiVersion", "not supported"),
    ("id: orders\n", ""): (1, "id", "required by the standard"),
    ("format: csv", "format: cvs"): (13, "servers[0].format", "did you mean 'csv'"),
    ("    encoding: latin-1", "    encoding: latin-one"): (15, "servers[0].encoding", "no encoding of text"),
    ("    encoding: latin-1", "    encoding: rot13"): (15, "servers[0].encoding", "no encoding of text"),
    ("    encoding: latin-1", "    encoding: base64"): (15, "servers[0].encoding", "no encoding of text"),
    ("    encoding: latin-1", "    encoding: idna"): (15, "servers[0].encoding", "no encoding of text"),
    ("    encoding: latin-1", "    encoding: punycode"): (15, "servers[0].encoding", "no encoding of text"),
    ('delimiter: ";"', 'delimiter: ";;"'): (14, "servers[0].delimiter", "one ASCII character"),
    ("status: active", "status: active\nstatus: draft"): (6, "status", "given twice"),
    ("        logicalType: integer", "        logicalType: intger"): (
        29,
        "schema[0].properties[1].logicalType",
        "did you mean 'integer'",
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
    more = more.replace("slaProperties:\n", "slaProperties:\n  - {property: retention, value: 3, unit: y}\n")
    more = more.replace("property: emptyDelivery", "property: costCentre")
    notes = "\n".join(read_contract(write(tmp_path, more)).notes)
    for words in ("a rule in words", "engine 'soda'", "'retention'", "'costCentre'"):
        assert words in notes
    assert "contract.yaml:60" in notes


def test_a_rule_that_reads_the_clock_is_told(tmp_path: Path) -> None:
    rule = "      - {type: sql, query: 'SELECT count(*) FROM ${table} WHERE day > current_date', mustBe: 0}\n"
    text = FULL.replace("      - {type: library, metric: rowCount", f"{rule}      - {{type: library, metric: rowCount")
    (note,) = [note for note in read_contract(write(tmp_path, text)).notes if "current_date" in note]
    assert "contract.yaml:" in note
    assert "depend on when it is loaded" in note


@pytest.mark.parametrize(("words", "meant"), [("[yes, 1]", "yes"), ("[No]", "no"), ("on", "on"), ("[x, false]", "off")])
def test_words_that_yaml_takes_for_booleans_need_quotes(tmp_path: Path, words: str, meant: str) -> None:
    column = (
        "      - {name: flag, logicalType: boolean, customProperties: [{property: trueValues, value: %s}]}\n"
        "      - name: day\n"
    )
    (problem,) = contract_problems(write(tmp_path, FULL.replace("      - name: day\n", column % words, 1)))
    assert problem.key.endswith("customProperties[0].value")
    assert "in quotes" in problem.message
    assert meant in problem.message
    assert not contract_problems(write(tmp_path, FULL.replace("      - name: day\n", column % '["yes", "1", 2]', 1)))
