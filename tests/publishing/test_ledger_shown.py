"""``platform-assets ledger show`` while a run publishes: it waits for the run's session, then shows what came of it."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from platform_assets.failpoints import armed
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from tests.publishing.support import Lake, load

SHOW = [str(Path(sys.executable).with_name("platform-assets")), "ledger", "show", "raw/sales", "--warehouse"]


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(tmp_path / "w.duckdb", wait_seconds=120, threads=1)


@pytest.mark.slow
def test_showing_the_ledger_waits_for_a_run_that_holds_the_file(warehouse: DuckDBWarehouse, lake: Lake) -> None:
    load(warehouse, lake.candidate("a", "v1"), run="first")
    reached, resume = threading.Event(), threading.Event()

    def stop() -> None:
        reached.set()
        resume.wait(60)

    with armed("publish.fenced", stop):
        run = threading.Thread(target=load, args=(warehouse, lake.candidate("a", "v2")), kwargs={"run": "second"})
        run.start()
        assert reached.wait(10)
        shown = subprocess.Popen([*SHOW, str(warehouse.path)], stdout=subprocess.PIPE, text=True)
        try:
            shown.wait(4)
        except subprocess.TimeoutExpired:
            waited = True
        else:
            waited = False
        resume.set()
        run.join()
    text, _ = shown.communicate(timeout=60)
    assert waited
    assert shown.returncode == 0
    assert "second" in text
