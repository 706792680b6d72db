"""A fault of the machine, or an interrupt, inside dbt: no partition gets a verdict, and the next run succeeds."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from platform_assets.dbt.errors import is_of_the_node
from platform_assets.publishing.readers import ledger_history
from platform_assets.publishing.verdicts import State
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from tests.support.projects import Project
from tests.support.shop import CONFIG, DAYS, DBT, deliver

MODELS = "key:*/orders or key:cleaned or key:totals or key:apart"
SELECT = "select _partition, count(*) as orders, (select {heavy}) as heavy from {{{{ source('raw', 'orders') }}}} "
ENDLESS = "sum(sqrt(a.range + b.range)) from range(10000000000) as a, range(10000000000) as b"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Runtime Error in model a (models/a.sql)\n  Binder Error: Referenced column \"x\" not found", True),
        ("Runtime Error in model a (models/a.sql)\n  Conversion Error: Could not convert 'IO Error: x'", True),
        ("Runtime Error in model a (models/a.sql)\n  Conversion Error: 'No space left on device' is no INT", True),
        ("Runtime Error in model a\n  Constraint Error: NOT NULL constraint failed: a.amount", True),
        ("Runtime Error in test t\n  Out of Range Error: Overflow in multiplication", True),
        ("Runtime Error in model a\n  Invalid Input Error: no good 300", True),
        ("Runtime Error in model a\n  Parser Error: syntax error at or near \"form\"", True),
        ("Runtime Error in model a\n  IO Error: No files found that match the pattern \"nowhere.csv\"", True),
        ("Compilation Error in model a (models/a.sql)\n  This model has an enforced contract that failed.", True),
        ("Runtime Error in model a\n  Python model failed:\nKeyError: 'x'", True),
        ("Runtime Error in model a\n  IO Error: Could not write file \"w.duckdb\": No space left on device", False),
        ("Runtime Error in model a\n  Out of Memory Error: could not allocate block of size 256 KiB", False),
        ("Runtime Error in model a\n  INTERRUPT Error: Interrupted!", False),
        ("Runtime Error in model a\n  FATAL Error: Failed: database has been invalidated", False),
        ("Runtime Error in model a\n  INTERNAL Error: Attempted to access index 3", False),
        ("Runtime Error in model a\n  TransactionContext Error: Catalog write-write conflict", False),
        ("Runtime Error in model a\n  IO Error: Could not set lock on file \"w.duckdb\"", False),
        ("Runtime Error in model a\n  Python model failed:\n_duckdb.Exception: IO Error: Input/output error", False),
        ("[Errno 28] No space left on device: 'target/run/a.sql'", False),
        ("Runtime Error in model a\n  [Errno 24] Too many open files: 'target/run/a.sql'", False),
        ("Exception on worker thread. can't start new thread", False),
        ("something that nobody has seen before", False),
    ],
)  # fmt: skip
def test_what_may_become_a_verdict(message: str, expected: bool) -> None:
    assert is_of_the_node(message, DuckDBWarehouse(Path("w.duckdb")).blames_statement) is expected


def start(shop: Project, *limit: str) -> subprocess.Popen[bytes]:
    words = [str(shop.root), MODELS, DAYS[0], DAYS[-1], *limit]
    return subprocess.Popen([sys.executable, "-W", "ignore", "-m", "tests.support.run_project", *words])


def states(shop: Project, asset: str) -> set[State]:
    return {entry.state for entry in ledger_history(shop.warehouse, asset=asset)}


def heavy(shop: Project, work: str) -> None:
    model = CONFIG + SELECT.format(heavy=work) + "where {{ in_partitions() }} group by 1"
    (shop.root / "dbt" / "models" / "apart.sql").write_text(model)


def mended(shop: Project) -> None:
    """Every partition is closed without a verdict, and the next run waits for nobody and succeeds."""
    for asset in ("cleaned", "totals", "apart"):
        assert states(shop, asset) == {State.PENDING}
    (shop.root / "dbt" / "models" / "apart.sql").write_text(DBT["models/apart.sql"])
    with shop.warehouse.session() as session:
        session.execute("DROP TABLE IF EXISTS main.apart")
    assert shop.run(MODELS, DAYS[0], DAYS[-1]).success
    for asset in ("cleaned", "totals", "apart"):
        assert shop.materialized(asset) == set(DAYS)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_run_leaves_no_verdict(shop: Project, number: signal.Signals) -> None:
    deliver(shop)
    heavy(shop, ENDLESS)
    process = start(shop)
    try:
        # dbt writes what it is about to run
        while not list((shop.root / "dbt" / "target").rglob("run/**/apart.sql")):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        assert process.wait() != 0
    finally:
        process.kill()
        process.wait()
    mended(shop)


@pytest.mark.slow
def test_a_full_disk_inside_dbt_leaves_no_verdict(shop: Project) -> None:
    deliver(shop)
    heavy(shop, "list(hash(range)) from range(3000000)")
    process = start(shop, "8000000")
    assert process.wait() == 1
    mended(shop)
