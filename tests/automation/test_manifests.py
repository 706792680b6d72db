"""A feed whose deliveries have a manifest: what the sensor and the runs say of it, and what is taken."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from platform_assets.cli.ingest_runs import problems_of
from tests.support.projects import Project, opened, write_project
from tests.support.shop import CONTRACT, PARTITIONS

DEFS = f"""\
type: platform_assets.FileFeed
attributes:
  files: orders/%Y-%m-%d*.csv
  manifest: orders/%Y-%m-%d.manifest
  settle_seconds: 0
  partitions: {PARTITIONS}
"""
KEY = "2024-01-02"


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Iterator[Project]:
    contract = CONTRACT.format(name="orders", columns="      - {name: id, logicalType: integer}\n")
    write_project(tmp_path, {"orders/defs.yaml": DEFS, "orders/contract.yaml": contract})
    with opened(tmp_path) as project:
        (project.landing / "orders").mkdir(parents=True)
        yield project


def tick(project: Project, monkeypatch: pytest.MonkeyPatch, cursor: str | None = None) -> dg.SensorResult:
    (sensor,) = [each for each in project.definitions.sensors or () if each.name == "orders_arrivals"]
    now = time.time_ns() + 10**9
    with (
        monkeypatch.context() as patch,
        dg.build_sensor_context(
            instance=project.instance, cursor=cursor, resources=project.definitions.resources
        ) as context,
    ):
        patch.setattr("platform_assets.automation.arrival_sensor.time.time_ns", lambda: now)
        result = sensor(context)
    assert isinstance(result, dg.SensorResult)
    return result


def test_what_a_manifest_lacks_is_told_by_the_sensor_and_by_a_run(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = project.landing / "orders"
    (orders / f"{KEY}_a.csv").write_text("id\n1\n")
    (orders / f"{KEY}.manifest").write_text(f"5 {KEY}_a.csv\n5 {KEY}_b.csv\n")
    told = f"of what orders/{KEY}.manifest lists is not there: orders/{KEY}_b.csv"
    first = tick(project, monkeypatch)
    assert not first.run_requests
    assert first.skip_reason is not None
    assert first.skip_reason.skip_message == f"of orders 1 delivery is not complete yet ({KEY}: {told})"
    problem = problems_of(project.run("key:lake/orders", KEY))[KEY]
    assert problem.startswith(f"not_delivered: its delivery is not complete yet: {told}")
    (orders / f"{KEY}_b.csv").write_text("id\n2\n")
    (orders / f"{KEY}_c.csv").write_text("id\n3\n")
    second = tick(project, monkeypatch, first.cursor)
    assert [request.partition_key for request in second.run_requests or ()] == [KEY]
    checks = [event for event in second.asset_events if isinstance(event, dg.AssetCheckEvaluation)]
    table = checks[0].metadata["files"].value
    assert isinstance(table, dg.TableMetadataValue)
    assert str(table.records[0].data["problem"]).endswith("the manifest of its partition does not list it")
    assert project.run("key:lake/orders or key:raw/orders", KEY).success
    assert project.rows("SELECT id FROM raw.orders ORDER BY id") == [(1,), (2,)]
