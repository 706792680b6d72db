"""A project whose warehouse is Snowflake, on the emulator: by its location alone, and when its server dies."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from platform_assets.cli.main import main
from platform_assets.doctor.findings import State
from platform_assets.doctor.warehouses import PROBE, look_at_warehouse
from platform_assets.failpoints import armed
from platform_assets.warehouse.locations import open_warehouse
from platform_assets.warehouse.protocol import ColumnDef
from platform_assets.warehouse.snowflake import connecting, costs
from tests.support.emulator import PASSWORD, emulator
from tests.support.projects import RESOURCES, opened, write_project
from tests.support.shop import CONTRACT, DAYS, FEED, ORDER_COLUMNS, PARTITIONS, good_rows

EARLIER = """
INSERT INTO "platform"."query_costs" ("query", "asset", "run_id", "begun_at", "seconds", "credits") VALUES
('1', 'raw/orders', 'old', '2024-01-01', 9, 9), ('2', 'raw/orders', 'new', '2024-01-02', 1, 0.25),
('3', 'raw/orders', 'new', '2024-01-02', 2, 0.25), ('4', 'raw/other', 'newer', '2024-01-03', 9, 9)
"""
ASSETS = "key:lake/orders or key:raw/orders"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    write_project(
        project,
        {
            "orders/defs.yaml": FEED.format(files="orders/%Y-%m-%d.csv") + f"  partitions: {PARTITIONS}\n",
            "orders/contract.yaml": CONTRACT.format(name="orders", columns=ORDER_COLUMNS),
        },
    )
    (project / "data" / "landing" / "orders").mkdir(parents=True)
    for day in DAYS[:2]:
        rows = "".join(",".join(row) + "\n" for row in good_rows(day))
        (project / "data" / "landing" / "orders" / f"{day}.csv").write_text("id,customer,status,amount\n" + rows)
    return project


def use(root: Path, location: str) -> None:
    resources = RESOURCES.replace("data/warehouse.duckdb", location)
    (root / "somebody" / "defs" / "platform" / "defs.yaml").write_text(resources)


def rows(location: str) -> list[tuple[object, ...]]:
    with open_warehouse(location).session(read_only=True) as session:
        return session.execute('SELECT "_partition", count(*) FROM "raw"."orders" GROUP BY 1 ORDER BY 1')


def test_a_project_loads_into_it(root: Path, snowflake_database: str) -> None:
    use(root, snowflake_database)
    with open_warehouse(snowflake_database).session() as session:
        session.ensure_table(costs.COSTS, costs.COLUMNS)
        session.execute(EARLIER)
    with opened(root) as project:
        done = project.run(ASSETS, DAYS[0], DAYS[1])
        assert done.success
        assert project.materialized("raw/orders") == {*DAYS[:2]}
        for event in done.asset_materializations_for_node("raw__orders"):
            known = {name: value.value for name, value in event.metadata.items()}
            tag = {"app": "platform-assets", "asset": "raw/orders", "run": done.run_id}
            assert json.loads(known["query_tag"]) == tag
            assert (known["accounted_run"], known["accounted_seconds"], known["accounted_credits"]) == ("new", 3.0, 0.5)
    assert rows(snowflake_database) == [(DAYS[0], 3), (DAYS[1], 3)]
    shown = CliRunner().invoke(main, ["ledger", "show", "raw/orders", "--warehouse", snowflake_database])
    assert shown.exit_code == 0, shown.output
    assert shown.output.count("published") == 2


def test_doctor_leaves_nothing_behind(snowflake_database: str) -> None:
    for _ in range(2):
        assert [finding.state for finding in look_at_warehouse(snowflake_database)] == [State.GOOD]
        with open_warehouse(snowflake_database).session() as session:
            assert session.describe(PROBE) is None
            session.ensure_table(PROBE, [ColumnDef("probe", "BIGINT")])


@pytest.mark.slow
def test_a_run_whose_server_was_killed_fails_as_infrastructure_and_the_next_one_publishes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNOWFLAKE_USER", "platform")
    monkeypatch.setenv("SNOWFLAKE_PASSWORD", PASSWORD)
    monkeypatch.setattr(connecting, "LOGIN_SECONDS", 3)
    monkeypatch.setattr(connecting, "NETWORK_SECONDS", 2)
    with emulator() as server:
        location = server.location()
        use(root, location)

        def die_and_come_back() -> None:
            server.kill()
            server.start()

        with opened(root) as project:
            with armed("publish.inserted", die_and_come_back):
                failed = project.run(ASSETS, DAYS[0], DAYS[1])
            assert not failed.success
            said = [
                str(event.step_failure_data.user_failure_data) for event in failed.all_events if event.is_step_failure
            ]
            assert any("infrastructure" in each for each in said), said
            assert project.run(ASSETS, DAYS[0], DAYS[1]).success
        assert rows(location) == [(DAYS[0], 3), (DAYS[1], 3)]


LOADED = """
import sys
import platform_assets.cli.main
from platform_assets.warehouse.locations import open_warehouse
from platform_assets.publishing.migrations import ledger_session
with ledger_session(open_warehouse(sys.argv[1]), purpose="test"):
    pass
print([name for name in sys.modules if "snowflake" in name and not name.startswith(("sqlglot", "dbt."))])
"""


def test_nothing_of_snowflake_is_imported_where_another_warehouse_is_used(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LOADED, str(tmp_path / "w.duckdb")]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
