"""Personal values: pseudonyms that join, masks, and no clear value anywhere outside the quarantine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from platform_assets.ingestion.ingestor import ingest
from platform_assets.lake.errors import DeliveryRejected
from platform_assets.lake.layout import QUARANTINE
from tests.support.lake import KEY, contract_of


def protected(name: str, how: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    properties = [{"property": "protection", "value": how}]
    return {"name": name, "logicalType": kind, "classification": "personal", "customProperties": properties, **more}


def untyped(name: str, how: str) -> dict[str, Any]:
    """A protected value of which the contract says no type: one of any type is protected, and none is quarantined."""
    return {key: value for key, value in protected(name, how).items() if key != "logicalType"}


COLUMNS = [
    {"name": "n", "logicalType": "integer"},
    protected("mail", "hash"),
    protected("phone", "mask"),
    protected("name", "drop"),
    protected("number", "hash", "integer"),
]
CLEAR = ("ada@example.org", "555-0100", "Ada Lovelace", "424242")


def clear_values_in(folder: Path) -> list[str]:
    """Files below ``folder``, without the quarantine, in whose bytes or name a clear value stands."""
    found = []
    for path in folder.rglob("*"):
        inside = path.read_bytes() if path.is_file() else b""
        if QUARANTINE not in path.parts and any(word.encode() in inside or word in path.name for word in CLEAR):
            found.append(str(path))
    return found


def test_values_are_hashed_masked_and_dropped(lake: Any, make_contract: Callable[..., Any]) -> None:
    text = (
        "n,mail,phone,name,number\n1,ada@example.org,555-0100,Ada Lovelace,424242\n2,ada@example.org,,,0424242\n3,,,,\n"
    )
    manifest = lake.ingest(make_contract(COLUMNS), lake.file("a.csv", text))
    first, second, third = lake.rows(manifest)
    assert manifest.columns == (("n", "BIGINT"), ("mail", "VARCHAR"), ("phone", "VARCHAR"), ("number", "VARCHAR"))
    assert first[1] == second[1]
    assert len(first[1]) == 32
    assert int(first[1], 16)
    assert first[2] == "***"
    assert second[2] is None
    assert first[3] == second[3], "an integer is one value however it is written"
    assert third == (3, None, None, None)
    assert clear_values_in(lake.path) == []


def test_pseudonyms_join_over_feeds_formats_and_nested_values_but_not_over_keys(lake: Any) -> None:
    age = {"name": "age", "logicalType": "integer"}
    nested = {"name": "user", "logicalType": "object", "properties": [protected("mail", "hash"), age]}
    csv = lake.ingest(
        contract_of([protected("who", "hash")]), lake.file("a.csv", "who\nada@example.org\n"), partition="1"
    )
    document = json.dumps({"user": {"mail": "ada@example.org", "age": 36}})
    jsonl = lake.ingest(contract_of([nested], form="json"), lake.file("a.jsonl", document), partition="2")
    ((pseudonym,),) = lake.rows(csv)
    ((inside,),) = lake.rows(jsonl)
    assert json.loads(inside) == {"mail": pseudonym, "age": 36}
    other = ingest(
        contract=contract_of([protected("who", "hash")]),
        delivery=lake.delivery(lake.landing / "a.csv", partition="3"),
        lake=lake.path,
        pseudonym_key=b"another key for tests, 32 bytes.",
    )
    ((unrelated,),) = lake.rows(other)
    assert unrelated != pseudonym
    assert other.content_hash != csv.content_hash


def test_another_key_is_another_ingestion(lake: Any) -> None:
    contract, file = contract_of([protected("who", "hash")]), lake.file("a.csv", "who\nada@example.org\n")
    first = lake.ingest(contract, file)
    second = ingest(contract=contract, delivery=lake.delivery(file), lake=lake.path, pseudonym_key=KEY[::-1])
    assert second.ingestion != first.ingestion


@pytest.mark.parametrize("form", ["json", "csv"])
def test_nested_values_are_protected_wherever_they_stand(lake: Any, form: str) -> None:
    people = {
        "name": "people",
        "logicalType": "array",
        "items": {
            "properties": [
                untyped("mail", "hash"),
                untyped("phones", "mask"),
                untyped("name", "drop"),
                {"name": "ok", "logicalType": "boolean"},
            ],
        },
    }
    value = [
        {"mail": "ada@example.org", "phones": ["555-0100"], "name": "Ada Lovelace", "ok": True, "size": 1.10},
        {"mail": {"work": "ada@example.org"}, "phones": {"home": "555-0100"}},
        ["Ada Lovelace"],
        "ada@example.org",
        None,
    ]
    text = json.dumps(value)
    content = f'{{"people":{text}}}\n' if form == "json" else 'people\n"' + text.replace('"', '""') + '"\n'
    manifest = lake.ingest(contract_of([people], form=form), lake.file("a", content))
    ((found,),) = lake.rows(manifest)
    first, second, third, fourth, last = json.loads(found)
    assert first.keys() == {"mail", "phones", "ok", "***"}
    assert len(first["mail"]) == 32
    assert first["phones"] == ["***"]
    assert second["phones"] == "***"
    assert (third, fourth, last) == (["***"], "***", None)
    assert clear_values_in(lake.path) == []


def test_errors_never_quote_personal_values(lake: Any, capfd: pytest.CaptureFixture[str]) -> None:
    columns = [
        protected("mail", "mask", logicalTypeOptions={"pattern": "^x"}),
        protected("number", "hash", "integer"),
        protected("name", "drop", primaryKey=True),
    ]
    rule = {
        "type": "custom",
        "engine": "platform-assets",
        "name": "r",
        "implementation": {"rowExpression": "CAST(mail AS INTEGER) > 0"},
    }
    contract = contract_of(columns, quality=[rule], terms={"quarantineLimit": 0.1})
    text = "mail,number,name\nada@example.org,x424242,Ada Lovelace\nada@example.org,424242,Ada Lovelace\n"
    with pytest.raises(DeliveryRejected) as caught:
        lake.ingest(contract, lake.file("a.csv", text))
    told = str(caught.value) + repr(caught.value) + "".join(capfd.readouterr())
    assert not any(word in told for word in CLEAR)
    assert clear_values_in(lake.path) == []
    assert lake.quarantined()[0].reasons == ("pattern:mail", "type:number", "rule:r")


def test_the_quarantine_is_for_its_owner_only(lake: Any, make_contract: Callable[..., Any]) -> None:
    lake.ingest(make_contract([{"name": "n", "logicalType": "integer"}]), lake.file("a.csv", "n\n1\nx\n"))
    for path in (lake.path / QUARANTINE).rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert (lake.path / QUARANTINE).stat().st_mode & 0o077 == 0


def test_keys_of_masked_and_dropped_columns_are_still_unique(lake: Any, make_contract: Callable[..., Any]) -> None:
    contract = make_contract([{"name": "n", "logicalType": "integer"}, protected("mail", "drop", unique=True)])
    manifest = lake.ingest(contract, lake.file("a.csv", "n,mail\n1,a@b.c\n2,d@e.f\n3,a@b.c\n4,\n5,\n"))
    assert lake.rows(manifest) == [(1,), (2,), (4,), (5,)]
    assert manifest.reasons == {"unique:mail": 1}


def test_a_hashed_column_needs_a_key(lake: Any) -> None:
    contract = contract_of([protected("who", "hash")])
    with pytest.raises(ValueError, match="pseudonym key"):
        ingest(
            contract=contract,
            delivery=lake.delivery(lake.file("a.csv", "who\nx\n")),
            lake=lake.path,
            pseudonym_key=None,
        )
    with pytest.raises(ValueError, match="at least 16"):
        ingest(
            contract=contract, delivery=lake.delivery(lake.landing / "a.csv"), lake=lake.path, pseudonym_key=b"short"
        )


def test_a_personal_value_under_a_name_that_the_contract_does_not_know_is_masked(lake: Any) -> None:
    inner = {"name": "inner", "logicalType": "object", "properties": [{"name": "n"}]}
    free = {"name": "free", "logicalType": "object"}
    user = {"name": "user", "logicalType": "object", "properties": [protected("mail", "mask"), inner, free]}
    clear = "somebody@example.org"
    documents = [
        {"Mail": clear},
        {"mail ": clear},
        {"inner": {"mail": clear, "n": 1}},
        {"inner": {"n": {"mail": clear}}},
        {"other": [clear]},
        {"free": {"n": 2}},
    ]
    text = "\n".join(json.dumps({"user": document}) for document in documents)
    manifest = lake.ingest(contract_of([user], form="json"), lake.file("a.jsonl", text))
    rows = [json.loads(value) for (value,) in lake.rows(manifest)]
    assert clear not in json.dumps(rows)
    assert rows[2] == {"inner": {"***": "***", "n": 1}}
    assert rows[4] == {"***": "***"}
    assert rows[5] == {"free": {"n": 2}}


def test_a_file_without_its_header_line_is_refused_without_quoting_its_first_row(lake: Any) -> None:
    contract = contract_of([{"name": "id", "logicalType": "integer"}, protected("mail", "hash")])
    with pytest.raises(DeliveryRejected) as refused:
        lake.ingest(contract, lake.file("a.csv", "1,somebody@example.org\n2,other@example.org\n"))
    assert "somebody" not in str(refused.value)
    assert "header line missing" in str(refused.value)
