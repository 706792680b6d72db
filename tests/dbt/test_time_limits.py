"""Statements of the platform's own steps that do not end, ended by `time_limit` of their defs.yaml."""

from __future__ import annotations

import subprocess
import sys

import dagster as dg
import pytest

from platform_assets.automation.reported_failures import reported_failures
from platform_assets.failures import Kind
from platform_assets.publishing.ledger import LEASES
from platform_assets.publishing.owners import is_alive
from platform_assets.publishing.readers import ledger_history
from platform_assets.publishing.verdicts import State
from tests.dbt.test_cancelled_runs import BATCH_RULE, MODEL, contract
from tests.limits.support import GRACE, Lateness, seconds_to_failure
from tests.support.projects import Project
from tests.support.shop import DAYS, DBT, DEFS, deliver

LIMIT = 3.0


def limited(project: Project, name: str, limit: str = "3s") -> None:
    path = project.root / "somebody" / "defs" / name / "defs.yaml"
    path.write_text(DEFS[f"{name}/defs.yaml"] + (f"  time_limit: {limit}\n" if limit else ""))


def ended(project: Project, select: str) -> str:
    """Have a run of ``select`` past its limit; the message of its failure."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.support.run_project", str(project.root)]
    with Lateness() as lateness:
        done = subprocess.run([*command, select, DAYS[0], DAYS[-1]], capture_output=True, timeout=120, check=False)
    assert done.returncode == 1, done.stderr
    run = project.instance.get_runs(limit=1)[0]
    (failure,) = [
        event
        for entry in project.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
        for event in [entry.dagster_event]
        if not event.step_key.endswith("verdict")
    ]
    assert seconds_to_failure(project.instance, run.run_id, failure.step_key) - lateness.seconds < LIMIT + GRACE
    told = failure.step_failure_data.user_failure_data
    partitions = list(reported_failures(told.metadata))
    assert [failed.partition for failed in partitions] == DAYS
    assert {failed.failure.kind for failed in partitions} == {Kind.TIMEOUT}
    # nobody waits for what the run has left
    with project.warehouse.session(wait_seconds=0) as session:
        if session.describe(LEASES) is not None:
            # those of a process that had to end itself are dead with it, and are taken over
            holders = session.execute("SELECT holder FROM platform.leases WHERE holder IS NOT NULL")
            assert [holder for (holder,) in holders if is_alive(holder) is not False] == []
    return str(told.description)


@pytest.mark.slow
def test_a_gate_that_does_not_end(shop: Project) -> None:
    deliver(shop)
    assert shop.run("key:lake/orders", DAYS[0], DAYS[-1]).success
    contract(shop, BATCH_RULE)
    limited(shop, "orders")
    message = ended(shop, "key:raw/orders")
    assert "raw/orders took longer than its time limit of 3 s (the tag platform/time_limit of raw/orders)" in message
    assert ledger_history(shop.warehouse, asset="raw/orders") == []
    contract(shop)
    limited(shop, "orders", "")
    assert shop.run("key:lake/orders or key:raw/orders", DAYS[0], DAYS[-1]).success


@pytest.mark.slow
def test_a_model_that_does_not_end(shop: Project) -> None:
    deliver(shop)
    assert shop.run("key:lake/orders or key:raw/orders", DAYS[0], DAYS[-1]).success
    model = shop.root / "dbt" / "models" / "apart.sql"
    model.write_text(MODEL)
    limited(shop, "models")
    assert "its time limit of 3 s" in ended(shop, "key:apart")
    assert {entry.state for entry in ledger_history(shop.warehouse, asset="apart")} <= {State.PENDING}
    model.write_text(DBT["models/apart.sql"])
    limited(shop, "models", "")
    assert shop.run("key:apart", DAYS[0], DAYS[-1]).success
    assert shop.materialized("apart") == set(DAYS)
