"""Two code locations of one workspace under a real `dagster dev`: what one publishes is built in the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from tests.support.servers import Servers, configure_instance, free_port, wait_for
from tests.support.two_locations import WORKSPACE, deliver, write_feeds, write_marts

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

MATERIALIZED = """query($key: AssetKeyInput!) { assetOrError(assetKey: $key) { ... on Asset {
  assetMaterializations(limit: 1000) { partition runId } } } }"""
ENDED = "query($id: ID!) { runOrError(runId: $id) { ... on Run { endTime } } }"
TICKS = """query($s: SensorSelector!) { sensorOrError(sensorSelector: $s) { ... on Sensor { sensorState {
  ticks(limit: 1000) { timestamp runIds requestedAssetMaterializationCount } } } } }"""
HOURS = [f"2024-01-02T{hour:02}" for hour in range(24)]


@pytest.fixture(name="workspace", scope="module")
def _workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    root = tmp_path_factory.mktemp("locations")
    write_feeds(root)
    write_marts(root)
    configure_instance(root)
    (root / "workspace.yaml").write_text(WORKSPACE)
    servers = Servers(root, free_port(), root)
    try:
        servers.start("dagster", "dev", "-w", "workspace.yaml", "-p", str(servers.port))
        wait_for("the webserver", lambda: servers.graphql("{ version }"), seconds=300)
        wait_for("the first tick over the models", lambda: ticks(servers), seconds=300)
        yield servers
    finally:
        servers.stop()


def materialized(servers: Servers, key: str) -> dict[str | None, str]:
    """The partitions of an asset, each with the run that materialized it last."""
    found: Any = servers.graphql(MATERIALIZED, key={"path": key.split("/")})["assetOrError"]
    return {event["partition"]: event["runId"] for event in reversed(found.get("assetMaterializations", []))}


def ticks(servers: Servers) -> list[dict[str, Any]]:
    """The evaluations of the conditions of the models, the newest first."""
    selector = {"repositoryLocationName": "marts", "repositoryName": "__repository__", "sensorName": "automation"}
    found: Any = servers.graphql(TICKS, s=selector)["sensorOrError"]
    return list(found["sensorState"]["ticks"]) if "sensorState" in found else []


def built(servers: Servers, key: str, *partitions: str) -> None:
    """Return once the partitions of an asset are materialized, and no other one of it is."""
    wait_for(f"{key} of {partitions}", lambda: set(partitions) <= {*materialized(servers, key)}, seconds=300)
    assert {*materialized(servers, key)} == {*partitions}


def test_what_one_location_publishes_the_next_tick_of_the_other_asks_for(workspace: Servers) -> None:
    deliver(workspace.home, {"customers.csv": 1})
    wait_for("the customers", lambda: materialized(workspace, "raw/customers"), seconds=300)
    deliver(workspace.home, {"orders/2024-01-02.csv": 10})
    built(workspace, "published/totals", "2024-01-02")
    built(workspace, "totals", "2024-01-02")
    with duckdb.connect(str(workspace.home / "feeds" / "data" / "warehouse.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT _partition, amount FROM published.totals").fetchall() == [("2024-01-02", 30)]
    ended = workspace.graphql(ENDED, id=materialized(workspace, "raw/orders")["2024-01-02"])["runOrError"]["endTime"]
    first = min((tick for tick in ticks(workspace) if tick["timestamp"] > ended), key=lambda tick: tick["timestamp"])
    asked = [tick for tick in ticks(workspace) if materialized(workspace, "totals")["2024-01-02"] in tick["runIds"]]
    assert asked == [tick for tick in asked if tick["timestamp"] <= first["timestamp"]], "no tick was let pass"
    assert asked


def test_partitions_of_every_kind_are_built_once_all_that_they_need_is_published(workspace: Servers) -> None:
    deliver(workspace.home, {"regions/north.csv": 1, "shops/köln.csv": 1})
    deliver(workspace.home, {f"clicks/{hour}.csv": 1 for hour in HOURS[:-1]})
    built(workspace, "by_region", "north")
    built(workspace, "by_shop", "köln")
    wait_for("23 hours", lambda: len(materialized(workspace, "raw/clicks")) == 23, seconds=300)
    before = len(ticks(workspace))
    wait_for("a tick", lambda: len(ticks(workspace)) > before + 1)
    assert materialized(workspace, "clicked") == {}, "an hour of the day is not published"
    deliver(workspace.home, {f"clicks/{HOURS[-1]}.csv": 1})
    built(workspace, "clicked", "2024-01-02")


def test_a_day_that_is_not_published_is_refused_with_its_reason(workspace: Servers) -> None:
    marts = Servers(workspace.home, workspace.port, workspace.home / "marts")
    refused = marts.run("dg", "launch", "--assets", "totals", "--partition", "2024-01-04")
    said = refused.stdout + refused.stderr
    assert refused.returncode != 0
    assert "2024-01-04: raw/orders, partition 2024-01-04: it was never published" in said, said[-3000:]
    assert "2024-01-04" not in materialized(workspace, "totals")


def incidents(servers: Servers) -> list[str]:
    """What the open incidents are about."""
    listed = servers.run("platform-assets", "alerts", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    return [json.loads(line)["subject"] for line in listed.stdout.splitlines() if line.startswith("{")]


def test_a_location_that_answers_nothing_is_one_incident_until_it_answers(workspace: Servers) -> None:
    served = [process for process in workspace.descendants() if "marts.definitions" in " ".join(process.cmdline())]
    assert served
    for process in served:
        process.suspend()
    try:
        wait_for("the incident", lambda: "code location marts" in incidents(workspace), seconds=400)
        assert [each for each in incidents(workspace) if "marts" in each] == ["code location marts"]
    finally:
        for process in served:
            process.resume()
    wait_for("its end", lambda: not [each for each in incidents(workspace) if "marts" in each], seconds=300)
