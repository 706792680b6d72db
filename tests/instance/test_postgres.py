"""The quick event log on a real PostgreSQL: the stock one's answers, whole batches or nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import psycopg2
import pytest
from dagster._core.test_utils import create_run_for_test
from dagster_postgres.event_log import PostgresEventLogStorage

from demo.postgres_server import postgres_server
from platform_assets.instance.postgres import RELIED_ON, QuickPostgresEventLogStorage
from tests.instance.support import answers, materialize

STOCK = {
    "run_storage": ("dagster_postgres.run_storage", "PostgresRunStorage"),
    "event_log_storage": ("dagster_postgres.event_log", "PostgresEventLogStorage"),
    "schedule_storage": ("dagster_postgres.schedule_storage", "PostgresScheduleStorage"),
}
QUICK = {**STOCK, "event_log_storage": ("platform_assets.instance.postgres", "QuickPostgresEventLogStorage")}


@pytest.fixture(name="url", scope="module")
def _url() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@contextmanager
def instance(home: Path, url: str, kinds: dict[str, tuple[str, str]]) -> Iterator[dg.DagsterInstance]:
    home.mkdir()
    overrides = {
        key: {"module": module, "class": name, "config": {"postgres_url": url}} for key, (module, name) in kinds.items()
    }
    with dg.instance_for_test(overrides=overrides, temp_dir=str(home)) as made:
        assert type(made.event_log_storage).__name__ == kinds["event_log_storage"][1]
        yield made


@pytest.mark.slow
def test_the_answers_are_those_of_the_stock_storage(tmp_path: Path, url: str) -> None:
    with instance(tmp_path / "stock", url, STOCK) as stock, instance(tmp_path / "quick", url, QUICK) as quick:
        first = materialize(stock, together=True)
        by_stock = answers(stock, first)
        assert answers(quick, first) == by_stock
        second = materialize(quick, together=True)
        by_quick = answers(quick, second)
        assert answers(stock, second) == by_quick
        assert by_quick["events"] == by_stock["events"]
        for same in ("planned", "materialized", "tags", "checks", "failed", "stats", "status"):
            assert by_quick[same] == by_stock[same], same
        stock.wipe_assets([dg.AssetKey("raw")])


def test_planned_events_take_few_statements(tmp_path: Path, url: str) -> None:
    counts = {}
    for name, kinds in (("stock", STOCK), ("quick", QUICK)):
        with instance(tmp_path / name, url, kinds) as on:
            before = commits(url)
            materialize(on)
            counts[name] = commits(url) - before
            on.wipe_assets([dg.AssetKey("raw")])
    assert counts["quick"] < counts["stock"] / 2, counts


def commits(url: str) -> int:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
        (count,) = cursor.fetchone()
    connection.close()
    return int(count)


def test_a_batch_that_fails_in_its_middle_leaves_nothing(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with instance(tmp_path / "quick", url, QUICK) as on:
        storage = on.event_log_storage
        assert isinstance(storage, QuickPostgresEventLogStorage)
        run = create_run_for_test(on, "job")
        events = planned(on, run, 3)

        def broken(*_: object) -> None:
            raise RuntimeError("in the middle")

        monkeypatch.setattr(storage, "_store_asset_event", broken)
        with pytest.raises(RuntimeError, match="in the middle"):
            storage.store_event_batch(events)
        assert on.all_logs(run.run_id) == []
        with pytest.raises(RuntimeError, match="in the middle"):
            storage.store_event(events[0])
        assert on.all_logs(run.run_id) == []
        monkeypatch.undo()
        storage.store_event_batch(events)
        assert len(on.all_logs(run.run_id)) == 3


def planned(on: dg.DagsterInstance, run: dg.DagsterRun, number: int) -> list[dg.EventLogEntry]:
    from dagster._core.events import AssetMaterializationPlannedData, DagsterEvent

    events = []
    for i in range(number):
        data = AssetMaterializationPlannedData(dg.AssetKey("planned"), partition=str(i))
        event = DagsterEvent.build_asset_materialization_planned_event(run.job_name, None, data)
        events.append(
            dg.EventLogEntry(
                error_info=None,
                user_message="",
                level="debug",
                run_id=run.run_id,
                timestamp=1.0 + i,
                job_name=run.job_name,
                dagster_event=event,
            )
        )
    return events


def test_more_events_than_one_statement_takes(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform_assets.instance.postgres.ROWS", 7)
    with instance(tmp_path / "quick", url, QUICK) as on:
        run = create_run_for_test(on, "job")
        on.event_log_storage.store_event_batch(planned(on, run, 20))
        found = on.all_logs(run.run_id)
        assert [e.get_dagster_event().event_specific_data.partition for e in found] == [str(i) for i in range(20)]
        assert dg.AssetKey("planned") in on.get_asset_keys()


def test_a_forked_child_has_a_connection_of_its_own(tmp_path: Path, url: str) -> None:
    with instance(tmp_path / "quick", url, QUICK) as on:
        run = create_run_for_test(on, "job")
        on.report_engine_event("parent", run)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                on.event_log_storage.store_event_batch(planned(on, run, 2))
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        on.report_engine_event("parent again", run)
        assert len(on.all_logs(run.run_id)) == 4


def test_it_connects_as_the_stock_storage_is_configured_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment whose database takes tokens in place of a password has them of either storage."""
    config = {"postgres_url": "postgresql://somewhere/db", "auth_provider": {"of": "tokens"}}
    made: dict[type, tuple[object, ...]] = {}

    def noted(self: object, postgres_url: str, should_autocreate_tables: bool = True, **named: object) -> None:
        made[type(self)] = (postgres_url, should_autocreate_tables, named["token_provider"])

    for module in ("dagster_postgres.event_log.event_log", "platform_assets.instance.postgres"):
        monkeypatch.setattr(f"{module}.get_token_provider_from_config", lambda given: ("provider of", given))
    for cls in (PostgresEventLogStorage, QuickPostgresEventLogStorage):
        monkeypatch.setattr(cls, "__init__", noted)
        cls.from_config_value(None, config)
    assert made[QuickPostgresEventLogStorage] == made[PostgresEventLogStorage]
    assert made[QuickPostgresEventLogStorage][2] == ("provider of", config)


@pytest.mark.parametrize("cls", RELIED_ON, ids=lambda cls: cls.__name__)
def test_dagster_still_has_what_is_relied_on(cls: type) -> None:
    for name in RELIED_ON[cls]:
        assert hasattr(cls, name), name
