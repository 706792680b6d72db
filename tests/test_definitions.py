"""All definitions at once: what every asset must have, and a snapshot that is reviewed like code."""

import json
import os
from pathlib import Path

import dagster as dg
import pytest

from platform_assets.components.reporting.outcomes import VERDICT
from platform_assets.definitions import build
from platform_assets.environment import InvalidEnvironment, read_environment
from platform_assets.feeds.landing_events import RECOGNIZED

SNAPSHOT = Path(__file__).with_name("definitions_snapshot.json")


@pytest.fixture(name="definitions", scope="module")
def _definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build(read_environment({"PLATFORM_ENV": "test"}, cwd=tmp_path_factory.mktemp("home")))


def described(definitions: dg.Definitions) -> dict[str, object]:
    """The assets, checks, sensors and schedules in plain words."""
    graph = definitions.resolve_asset_graph()
    assets = {}
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        assets[key.to_user_string()] = {
            "deps": sorted(parent.to_user_string() for parent in node.parent_keys),
            "partitions": str(node.partitions_def) if node.partitions_def else None,
            "group": node.group_name,
            "owners": sorted(node.owners),
            "kinds": sorted(node.kinds),
            "checks": sorted(check.name for check in graph.get_check_keys_for_assets({key})),
            "automation": node.automation_condition.get_label() if node.automation_condition else None,
            "description": node.description,
        }
    repository = definitions.get_repository_def()
    return {
        "assets": assets,
        "sensors": sorted(sensor.name for sensor in repository.sensor_defs),
        "schedules": {schedule.name: schedule.cron_schedule for schedule in repository.schedule_defs},
    }


def test_every_asset_has_what_the_platform_asks_of_it(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        name = key.to_user_string()
        assert node.owners, name
        assert node.group_name != "default", name
        assert node.kinds, name
        assert node.description, name
        check = VERDICT if node.is_executable else RECOGNIZED
        assert dg.AssetCheckKey(key, check) in graph.asset_check_keys, name
        if node.is_executable:
            assert node.backfill_policy == dg.BackfillPolicy.single_run(), name
        ends = getattr(node.partitions_def, "end", None) is not None
        assert (node.freshness_policy is None) == ends, f"{name}: a policy, unless the feed has an end"


def test_the_definitions_are_those_of_the_snapshot(definitions: dg.Definitions) -> None:
    text = json.dumps(described(definitions), indent=1, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_SNAPSHOT"):
        SNAPSHOT.write_text(text)
    assert text == SNAPSHOT.read_text(), "the definitions changed: `make snapshot`, and review the difference"


def test_a_deployed_environment_takes_no_default_for_where_its_data_lies() -> None:
    with pytest.raises(InvalidEnvironment, match="PLATFORM_HOME, or PLATFORM_LAKE, PLATFORM_WAREHOUSE"):
        read_environment({"PLATFORM_ENV": "production", "PLATFORM_LANDING": "/srv/landing"}, cwd=Path("/"))
    found = read_environment({"PLATFORM_ENV": "production", "PLATFORM_HOME": "/srv/platform"}, cwd=Path("/"))
    assert found.warehouse == "/srv/platform/warehouse.duckdb"


def test_an_unknown_environment_is_refused_with_the_allowed_names() -> None:
    with pytest.raises(InvalidEnvironment, match="local, test, staging, production"):
        read_environment({"PLATFORM_ENV": "prod"}, cwd=Path("/"))
