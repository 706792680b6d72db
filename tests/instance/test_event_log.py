"""The quick event log: the same answers as the stock storage, from the same files, in turns and at once."""

from __future__ import annotations

import inspect
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from platform_assets.instance.event_log import RELIED_ON, QuickSqliteEventLogStorage
from tests.instance.support import BAD, answers, instance, materialize


@pytest.mark.slow
@pytest.mark.parametrize("together", [False, True])
def test_the_same_answers_as_the_stock_storage(tmp_path: Path, together: bool) -> None:
    found = {}
    for kind in ("stock", "quick"):
        (tmp_path / kind).mkdir()
        with instance(tmp_path / kind, kind) as on:
            found[kind] = answers(on, materialize(on, together=together))
    assert found["quick"] == found["stock"]
    assert found["quick"]["planned"] == 12
    assert len(found["quick"]["materialized"]) == 11  # type: ignore[arg-type]
    assert (BAD, "FAILED") in found["quick"]["checks"]  # type: ignore[operator]


@pytest.mark.slow
def test_either_takes_over_from_the_other(tmp_path: Path) -> None:
    runs: list[str] = []
    for kind in ("quick", "stock", "quick", "stock"):
        with instance(tmp_path, kind) as on:
            runs.append(materialize(on))
            seen = [answers(on, run) for run in runs]
        for earlier in seen[:-1]:
            assert earlier["events"] == seen[-1]["events"]
            assert earlier["checks"] == seen[-1]["checks"]
    assert seen[-1]["changes"] == 4


def test_both_are_at_work_at_once(tmp_path: Path) -> None:
    with instance(tmp_path, "quick") as quick, instance(tmp_path, "stock") as stock:
        for writer, reader in ((quick, stock), (stock, quick)):
            run = materialize(writer)
            assert answers(reader, run) == answers(writer, run)


def test_planned_events_and_materializations_are_one_transaction_each(tmp_path: Path) -> None:
    with instance(tmp_path, "quick") as on:
        batches: list[int] = []
        stored = on.event_log_storage.store_event_batch

        def counted(events: list[dg.EventLogEntry]) -> None:
            batches.append(len(events))
            stored(events)

        on.event_log_storage.store_event_batch = counted  # type: ignore[method-assign, assignment]
        materialize(on)
        # twelve materializations and the check; everything after them is stored as it happens
        assert batches[0] == 13
        assert set(batches[1:]) == {1}
        batches.clear()
        materialize(on, together=True)
        assert [number for number in batches if number > 1] == [13, 11]


def test_an_explicit_batch_size_is_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "0")
    with instance(tmp_path, "quick") as on:
        assert on._get_event_batch_size() == 0


def test_what_the_module_relies_on_is_still_there() -> None:
    for owner, names in RELIED_ON.items():
        missing = [name for name in names if not hasattr(owner, name)]
        assert missing == [], f"{owner.__name__} has changed: {missing}"
    assert "_is_batch_writing_enabled" in inspect.getsource(dg.DagsterInstance.handle_new_event)
    # what the overriding methods are written against
    source = inspect.getsource(SqliteEventLogStorage)
    assert "def _connect(self, shard: str)" in source
    for overridden in ("store_event", "has_table", "wipe", "upgrade", "dispose", "index_connection", "run_connection"):
        ours = list(inspect.signature(getattr(QuickSqliteEventLogStorage, overridden)).parameters)
        stock = list(inspect.signature(getattr(SqliteEventLogStorage, overridden)).parameters)
        assert ours == stock, overridden
