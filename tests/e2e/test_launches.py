"""The same bad day, launched from the command line and through GraphQL: red alone, and refused downstream."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_ui import BAD, DAYS, land, no_run_in_progress
from tests.support.servers import Servers, servers, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

REFERENCE = ["staging/stg_airlines", "staging/stg_airports", "staging/stg_planes"]
LAKE_AND_RAW = [f"{layer}/{feed}" for layer in ("lake", "raw") for feed in ("airlines", "airports", "planes")]
MARTS = ("airport_delays", "route_statistics", "daily_carrier_punctuality")
MATERIALIZE = ("dagster", "asset", "materialize", "-m", "platform_assets.definitions", "--select")
DAILY = [
    *(f"{layer}/{feed}" for layer in ("lake", "raw") for feed in ("flights", "weather")),
    *("staging/stg_flights", "staging/stg_weather", "intermediate/int_flights_enriched"),
    *(
        f"{s}/{t}"
        for s in ("marts", "published")
        for t in ("airport_delays", "route_statistics", "daily_carrier_punctuality")
    ),
]
LAUNCH = """
mutation($parameters: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $parameters) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }
"""
RUNS = "{ runsOrError { ... on Runs { results { runId status tags { key value } } } } }"


@pytest.fixture(name="platform")
def _platform(tmp_path: Path) -> Iterator[Servers]:
    land(tmp_path / "landing")
    with servers(tmp_path, sensors=False) as started:
        result = started.run(*MATERIALIZE, selection([*LAKE_AND_RAW, *REFERENCE]))
        assert result.returncode == 0, result.stderr[-2000:]
        yield started


def selection(keys: list[str]) -> str:
    return ",".join(f'key:"{key}"' for key in keys)


def assert_red_alone(platform: Servers) -> None:
    for key in DAILY:
        stats = platform.partitions(key)
        bad = 0 if key.endswith(("lake/flights", "weather")) else 1
        assert stats["numMaterialized"] == len(DAYS) - bad, key
    assert platform.partitions("raw/flights")["numFailed"] == 1


def test_from_the_command_line(platform: Servers) -> None:
    span = f"{DAYS[0]}...{DAYS[-1]}"
    result = platform.run(*MATERIALIZE, selection(DAILY), "--partition-range", span)
    assert result.returncode == 1
    assert f"raw/flights: 1 of {len(DAYS)} partitions not published" in result.stderr
    assert_red_alone(platform)
    mart = selection(["marts/airport_delays"])
    refused = platform.run(*MATERIALIZE, mart, "--partition", BAD)
    assert refused.returncode == 1
    assert "intermediate/int_flights_enriched" in refused.stderr
    assert platform.partitions("marts/airport_delays")["numMaterialized"] == len(DAYS) - 1


def test_through_graphql_as_a_backfill(platform: Servers) -> None:
    launched = platform.graphql(
        LAUNCH,
        parameters={"assetSelection": [{"path": key.split("/")} for key in DAILY], "partitionNames": DAYS},
    )["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    wait_for("the backfill's run", lambda: platform.partitions(DAILY[-1])["numMaterialized"], seconds=240)
    wait_for("the end of the run", lambda: no_run_in_progress(platform), seconds=240)
    assert_red_alone(platform)
    runs = platform.graphql(RUNS)["runsOrError"]["results"]
    of_backfill = [run for run in runs if {"key": "dagster/backfill", "value": launched["backfillId"]} in run["tags"]]
    assert [run["status"] for run in of_backfill] == ["FAILURE"], "one run for the whole range"
