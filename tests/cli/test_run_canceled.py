"""`platform-assets run` as a command: what it prints, its exit code, and Ctrl-C, which leaves a canceled run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from platform_assets.publishing.ledger import LEASES
from platform_assets.publishing.readers import ledger_history
from platform_assets.publishing.verdicts import State
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from tests.support.projects import quick_instance, write_project
from tests.support.servers import wait_for
from tests.support.shop import CONTRACT, FEED

pytestmark = pytest.mark.slow
RULE = """\
    quality:
      - {name: endless, type: sql, query: "SELECT count(*) FROM ${table} AS a, range(1000000000000) AS r(i) WHERE
         hash(i) % 7 = 3", mustBeGreaterThan: 0}
"""
COLUMNS = "      - {name: id, logicalType: integer}\n"
HELD = "SELECT count(*) FROM platform.leases WHERE holder IS NOT NULL"
LIMIT = 60.0


OWN = """\
import threading

import dagster as dg

DAYS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-05")


@dg.asset(partitions_def=DAYS)
def days(context: dg.AssetExecutionContext) -> None:
    if context.partition_key == "2024-01-02":
        threading.Event().wait()
"""


@pytest.fixture(name="shop")
def _shop(tmp_path: Path) -> Path:
    files = {}
    for name, rule in (("orders", ""), ("endless", RULE)):
        files[f"{name}/defs.yaml"] = FEED.format(files=f"{name}.csv")
        files[f"{name}/contract.yaml"] = CONTRACT.format(name=name, columns=COLUMNS) + rule
    write_project(tmp_path, {**files, "own.py": OWN})
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "dagster.yaml").write_text(json.dumps(quick_instance(tmp_path)))
    landing = tmp_path / "data" / "landing"
    landing.mkdir(parents=True)
    for name in ("orders", "endless"):
        (landing / f"{name}.csv").write_text("id\n1\n2\n")
    return tmp_path


def start(shop: Path, *words: str, command: str = "run") -> subprocess.Popen[str]:
    line = [str(Path(sys.executable).with_name("platform-assets")), command, *words]
    environment = {**os.environ, "DAGSTER_HOME": str(shop / "dagster")}
    return subprocess.Popen(
        line, cwd=shop, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip


def last_run(shop: Path) -> dg.DagsterRun | None:
    with dg.DagsterInstance.from_config(str(shop / "dagster")) as instance:
        return next(iter(instance.get_runs(limit=1)), None)


def step_began(shop: Path, step: str) -> bool:
    run = last_run(shop)
    if run is None:
        return False
    with dg.DagsterInstance.from_config(str(shop / "dagster")) as instance:
        began = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_START)
        return any(entry.step_key == step for entry in began)


def status(shop: Path) -> str:
    run = last_run(shop)
    return "" if run is None else run.status.value


def test_the_command_ends_with_a_line_for_each_asset(shop: Path) -> None:
    done = start(shop, "+raw/orders")
    output, _ = done.communicate(timeout=LIMIT)
    assert done.returncode == 0, output
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in output.splitlines() if "│" in line]
    assert [(row[0], row[2], row[4]) for row in lines] == [
        ("lake/orders", "2", "1 of 1"),
        ("raw/orders", "2", "1 of 1"),
    ]
    assert "2 of 2 assets published in full" in output
    assert "Warning" not in output
    refused = start(shop, "raw/nothing")
    output, _ = refused.communicate(timeout=LIMIT)
    assert (refused.returncode, output.splitlines()[-1][:25]) == (2, "Error: no asset 'raw/noth")
    (shop / "data" / "landing" / "orders.csv").write_text("number\n1\n")
    failed = start(shop, "+raw/orders")
    output, _ = failed.communicate(timeout=LIMIT)
    assert (failed.returncode, "rejected: " in output, "Traceback" in output) == (1, True, False), output


def by_ctrl_c(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGINT)


def by_kill(process: subprocess.Popen[str]) -> None:
    process.kill()


@pytest.mark.parametrize(
    "end", [by_ctrl_c, by_kill, subprocess.Popen.terminate], ids=["ctrl-c", "kill -9", "terminate"]
)
def test_a_run_that_is_interrupted_is_canceled_and_leaves_no_lease(
    shop: Path, end: Callable[[subprocess.Popen[str]], None]
) -> None:
    process = start(shop, "+raw/endless or +raw/orders")
    try:
        wait_for("the gate", lambda: step_began(shop, "raw__endless"))
        end(process)
        output, _ = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
    wait_for("the canceled run", lambda: status(shop) == "CANCELED")
    warehouse = DuckDBWarehouse(path=shop / "data" / "warehouse.duckdb")
    assert [entry.state for entry in ledger_history(warehouse, asset="raw/endless")] in ([], [State.PENDING])
    with warehouse.session(read_only=True, purpose="looking for leases") as session:
        assert session.describe(LEASES) is None or session.execute(HELD) == [(0,)]
    if process.returncode != -signal.SIGKILL:
        assert process.returncode == 1
        assert "canceled: " in output
        assert "Traceback" not in output


def test_ctrl_c_ends_the_run_under_way_and_later_ones_are_not_begun(shop: Path) -> None:
    process = start(shop, "days", "--from", "2024-01-01", "--to", "2024-01-04")

    def began() -> bool:
        run = last_run(shop)
        return run is not None and run.tags.get("dagster/partition") == "2024-01-02" and step_began(shop, "days")

    try:
        wait_for("the second run", began)
        by_ctrl_c(process)
        output, _ = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
    assert process.returncode == 1, output
    with dg.DagsterInstance.from_config(str(shop / "dagster")) as instance:
        runs = {run.tags["dagster/partition"]: run.status.value for run in instance.get_runs()}
    assert runs == {"2024-01-01": "SUCCESS", "2024-01-02": "CANCELED"}
    (line,) = [line for line in output.splitlines() if line.startswith("│ days ")]
    assert ("1 of 4" in line, "2024-01-02...2024-01-04: canceled" in line) == (True, True), output
    assert ("canceled: 0 of 1 asset" in output, "Traceback" in output) == (True, False), output


@pytest.mark.parametrize("command", ["ingest", "reload"])
def test_ctrl_c_of_a_command_that_runs_by_itself_is_no_failure(shop: Path, command: str) -> None:
    if command == "reload":
        # the rule is new: the next run is the first to hold it up
        contract = shop / "somebody" / "defs" / "endless" / "contract.yaml"
        endless = contract.read_text()
        contract.write_text(endless.replace(RULE, ""))
        output, _ = start(shop, "endless", command="ingest").communicate(timeout=LIMIT)
        assert "published" in output
        contract.write_text(endless.replace("integer}", "integer, required: true}"))
    before = last_run(shop)
    process = start(shop, "endless", command=command)

    def began() -> bool:
        run = last_run(shop)
        return run is not None and (before is None or run.run_id != before.run_id) and step_began(shop, "raw__endless")

    try:
        wait_for("the gate", began)
        by_ctrl_c(process)
        output, _ = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
    assert process.returncode == 1
    assert "canceled: what was finished stays" in output
    assert "Traceback" not in output
    assert status(shop) == "CANCELED"
