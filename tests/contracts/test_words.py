"""Every word of the standard is read: carried out, kept or reported, as the table in the docs says."""

from __future__ import annotations

import datetime as dt
import json
import typing
from pathlib import Path
from typing import Any

import pytest
import yaml

from platform_assets.contracts.model import Contract, FileFormat, FileKind, Freshness, Metric
from platform_assets.contracts.problems import ContractError
from platform_assets.contracts.words import WORDS, Treatment
from platform_assets.sql.contract_file import parse_contract, parse_document, read_contract
from tests.contracts.every_word import NEW, OLD
from tests.contracts.words_table import PAGE, fields, models, written

FILE = Path("contract.yaml")


def used(data: Any, model: Any, found: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Each (model, word) that stands in ``data``, a value of ``model``."""
    for item in data if isinstance(data, list) else [data]:
        for name, field in model.model_fields.items():
            value = item.get(field.alias or name) if isinstance(item, dict) else None
            if value is not None:
                found.add((model.__name__, name))
                for inner in inner_models(field.annotation, value):
                    used(value, inner, found)
    return found


def inner_models(annotation: Any, value: Any) -> list[Any]:
    if hasattr(annotation, "model_fields"):
        return [annotation]
    kinds = [kind for part in typing.get_args(annotation) for kind in inner_models(part, value)]
    # a team is an object, or a list of its members
    return [kind for kind in kinds if kind.__name__ != ("TeamMember" if isinstance(value, dict) else "Team")]


def test_the_contract_of_these_tests_has_every_word() -> None:
    found = used(yaml.safe_load(NEW), models()["OpenDataContractStandard"], set())
    found |= used(yaml.safe_load(OLD), models()["OpenDataContractStandard"], set())
    assert {(name, word) for name in models() for word in fields(name)} - found == set()


def test_nothing_is_said_of_words_that_the_standard_does_not_have() -> None:
    assert {name: set(words) for name, words in WORDS.items()} == {name: set(fields(name)) for name in WORDS}


def test_the_table_in_the_docs_is_that_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(page), "run `make words`"


def loans() -> Contract:
    return parse_contract(NEW, FILE, schema="loans")


def test_what_a_contract_says_that_is_not_carried_out_is_kept() -> None:
    kept = {word: json.loads(text) for word, text in loans().about}
    data = yaml.safe_load(NEW)
    words = [word for word, said in WORDS["OpenDataContractStandard"].items() if said.treatment is Treatment.KEPT]
    assert {word: kept[word] for word in words} == {word: data[word] for word in words}
    assert kept["description"] == data["description"]
    assert kept["schema/businessName"] == "Loans"
    assert kept["schema/properties"]["loan"]["transformLogic"] == "select loan"
    assert kept["schema/properties"]["isbn"]["classification"] == "public"


def test_what_is_not_carried_out_is_reported_with_its_line() -> None:
    notes = parse_document(NEW, FILE).notes
    assert all(note.startswith("contract.yaml:") for note in notes)
    for words in (
        "servers[0].format: 'rows' is not read", "slaProperties[0].schedule: '0 30 * * *' is no deadline",
        "slaProperties[3]: the SLA property 'endOfLife' is kept", "'Public Libraries' becomes 'Public_Libraries'",
        "tags[1]: 'for readers' becomes 'for_readers'", "quality[0].schedule", "a rule in words", "the engine 'soda'",
        "a time of day is text", "logicalTypeOptions.minimum: is taken as 2020-01-01 00:00:00, in UTC",
        "'filename' becomes 'filename_'", "custom property 'a' is kept",
    ):  # fmt: skip
        assert any(words in note for note in notes), words


def test_a_contract_of_several_tables_serves_several_feeds() -> None:
    assert [contract.name for contract in parse_document(NEW, FILE).contracts] == ["loans", "books"]
    assert [column.name for column in parse_contract(NEW, FILE, schema="books").columns] == ["isbn"]
    assert loans().freshness == Freshness(dt.timedelta(days=2), "30 9 * * *", "Etc/GMT+8")
    assert parse_contract(NEW, FILE, schema="books").freshness == Freshness(None, "0 7 * * *", "Europe/Berlin")
    for schema, words in ((None, "`schema:` in defs.yaml, one of loans, books"), ("book", "did you mean 'books'")):
        with pytest.raises(ContractError, match=words):
            parse_contract(NEW, FILE, schema=schema)


def test_a_mistake_in_one_table_is_none_of_the_others() -> None:
    text = NEW.replace("{name: days, logicalType: integer}", "{name: days, logicalType: intger}")
    assert parse_contract(text, FILE, schema="books").name == "books"
    with pytest.raises(ContractError, match="did you mean 'integer'"):
        parse_contract(text, FILE, schema="loans")
    with pytest.raises(ContractError, match="did you mean 'integer'"):
        parse_document(text, FILE)


def test_what_is_carried_out() -> None:
    contract = loans()
    assert contract.owners == ("team:ada.l",)
    assert contract.format == FileFormat(FileKind.CSV, ";", null_strings=("-",))
    columns = {column.name: column for column in contract.columns}
    assert (columns["loan"].minimum, columns["loan"].maximum, columns["loan"].source_name) == ("0", "900000", "Loan No")
    assert (columns["lent_on"].minimum, columns["seen"].minimum) == ("2020-01-01", "2020-01-01 00:00:00")
    assert columns["closes_at"].pattern
    assert columns["filename_"].source_name == "filename"
    rules = {rule.name: rule for rule in contract.batch_rules}
    assert rules["some_loans"].metric is Metric.ROW_COUNT
    assert str(rules["sql"].query).startswith("SELECT count(*) FROM {table}")
    assert str(rules["sql_2"].query).startswith("SELECT count(*) = 0 FROM {table}")
    assert rules["sql_2"].bounds.low == 1
    assert [rule.reference.asset for rule in contract.batch_rules if rule.reference] == ["raw/books", "raw/books"]


def test_the_words_of_the_older_standard() -> None:
    contract = parse_document(OLD, FILE).contracts[0]
    assert contract.owners == ("team:carl",)
    assert [rule.name for rule in contract.batch_rules] == [
        "row_count",
        "null_values:isbn",
        "duplicate_values:isbn",
        "sql:isbn",
    ]
    assert [rule.name for rule in contract.row_expressions] == ["invalid_values:unit"]
    assert [column.max_length for column in contract.columns] == [None, 9, None]
    notes = "\n".join(contract.notes)
    for words in ("'countCheck' names no limit", "'tableShape' of 3.0", "'minCheck' of 3.0", "has no logicalType"):
        assert words in notes
    assert any("warehouse_hint: is not a key" in note for note in parse_document(OLD, FILE).notes)


@pytest.mark.parametrize(
    ("files", "form", "kind"),
    [
        ("loans/%Y.csv.gz", None, FileKind.CSV), ("a.parquet", None, FileKind.PARQUET), ("a/*", "json", FileKind.JSONL),
        ("a_{key}.ndjson.zst", None, FileKind.JSONL), ("a.csv", "json", FileKind.JSONL),
        ("*.{tsv,tsv.gz}", None, FileKind.CSV),
    ],
)  # fmt: skip
def test_the_format_may_be_said_outside_of_the_contract(
    tmp_path: Path, files: str, form: str | None, kind: FileKind
) -> None:
    path = tmp_path / "contract.yaml"
    path.write_text(OLD)
    assert read_contract(path, files=files, format=form).format.kind is kind


@pytest.mark.parametrize(("files", "form"), [("loans/*", None), (None, None), ("a.csv", "avro")])
def test_a_feed_needs_a_format(tmp_path: Path, files: str | None, form: str | None) -> None:
    path = tmp_path / "contract.yaml"
    path.write_text(OLD)
    with pytest.raises(ContractError, match="format"):
        read_contract(path, files=files, format=form)


@pytest.mark.parametrize(
    ("value", "cron", "zone"),
    [
        ("08:30", "30 8 * * *", "UTC"), ("08:30Z", "30 8 * * *", "UTC"), ("08:30-08:00", "30 8 * * *", "Etc/GMT+8"),
        ("08:30 +02", "30 8 * * *", "Etc/GMT-2"), ("02:15+05:30", "45 20 * * *", "UTC"),
    ],
)  # fmt: skip
def test_times_of_day_with_offsets(value: str, cron: str, zone: str) -> None:
    text = NEW.replace('"09:30-08:00"', f'"{value}"')
    assert parse_contract(text, FILE, schema="loans").freshness == Freshness(dt.timedelta(days=2), cron, zone)


def test_a_contract_without_a_table_is_no_mistake_and_no_feed() -> None:
    text = OLD.split("schema:")[0]
    assert parse_document(text, FILE).contracts == ()
    assert "no feed can be made" in parse_document(text, FILE).notes[0]
    with pytest.raises(ContractError, match="must be a list of tables"):
        parse_contract(text, FILE)
