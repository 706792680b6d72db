"""SQL of a contract that no statement can hold is a problem of the contract, as is SQL that DuckDB refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from platform_assets.contracts.problems import ContractError
from platform_assets.sql.contract_file import contract_problems, parse_contract


def text(*columns: dict[str, Any], **table: Any) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v3.1.0", "kind": "DataContract", "id": "feed", "version": "1.0.0",
            "servers": [{"server": "s", "type": "local", "path": "x", "format": "csv"}],
            "schema": [{"name": "feed", "properties": list(columns), **table}],
        }
    )  # fmt: skip


def column(**more: Any) -> dict[str, Any]:
    return {"name": "a", "logicalType": "string", **more}


def invalid(limit: int) -> dict[str, Any]:
    rule = {"type": "library", "metric": "invalidValues", "mustBe": limit, "arguments": {"validValues": ["x\0y"]}}
    return column(quality=[rule])


@pytest.mark.parametrize(
    "given",
    [
        column(logicalTypeOptions={"pattern": "x\0y"}),
        column(enum=[{"value": "x\0y"}]),
        invalid(0),
        invalid(5),
    ],
    ids=["pattern", "enum", "row rule", "batch rule"],
)
def test_a_rule_with_a_nul_character_is_a_problem(given: dict[str, Any]) -> None:
    with pytest.raises(ContractError, match="cannot be carried out: text with a NUL character") as error:
        parse_contract(text(given), Path("feed.yaml"))
    assert error.value.problems[0].key.startswith("schema[0]")


def test_what_duckdb_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    path = tmp_path / "feed.yaml"
    body = {"type": "custom", "engine": "platform-assets", "name": "r", "implementation": {"rowExpression": "aa > 1"}}
    path.write_text(text(column(), quality=[body]), encoding="utf-8")
    (problem,) = contract_problems(path)
    assert problem.message.startswith("rule 'r' cannot be carried out: Binder Error")
    path.write_text(text(column()), encoding="utf-8")
    assert contract_problems(path) == []


def test_sql_that_reads_the_clock_is_noted_at_its_place() -> None:
    query = {
        "type": "sql",
        "query": "SELECT count(*) FROM ${table} WHERE CAST(${column} AS DATE) < current_date",
        "mustBe": 0,
    }
    (note,) = parse_contract(text(column(quality=[query])), Path("feed.yaml")).notes
    assert "schema[0].properties[0].quality[0].query: current_date makes the verdict" in note
