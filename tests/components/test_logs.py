"""A run that waits for the warehouse says so where its user looks: in the run's own log."""

import logging
import threading
from pathlib import Path

import dagster as dg

from platform_assets.logs import PACKAGE, forwarded
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from tests.support.waiting import Waits, watched_waits


def test_a_wait_for_the_warehouse_is_in_the_log_of_the_run(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "w.duckdb")
    holding = threading.Event()

    def hold(waits: Waits) -> None:
        with warehouse.session(purpose="the other run"):
            holding.set()
            waits.one()

    @dg.asset
    def table(context: dg.AssetExecutionContext) -> None:
        with forwarded(context.log), warehouse.session():
            context.log.info("got it")

    level = logging.getLogger(PACKAGE).level
    with watched_waits() as waits, dg.instance_for_test() as instance:
        other = threading.Thread(target=hold, args=(waits,))
        other.start()
        assert holding.wait(120)
        result = dg.materialize([table], instance=instance)
        messages = [entry.user_message for entry in instance.all_logs(result.run_id)]
        other.join()
    (told,) = [message for message in messages if "waiting for the warehouse" in message]
    assert "the other run" in told
    assert any("got the warehouse" in message for message in messages)
    assert logging.getLogger(PACKAGE).level == level
    assert not logging.getLogger(PACKAGE).handlers
