"""What `contract check` takes, Dagster loads: owners, groups, tags, names and schedules."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from platform_assets.components.asset_specs import asset_spec, freshness_policy
from platform_assets.contracts.model import Contract, Freshness
from platform_assets.contracts.orchestration import is_cron, is_owner
from platform_assets.contracts.problems import ContractError
from platform_assets.sql.contract_file import parse_contract

WORDS = st.text("abZ09_-./ :@%é|\n", max_size=12)
OWNERS = WORDS | st.builds("{}@{}.{}".format, WORDS, WORDS, WORDS) | st.builds("team:{}".format, WORDS) | st.text()
PARTS = st.sampled_from(
    ["*", "0", "5", "59", "60", "1-5", "5-1", "*/5", "*/0", "1,2", "5/2", "1-9/3", "L", "mon", "", "7"]
)
CRONS = st.lists(PARTS, min_size=4, max_size=6).map(" ".join) | st.text("0123456789*/-, ", max_size=12)


def dagster_takes(make: Any) -> bool:
    try:
        make()
    except (dg.DagsterInvalidDefinitionError, dg.DagsterError, ValueError, Exception):
        return False
    return True


@given(OWNERS)
@example("ada")
@example("ada@example.com")
@example("a@b.co|m")
@example("team:")
@settings(deadline=None, max_examples=300)
def test_an_owner_that_is_accepted_is_one_for_dagster(owner: str) -> None:
    known = dagster_takes(lambda: dg.AssetSpec("a", owners=[owner]))
    assert not is_owner(owner) or known
    assert is_owner(owner) or not known or "|" in owner, "nothing good is refused"


@given(CRONS)
@example("0 */6 * * *")
@example("30 8 * * 1-5")
@example("0 0 30 2 *")
@settings(deadline=None, max_examples=150)
def test_a_schedule_that_is_accepted_is_one_for_dagster(cron: str) -> None:
    if is_cron(cron):
        assert dagster_takes(
            lambda: dg.TimeWindowPartitionsDefinition(dt.datetime.now(dt.UTC), "%Y", cron_schedule=cron)
        )


def document(**more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v3.1.0", "kind": "DataContract", "id": "feed", "version": "1.0.0",
        "servers": [{"server": "s", "type": "local", "path": "x", "format": "csv"}],
        "schema": [{"name": "feed", "properties": [{"name": "n", "logicalType": "integer"}]}], **more,
    }  # fmt: skip


def read(data: dict[str, Any]) -> Contract:
    return parse_contract(yaml.safe_dump(data, allow_unicode=True), Path("feed.yaml"))


@given(st.data())
@settings(deadline=None, max_examples=150)
def test_a_contract_that_is_accepted_becomes_assets(data: st.DataObject) -> None:
    text = document(
        version=data.draw(WORDS | st.sampled_from(["1.0.0"])),
        domain=data.draw(WORDS | st.sampled_from(["sales", "a/b"])),
        tags=data.draw(st.lists(WORDS | st.sampled_from(["daily", "x/y"]), max_size=2)),
        team=[{"username": data.draw(OWNERS | st.sampled_from(["team:shop"])), "role": "owner"}],
        slaProperties=[
            {
                "property": "latency",
                "value": data.draw(st.integers(0, 100)),
                "unit": data.draw(st.sampled_from("smhdwy")),
                "schedule": data.draw(CRONS | st.none()),
            }
        ],
    )  # fmt: skip
    text["schema"][0]["name"] = data.draw(WORDS | st.sampled_from(["feed"]))
    try:
        contract = read(text)
    except ContractError:
        return
    daily = dg.DailyPartitionsDefinition("2024-01-01")
    policy = freshness_policy(contract.freshness, partitions=daily, ends=False)
    spec = asset_spec(
        dg.AssetKey(["raw", contract.name]), contract=contract, partitions=daily, description="", kinds={"csv"},
        freshness=policy,
    )  # fmt: skip

    @dg.multi_asset(name=spec.key.to_python_identifier(), specs=[spec])
    def load() -> None: ...

    @dg.sensor(name=f"{contract.name}_arrivals", target=dg.AssetSelection.assets(spec.key))
    def arrivals() -> None: ...

    dg.Definitions.validate_loadable(dg.Definitions(assets=[load], sensors=[arrivals]))


@pytest.mark.parametrize(
    ("change", "attribute", "value", "note"),
    [
        ({"team": [{"username": "ada"}]}, "owners", ("team:ada",), None),
        ({"team": {"members": [{"username": "ada"}]}}, "owners", ("team:ada",), None),
        ({"team": [{"username": "ada@example.com"}]}, "owners", ("ada@example.com",), None),
        ({"team": {"name": "shop", "members": []}}, "owners", ("team:shop",), None),
        (
            {"customProperties": [{"property": "owners", "value": ["ada", "team:x"]}]},
            "owners",
            ("team:ada", "team:x"),
            None,
        ),
        ({"domain": "Sales & my/shop"}, "domain", "Sales_my/shop", "domain: 'Sales & my/shop' becomes"),
        ({"tags": ["a b", "x/y z"]}, "tags", ("a_b", "x/y_z"), "tags[1]: 'x/y z' becomes 'x/y_z'"),
        (
            {"slaProperties": [{"property": "latency", "value": 1, "unit": "d", "schedule": "0 30 * * *"}]},
            "freshness",
            Freshness(dt.timedelta(days=1)),
            "slaProperties[0].schedule: '0 30 * * *' is no deadline",
        ),
        ({"schema": [{"name": "my-feed", "properties": [{"name": "n"}]}]}, "name", "my_feed", "'my-feed' becomes"),
    ],
)
def test_what_dagster_would_refuse_is_put_into_a_form_that_it_takes(
    change: dict[str, Any], attribute: str, value: object, note: str | None
) -> None:
    contract = read(document(**change))
    assert getattr(contract, attribute) == value
    assert note is None or any(note in line for line in contract.notes), contract.notes


def test_the_example_in_the_docs_is_good() -> None:
    text = (Path(__file__).parents[2] / "docs" / "contracts.md").read_text()
    example_of_docs = next(block for block in text.split("```") if block.startswith("yaml") and "apiVersion" in block)
    assert parse_contract(example_of_docs.removeprefix("yaml"), Path("contract.yaml")).owners == ("team:shop",)
