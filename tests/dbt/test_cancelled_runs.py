"""A run that is terminated while DuckDB works: its process ends, the warehouse is free, and there is no verdict."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable

import psutil
import pytest

from platform_assets.lake.manifest import read_manifest, read_rejection
from platform_assets.publishing.ledger import LEASES
from platform_assets.publishing.readers import ledger_history
from platform_assets.publishing.verdicts import State
from tests.support.projects import Project
from tests.support.shop import CONFIG, CONTRACT, DAYS, DBT, ORDER_COLUMNS, deliver

SIGNALS = [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
LIMIT = 60.0
"""Seconds; the statements take hours."""

BATCH_RULE = """\
    quality:
      - {name: endless, type: sql, query: "SELECT count(*) FROM ${table} AS a, range(1000000000000) AS r(i) WHERE
         hash(i) % 7 = 3", mustBeGreaterThan: 0}
"""
ROW_RULE = """\
    quality:
      - type: custom
        engine: platform-assets
        name: endless
        implementation: {rowExpression: "id < 0 or len(list_filter(range(3000), x -> hash(x + id) = 0)) = 0"}
"""
MODEL = (
    CONFIG + "select _partition, sum(hash(i * id)) % 7 as orders from {{ source('raw', 'orders') }}, "
    "range(1000000000000) as r(i) where {{ in_partitions() }} group by 1"
)


def terminated(project: Project, select: str, days: list[str], number: int, under_way: Callable[[], bool]) -> float:
    """Start a run, interrupt it a second of CPU time after ``under_way``, and say how long it took to end."""
    words = [str(project.root), select, days[0], days[-1]]
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-m", "tests.support.run_project", *words])
    try:
        while not under_way():
            assert process.poll() is None
            time.sleep(0.05)
        times, since = psutil.Process(process.pid), cpu(process.pid)
        while cpu(times.pid) < since + 1:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        sent = time.monotonic()
        # an exception's end, not a crash's
        assert process.wait(LIMIT) in (1, -signal.SIGINT)
        took = time.monotonic() - sent
    finally:
        process.kill()
        process.wait()
    # nobody waits for what the run has left
    with project.warehouse.session(wait_seconds=0) as session:
        if session.describe(LEASES) is not None:
            assert session.execute("SELECT count(*) FROM platform.leases WHERE holder IS NOT NULL") == [(0,)]
    print(f"{select}: ended after {took:.2f} s")
    return took


def cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def in_use_for(project: Project, purpose: str) -> Callable[[], bool]:
    lock = project.warehouse.path.with_name(f"{project.warehouse.path.name}.lock")
    return lambda: lock.exists() and purpose in lock.read_text()


def contract(project: Project, rules: str = "") -> None:
    path = project.root / "somebody" / "defs" / "orders" / "contract.yaml"
    text = CONTRACT.format(name="orders", columns=ORDER_COLUMNS)
    path.write_text(text + rules)


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS)
def test_a_load_that_is_terminated(shop: Project, number: signal.Signals) -> None:
    """Of several partitions: an interrupt that looked like an error would be tried again with half of them."""
    deliver(shop)
    contract(shop, BATCH_RULE)
    assert shop.run("key:lake/orders", DAYS[0], DAYS[-1]).success
    terminated(shop, "key:raw/orders", DAYS, number, in_use_for(shop, "publishing raw/orders"))
    assert ledger_history(shop.warehouse, asset="raw/orders") == []
    contract(shop)
    assert shop.run("key:lake/orders or key:raw/orders", DAYS[0], DAYS[-1]).success


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS)
def test_an_ingestion_that_is_terminated(shop: Project, number: signal.Signals) -> None:
    contract(shop, ROW_RULE)
    rows = [[str(i), "ann", "open", "10"] for i in range(3_000_000)]
    deliver(shop, dict.fromkeys(DAYS[:2], rows))
    lake = shop.root / "data" / "lake"

    def reading() -> bool:
        return any(path.is_file() for path in lake.rglob("*.parquet") if "orders" in str(path))

    terminated(shop, "key:lake/orders", DAYS[:2], number, reading)
    for day in DAYS[:2]:
        assert read_manifest(lake, "orders", day) is None
        assert read_rejection(lake, "orders", day) is None
    contract(shop)
    deliver(shop)
    assert shop.run("key:lake/orders", DAYS[0], DAYS[1]).success


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS)
def test_a_model_that_is_terminated(shop: Project, number: signal.Signals) -> None:
    deliver(shop)
    assert shop.run("key:lake/orders or key:raw/orders", DAYS[0], DAYS[-1]).success
    model = shop.root / "dbt" / "models" / "apart.sql"
    model.write_text(MODEL)

    def written() -> bool:
        return bool(list((shop.root / "dbt" / "target").rglob("run/**/apart.sql")))

    terminated(shop, "key:apart", DAYS, number, written)
    assert {entry.state for entry in ledger_history(shop.warehouse, asset="apart")} == {State.PENDING}
    model.write_text(DBT["models/apart.sql"])
    assert shop.run("key:apart", DAYS[0], DAYS[-1]).success
    assert shop.materialized("apart") == set(DAYS)
