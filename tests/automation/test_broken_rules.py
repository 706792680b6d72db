"""What the sensor asks for again when a rule of the contract could not be measured."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.projects import Project, opened, write_project
from tests.support.sensors import SECOND, Sensor
from tests.support.shop import CONTRACT, DAYS, FEED, ORDER_COLUMNS, PARTITIONS

KNOWN = "    relationships: [{{type: foreignKey, from: customer, to: customers.{column}}}]\n"
CUSTOMERS = "      - {name: customer, logicalType: string}\n"


def contract(column: str) -> str:
    return CONTRACT.format(name="orders", columns=ORDER_COLUMNS) + KNOWN.format(column=column)


def write(root: Path, column: str) -> None:
    write_project(
        root,
        {
            "orders/defs.yaml": FEED.format(files="orders/%Y-%m-%d.csv") + f"  partitions: {PARTITIONS}\n",
            "orders/contract.yaml": contract(column),
            "customers/defs.yaml": FEED.format(files="customers.csv"),
            "customers/contract.yaml": CONTRACT.format(name="customers", columns=CUSTOMERS),
        },
    )


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Iterator[Project]:
    write(tmp_path, "customer")
    landing = tmp_path / "data" / "landing"
    (landing / "orders").mkdir(parents=True)
    (landing / "customers.csv").write_text("customer\nann\n")
    (landing / "orders" / f"{DAYS[0]}.csv").write_text("id,customer,status,amount\n1,ann,open,1\n")
    with opened(tmp_path) as project:
        yield project


def sensor_of(project: Project) -> Sensor:
    return Sensor(project, "orders", time.time_ns() + SECOND)


def kinds(project: Project) -> list[str | None]:
    found = project.rows("SELECT failure_kind FROM platform.ledger WHERE asset = 'raw/orders' ORDER BY token")
    return [kind for (kind,) in found]


def runs_of_a_day(sensor: Sensor, patch: pytest.MonkeyPatch) -> int:
    """How many runs the ticks of one day start; a request under a run key that is known starts none."""
    before = len(sensor.runs)
    for _ in range(24):
        sensor.clock_ns += 3600 * SECOND
        for request in sensor.tick(patch):
            if not sensor.is_known(request):
                sensor.run(request)
    return len(sensor.runs) - before


def test_a_rule_that_waits_for_its_reference_is_asked_again_until_it_is_published(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = sensor_of(project)
    for _ in range(2):
        (request,) = sensor.tick(monkeypatch)
        assert not sensor.run(request).success
        sensor.clock_ns += 3600 * SECOND
    assert kinds(project) == ["not_delivered"] * 2
    assert project.run("key:lake/customers or key:raw/customers").success
    (request,) = sensor.tick(monkeypatch)
    assert sensor.run(request).success
    assert sensor.published() == [DAYS[0]]


@pytest.mark.slow
def test_a_rule_that_is_wrong_is_asked_again_once_its_contract_has_changed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project.root, "nowhere")
    assert project.run("key:lake/customers or key:raw/customers").success
    sensor = sensor_of(project)
    (request,) = sensor.tick(monkeypatch)
    assert not sensor.run(request).success
    assert kinds(project) == ["misconfigured"]
    assert runs_of_a_day(sensor, monkeypatch) == 0
    write(project.root, "customer")
    with opened(project.root) as mended:
        changed = Sensor(mended, "orders", sensor.clock_ns, sensor.cursor)
        assert runs_of_a_day(changed, monkeypatch) == 1
        assert changed.published() == [DAYS[0]]
