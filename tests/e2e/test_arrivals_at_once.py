"""Deliveries under a real `dagster dev` that are taken long before their settle time is over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.projects import write_project
from tests.support.servers import Servers, configure_instance, free_port, wait_for
from tests.support.shop import CONTRACT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SETTLE = 600
"""Nothing that waits for this is over within the test."""
PARTITIONS = '{{type: daily, start_date: "2024-01-01", timezone: UTC}}'
FEED = "type: platform_assets.FileFeed\nattributes:\n  files: {files}\n  partitions: " + PARTITIONS + "\n"
MARKER = "  complete_when: marked/%Y-%m-%d/_SUCCESS\n"
DEFINITIONS = """\
from pathlib import Path

import dagster as dg


@dg.definitions
def defs():
    found = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
    return dg.Definitions.merge(found, dg.Definitions(executor=dg.in_process_executor))
"""
TICKS = """query($s: SensorSelector!) { sensorOrError(sensorSelector: $s) { ... on Sensor { sensorState {
  ticks(limit: 100) { timestamp } } } } }"""
PUBLISHED = """query($key: AssetKeyInput!) { assetOrError(assetKey: $key) { ... on Asset {
  assetMaterializations(limit: 100) { partition } } } }"""
ROWS = "id\n1\n2\n"


@pytest.fixture(name="project", scope="module")
def _project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    root = tmp_path_factory.mktemp("arrivals")
    columns = "      - {name: id, logicalType: integer}\n"
    files = {"plain": "plain/%Y-%m-%d.csv", "marked": "marked/%Y-%m-%d/*.csv"}
    texts = {f"{name}/defs.yaml": FEED.format(files=pattern) for name, pattern in files.items()}
    texts["marked/defs.yaml"] += MARKER
    texts |= {f"{name}/contract.yaml": CONTRACT.format(name=name, columns=columns) for name in files}
    write_project(root, texts)
    (root / "somebody" / "definitions.py").write_text(DEFINITIONS)
    for name in files:
        (root / "data/landing" / name).mkdir(parents=True)
    configure_instance(root)
    module = "{module_name: somebody.definitions, location_name: somebody}"
    (root / "workspace.yaml").write_text(f"load_from: [{{python_module: {module}}}]\n")
    servers = Servers(root, free_port(), root, {"PLATFORM_SETTLE_SECONDS": str(SETTLE)})
    try:
        servers.start("dagster", "dev", "-w", "workspace.yaml", "-p", str(servers.port))
        wait_for("the webserver", lambda: servers.graphql("{ version }"), seconds=300)
        for name in files:
            wait_for("the first tick, which begins to watch", lambda name=name: ticks(servers, name), seconds=300)
        yield servers
    finally:
        servers.stop()


def ticks(servers: Servers, feed: str) -> list[Any]:
    selector = {"repositoryLocationName": "somebody", "repositoryName": "__repository__"}
    found = servers.graphql(TICKS, s={**selector, "sensorName": f"{feed}_arrivals"})
    return (
        list(found["sensorOrError"]["sensorState"]["ticks"])
        if found and "sensorState" in found["sensorOrError"]
        else []
    )


def published(servers: Servers, feed: str) -> set[str]:
    found = servers.graphql(PUBLISHED, key={"path": ["raw", feed]})["assetOrError"]
    return {event["partition"] for event in found.get("assetMaterializations", [])}


def arrived(servers: Servers, feed: str, day: str) -> None:
    """Return once it is published; fails long before its settle time is over."""
    wait_for(f"{feed} of {day}", lambda: day in published(servers, feed), seconds=SETTLE / 3)


def test_a_file_that_is_renamed_into_place(project: Servers) -> None:
    landing = project.home / "data/landing"
    for day in ("2024-01-01", "2024-01-03"):
        before = len(ticks(project, "plain"))
        (landing / "draft").write_text(ROWS)
        (landing / "draft").rename(landing / f"plain/{day}.csv")
        arrived(project, "plain", day)
        assert len(ticks(project, "plain")) > before


def test_a_delivery_with_its_marker(project: Servers) -> None:
    folder = project.home / "data/landing/marked/2024-01-01"
    folder.mkdir()
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text(ROWS)
    (folder / "_SUCCESS").touch()
    arrived(project, "marked", "2024-01-01")


def test_what_is_written_in_place_waits(project: Servers) -> None:
    landing = project.home / "data/landing"
    (landing / "plain/2024-02-01.csv").write_text(ROWS)
    (landing / "draft").write_text(ROWS)
    (landing / "draft").rename(landing / "plain/2024-02-03.csv")
    arrived(project, "plain", "2024-02-03")
    assert "2024-02-01" not in published(project, "plain")
