"""Two runs at once whose tests store their failing rows in the same table: neither changes the other's verdict."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from platform_assets.publishing.readers import ledger_history
from platform_assets.warehouse.locations import open_warehouse
from tests.dbt.test_engines import PROFILES, TOTALS
from tests.support.engines import location_of, warehouse_of
from tests.support.projects import RESOURCES, opened
from tests.support.shop import DAYS, DBT, deliver, good_rows, write_shop

BAD, GOOD = DAYS[0], DAYS[1]
STORED = "{{ config(store_failures=true) }} select _partition, orders from {{ ref('apart') }} where orders > 3\n"


@pytest.mark.slow
def test_a_day_has_its_own_verdict_and_never_that_of_the_run_beside_it(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    location = location_of(warehouse_of("postgres", tmp_path, request))
    texts = {
        "profiles.yml": PROFILES.replace("ENGINE", "postgres"),
        "models/totals.sql": TOTALS,
        "models/apart.sql": DBT["models/apart.sql"].replace("'fail'", "'append_new_columns'"),
        "tests/kept.sql": STORED + "and {{ in_partitions() }}",
    }
    write_shop(tmp_path, dbt=texts)
    resources = RESOURCES.replace("data/warehouse.duckdb", location)
    (tmp_path / "somebody" / "defs" / "platform" / "defs.yaml").write_text(resources)
    warehouse = open_warehouse(location)
    with opened(tmp_path) as project:
        deliver(project, {BAD: [*good_rows(BAD), ["199", "ann", "open", "5"]]})
        assert project.run("key:lake/orders or key:raw/orders", DAYS[0], DAYS[-1]).success
    command = [sys.executable, "-W", "ignore", "-m", "tests.support.run_project", str(tmp_path), "key:apart"]
    running = {day: subprocess.Popen([*command, day, day]) for day in (BAD, GOOD)}
    assert {day: process.wait(timeout=300) for day, process in running.items()} == {BAD: 1, GOOD: 0}
    found = {day: ledger_history(warehouse, asset="apart", partition=day, limit=1)[0] for day in (BAD, GOOD)}
    assert {day: entry.state.value for day, entry in found.items()} == {BAD: "rejected", GOOD: "published"}
    assert found[BAD].message == "kept: 1 row fails"
    with warehouse.session(read_only=True) as session:
        stored = session.execute("SELECT * FROM public_dbt_test__audit.kept")
    assert stored in ([], [(BAD, 4)])
