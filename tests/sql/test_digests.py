"""Digests of contracts and rules are those of the first version, whatever fields the model gets.

The figures were printed by the code of commit 6cd47c1 for these very contracts, those of RULES by that of 0ff775b. One
that changes has every partition of such a feed ingested, or published, again.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from platform_assets.contracts.model import BatchRule, Column, Contract
from platform_assets.sql.contract_file import parse_contract
from platform_assets.sql.digest import contract_digest, rules_digest
from tests.contracts.full_contract import FULL
from tests.sql.rules_contract import RULES

SMALL = """
apiVersion: v3.0.2
kind: DataContract
id: small
version: 1.0.0
servers: [{server: landing, type: local, path: small, format: json}]
schema:
  - name: small
    properties:
      - {name: id, logicalType: integer}
      - name: who
        logicalType: object
        properties:
          - {name: city, logicalType: string}
          - name: name
            logicalType: string
            classification: personal
            customProperties: [{property: protection, value: mask}]
"""
COLUMNS = [("id", "BIGINT"), ("at", "DATE")]
TABLE = ("raw", "orders")


def contract(text: str) -> Contract:
    return parse_contract(text, Path("contract.yaml"))


@pytest.mark.parametrize(
    ("text", "digest"), [(FULL, "93233eea617c860d"), (SMALL, "9e41e44863116415"), (RULES, "142d74bc3e833ba1")]
)
def test_the_digest_of_a_contract_is_that_of_the_first_version(text: str, digest: str) -> None:
    found = contract(text)
    columns = tuple(dataclasses.replace(column, inside=()) for column in found.columns)
    assert contract_digest(dataclasses.replace(found, columns=columns)) == digest
    # rules inside JSON, which the first version did not carry out, make other rows
    assert (contract_digest(found) == digest) == (columns == found.columns)


@pytest.mark.parametrize(
    ("count", "digest"), [(6, "69245ab8959818dd"), (1, "01d81959f34db5a9"), (0, "5148ed06892eddf9")]
)
def test_the_digest_of_rules_is_that_of_the_first_version(count: int, digest: str) -> None:
    rules = contract(FULL).batch_rules
    assert len(rules) == 6
    assert rules_digest(rules[:count], COLUMNS, TABLE) == digest


def test_the_digest_of_rules_of_every_kind_is_that_of_the_first_version() -> None:
    rules = contract(RULES).batch_rules
    assert len(rules) == 15
    assert rules_digest(rules, COLUMNS, TABLE) == "57270f60d66eef03"


def extended(value: Any, **more: Any) -> Any:
    """``value`` as it would be in a later version, whose dataclass has a field more, at its default or not."""
    fields = [("later", str, dataclasses.field(default="as before"))]
    kind = dataclasses.make_dataclass(type(value).__name__, fields, bases=(type(value),), frozen=True)
    return kind(**{f.name: getattr(value, f.name) for f in dataclasses.fields(value)}, **more)


def test_a_field_more_changes_no_digest_until_it_is_used() -> None:
    before = contract(FULL)

    def with_columns(**more: Any) -> Contract:
        columns: tuple[Column, ...] = tuple(extended(column, **more) for column in before.columns)
        return dataclasses.replace(before, columns=columns)

    assert contract_digest(extended(before)) == contract_digest(before)
    assert contract_digest(extended(before, later="new")) != contract_digest(before)
    assert contract_digest(with_columns()) == contract_digest(before)
    assert contract_digest(with_columns(later="new")) != contract_digest(before)
    rules: list[BatchRule] = [extended(rule) for rule in before.batch_rules]
    first = rules_digest(before.batch_rules, COLUMNS, TABLE)
    assert rules_digest(rules, COLUMNS, TABLE) == first
    used: list[BatchRule] = [extended(rule, later="new") for rule in before.batch_rules]
    assert rules_digest(used, COLUMNS, TABLE) != first
