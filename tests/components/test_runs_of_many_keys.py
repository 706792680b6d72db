"""One run for all that a tick found, of partitions that have no times: it publishes each of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.projects import Project, opened, write_project
from tests.support.sensors import Sensor

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: {name}
name: {name}
version: 1.0.0
status: active
servers: [{{server: landing, type: local, path: {name}, format: csv}}]
schema:
  - name: {name}
    logicalType: object
    properties: [{{name: id, logicalType: integer, required: true}}]
"""
FEED = """\
type: platform_assets.FileFeed
attributes:
  files: "{name}/{{key}}.csv"
  partitions: {partitions}
  settle_seconds: 0
"""
KINDS = {"shops": "{type: dynamic, name: shops}", "regions": "{type: static, partition_keys: [north, east, south]}"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    root = tmp_path_factory.mktemp("keys")
    files = {f"{name}/contract.yaml": CONTRACT.format(name=name) for name in KINDS}
    files |= {f"{name}/defs.yaml": FEED.format(name=name, partitions=kind) for name, kind in KINDS.items()}
    write_project(root, files)
    with opened(root) as project:
        yield project


@pytest.mark.parametrize("feed", KINDS)
def test_a_run_publishes_every_key_that_a_tick_found(
    project: Project, monkeypatch: pytest.MonkeyPatch, feed: str
) -> None:
    folder: Path = project.landing / feed
    folder.mkdir(parents=True)
    keys = ["north", "east", "south"]
    for key in keys:
        (folder / f"{key}.csv").write_text("id\n1\n" if key != "east" else 'id\n"broken\n')
    sensor = Sensor(project, feed, time.time_ns() + 10**9)
    (request,) = sensor.tick(monkeypatch)
    assert not sensor.run(request).success, "of its three partitions one is rejected"
    assert sorted(sensor.published()) == ["north", "south"]
    (folder / "east.csv").write_text("id\n2\n")
    sensor.clock_ns = time.time_ns() + 10**9
    (request,) = sensor.tick(monkeypatch)
    assert request.partition_key == "east"
    assert sensor.run(request).success
    assert sorted(sensor.published()) == sorted(keys)
