"""Mistakes in defs.yaml and contract.yaml: each is told with its file, its key, and what to do."""

from pathlib import Path

import dagster as dg
import pytest

from platform_assets.components.broken_feeds import VALIDATION
from tests.support.projects import opened, write_project
from tests.support.shop import CONTRACT, FEED, PARTITIONS

ORDERS = CONTRACT.format(name="orders", columns="      - {name: id, logicalType: integer}\n")
DAILY = FEED.format(files="orders/%Y-%m-%d.csv") + f"  partitions: {PARTITIONS}\n"
DEFS, CONTRACT_FILE = "orders/defs.yaml", "orders/contract.yaml"


@pytest.fixture(autouse=True)
def _validating(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `dg check defs` does; a code server leaves a feed out that cannot be loaded (test_broken_feeds)."""
    monkeypatch.setenv(VALIDATION, "1")


def causes(root: Path) -> list[str]:
    """The messages of what loading the project raises, the root cause last."""
    with opened(root) as project, pytest.raises(Exception) as raised:
        _ = project.definitions
    found: list[str] = []
    error: BaseException | None = raised.value
    while error is not None:
        found.append(str(error))
        error = error.__cause__
    return found


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (("  files:", "  fils:"), ["attributes.fils", f"{DEFS}:4", "attributes.files"]),
        (("settle_seconds: 0", "settle_seconds: soon"), [f"{DEFS}: settle_seconds: 'soon' must be a number"]),
        (
            ("settle_seconds: 0", "settle_seconds: 0\n  time_limit: soon"),
            [f"{DEFS}: time_limit: 'soon' must be a duration above 0"],
        ),
        (("settle_seconds: 0", "settle_seconds: [1]"), ["attributes.settle_seconds", f"{DEFS}:3"]),
        (
            ("settle_seconds: 0", "complete_when: orders/%Y-%m-%d.done\n  manifest: orders/%Y-%m-%d.manifest"),
            [f"{DEFS}: complete_when and manifest both say when a delivery is complete: keep one of them"],
        ),
        (
            ("settle_seconds: 0", "manifest: orders/%Y.manifest"),
            [f"{DEFS}: manifest: 'orders/%Y.manifest' does not lead to the partition 2024-01-02"],
        ),
        (("%Y-%m-%d", "%Y-%m"), [f"{DEFS}: files: 'orders/%Y-%m.csv' does not lead to the partition 2024-01-02"]),
        (("%Y-%m-%d", "%Y-%m-%Q"), [f"{DEFS}: files:", "%Q is not known; use %Y"]),
        (("orders/%Y", "../orders/%Y"), [f"{DEFS}: files:", "stay inside it"]),
        (
            ("type: daily", "type: dayly"),
            [f"{DEFS}:5", "type: 'dayly' must be one of hourly,", "did you mean 'daily'?"],
        ),
        (("type: daily, ", ""), [f"{DEFS}:5", "partitions: type: None must be one of hourly,"]),
        (
            ("start_date", "start_dat"),
            [f"{DEFS}:5", "start_dat is no word of type daily", "did you mean 'start_date'?"],
        ),
        (("type: daily", "type: static"), [f"{DEFS}:5", "is no word of type static, which has partition_keys"]),
        (("type: daily", "timezone: Europe/Berlim, type: daily"), [f"{DEFS}:5", "No time zone found"]),
        (("type: daily", "hour_offset: six, type: daily"), [f"{DEFS}:5", "hour_offset: 'six' must be a whole number"]),
        (("2024-01-01", "2024-13-01"), [f"{DEFS}:5", "2024-13-01"]),
        (('"2024-01-01"', '"1700-01-01"'), [f"{DEFS}:5", "118,", "keys are more than an asset can have"]),
    ],
)
def test_a_mistake_in_defs_yaml(tmp_path: Path, changed: tuple[str, str], told: list[str]) -> None:
    assert changed[0] in DAILY
    write_project(tmp_path, {DEFS: DAILY.replace(*changed), CONTRACT_FILE: ORDERS})
    message = causes(tmp_path)[-1]
    for part in told:
        assert part in message


def test_a_latency_that_is_no_number(tmp_path: Path) -> None:
    words = "type: platform_assets.PublishedTable\nattributes:\n  source: raw/orders\n  latency_hours: soon\n"
    write_project(tmp_path, {"published/defs.yaml": words})
    assert "published/defs.yaml: latency_hours: 'soon' must be a number of hours" in causes(tmp_path)[-1]


def test_every_mistake_in_a_contract_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    wrong = ORDERS.replace("integer", "intger").replace("domain", "domian")
    write_project(tmp_path, {DEFS: DAILY, CONTRACT_FILE: wrong})
    message = causes(tmp_path)[-1]
    assert f"{CONTRACT_FILE}:7: domian: " in message
    assert "did you mean 'domain'?" in message
    assert "schema[0].properties[0].logicalType: 'intger'" in message


def test_a_contract_that_is_not_there_is_told_with_the_command_that_writes_one(tmp_path: Path) -> None:
    write_project(tmp_path, {DEFS: DAILY})
    message = causes(tmp_path)[-1]
    assert f"{DEFS}: contract:" in message
    assert "platform-assets contract infer" in message


def test_the_same_words_without_a_mistake_load(tmp_path: Path) -> None:
    write_project(tmp_path, {DEFS: DAILY, CONTRACT_FILE: ORDERS})
    with opened(tmp_path) as project:
        keys = project.definitions.resolve_asset_graph().get_all_asset_keys()
    assert dg.AssetKey(["raw", "orders"]) in keys
