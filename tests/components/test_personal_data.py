"""Personal data for which nobody has decided: reported by commands and in the UI, refused by a strict policy."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from click.testing import CliRunner

from platform_assets.cli.contract import contract
from platform_assets.components.asset_specs import UNDECIDED_TAG
from platform_assets.components.broken_feeds import GROUP, VALIDATION
from platform_assets.sql.contract_file import parse_contract
from tests.support.projects import opened, write_project
from tests.support.shop import CONTRACT, FEED

POLICY = "PLATFORM_PERSONAL_DATA"
KEPT = [{"property": "protection", "value": "none"}]
UNDECIDED: list[dict[str, Any]] = [
    {"classification": "restricted"}, {"classification": "Confidential"}, {"tags": ["x", "pii"]},
    {"tags": ["PII:email"]}, {"tags": ["personal-data"]}, {"tags": ["gdpr"]},
    {"logicalType": "object", "properties": [{"name": "b", "logicalType": "string", "tags": ["pii"]}]},
]  # fmt: skip
DECIDED: list[dict[str, Any]] = [
    {"classification": "public"}, {"tags": ["pipeline"]}, {"classification": "restricted", "customProperties": KEPT},
    {"tags": ["pii"], "customProperties": [{"property": "protection", "value": "hash"}]},
    {"logicalType": "object", "tags": ["pii"], "properties": [
        {"name": "b", "logicalType": "string", "customProperties": [{"property": "protection", "value": "drop"}]}]},
]  # fmt: skip


def text(column: dict[str, Any]) -> str:
    full = yaml.safe_dump(
        [{"name": "a", "logicalType": "string", **column}], default_flow_style=True, width=9999
    ).strip()
    return CONTRACT.format(name="orders", columns=f"      - {full[1:-1]}\n")


@pytest.mark.parametrize("column", UNDECIDED)
def test_what_may_be_personal_asks_for_a_decision(column: dict[str, Any]) -> None:
    (found,) = parse_contract(text(column), Path("c.yaml")).undecided
    assert found.key.startswith("schema[0].properties[0]")
    assert "decide with the custom property 'protection'" in found.message


@pytest.mark.parametrize("column", DECIDED)
def test_what_is_decided_or_not_personal_asks_for_nothing(column: dict[str, Any]) -> None:
    assert parse_contract(text(column), Path("c.yaml")).undecided == ()


@pytest.mark.parametrize(("policy", "code", "words"), [("warn", 0, "warning: "), ("strict", 1, "1 with problems")])
def test_contract_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str, code: int, words: str) -> None:
    monkeypatch.setenv(POLICY, policy)
    path = tmp_path / "contract.yaml"
    path.write_text(text(UNDECIDED[0]))
    result = CliRunner().invoke(contract, ["check", str(path)])
    assert result.exit_code == code
    assert words in result.output
    assert f"{path}:" in result.output


def test_the_ui_shows_what_is_to_be_decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(VALIDATION, "1")
    write_project(
        tmp_path, {"orders/defs.yaml": FEED.format(files="a.csv"), "orders/contract.yaml": text(UNDECIDED[2])}
    )
    with opened(tmp_path) as project, caplog.at_level(logging.WARNING):
        node = project.definitions.resolve_asset_graph().get(dg.AssetKey(["raw", "orders"]))
    assert UNDECIDED_TAG in node.tags
    assert "schema[0].properties[0].tags" in str(node.metadata["personal_data_undecided"].value)
    assert any("decide with the custom property" in record.getMessage() for record in caplog.records)


def test_a_strict_policy_leaves_the_feed_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(POLICY, "strict")
    write_project(
        tmp_path, {"orders/defs.yaml": FEED.format(files="a.csv"), "orders/contract.yaml": text(UNDECIDED[0])}
    )
    with opened(tmp_path) as project:
        node = project.definitions.resolve_asset_graph().get(dg.AssetKey(["raw", "orders"]))
    assert node.group_name == GROUP
    assert "decide with the custom property" in str(node.description)
