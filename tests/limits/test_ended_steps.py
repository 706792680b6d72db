"""Steps of assets that know nothing of the platform, ended within their limit and five seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from platform_assets.automation.reported_failures import reported_failures
from platform_assets.failures import Kind
from platform_assets.limits.policy import NEXT_STEP
from platform_assets.warehouse.locations import open_warehouse
from tests.limits.support import GRACE, Ran, T, alive, ran

LIMIT = 1.0
ENDED = ["sleeper", "waits_for_child", "deaf", "sqlite_statement"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ended")


@pytest.fixture(scope="module")
def run(folder: Path) -> Iterator[Ran]:
    with ran(folder, *ENDED, "misspelled", "has_policy", "neighbour") as found:
        yield found


@pytest.mark.slow
@pytest.mark.parametrize("step", ENDED)
def test_a_step_is_ended_within_its_limit_and_five_seconds(run: Ran, step: str) -> None:
    assert run.took(step) < LIMIT + GRACE
    assert run.message(step).startswith(
        f"{step} took longer than its time limit of 1 s (the tag platform/time_limit of {step}) and was ended"
    )
    assert run.message(step).endswith(NEXT_STEP)


def test_child_and_grandchild_are_gone_though_they_ignore_sigterm(run: Ran, folder: Path) -> None:
    assert run.events(T.STEP_FAILURE, "sleeper")
    assert not alive(folder / "child")
    assert not alive(folder / "pids")


def test_the_failure_is_a_timeout_for_alerts_and_notifiers(run: Ran) -> None:
    metadata = run.failure("sleeper").step_failure_data.user_failure_data.metadata
    (failed,) = reported_failures(metadata)
    assert (failed.asset, failed.failure.kind, failed.failure.code) == ("sleeper", Kind.TIMEOUT, "time_limit")
    assert failed.failure.next_step == NEXT_STEP


def test_other_steps_of_the_run_go_on(run: Ran) -> None:
    assert run.code == 1
    assert run.run.status is dg.DagsterRunStatus.FAILURE
    assert run.events(T.STEP_SUCCESS, "neighbour")
    assert not any(run.events(T.STEP_SUCCESS, step) for step in ENDED)


def test_a_retry_policy_is_kept(run: Ran) -> None:
    assert len(run.events(T.STEP_UP_FOR_RETRY, "has_policy")) == 1
    assert len(run.events(T.STEP_RESTARTED, "has_policy")) == 1
    assert len(run.events(T.STEP_FAILURE, "has_policy")) == 1


def test_a_tag_that_is_no_duration_is_named(run: Ran) -> None:
    assert "misspelled: the tag platform/time_limit: 'soon' must be a duration above 0" in run.message("misspelled")


@pytest.mark.slow
@pytest.mark.parametrize("step", ["in_c", "duckdb_statement", "duckdb_connection"])
def test_a_call_in_c_that_does_not_return_ends_at_the_latest_with_its_process(tmp_path: Path, step: str) -> None:
    with ran(tmp_path, step) as found:
        assert found.code == 1
        assert found.took(step) < LIMIT + GRACE
        assert f"{step} took longer than its time limit of 1 s" in found.message(step)
        assert found.run.status is dg.DagsterRunStatus.FAILURE
        assert not found.events(T.STEP_SUCCESS, step)


@pytest.mark.slow
def test_a_call_in_c_that_lets_no_thread_run_ends_with_its_process(tmp_path: Path) -> None:
    with ran(tmp_path, "in_c_alone") as found:
        assert found.code == 1
        assert "Timeout" in found.output


@pytest.mark.slow
def test_steps_of_the_multiprocess_executor_are_ended(tmp_path: Path) -> None:
    with ran(tmp_path, "sleeper", "in_c", "neighbour", executor="multiprocess") as found:
        for step in ("sleeper", "in_c"):
            assert found.took(step) < LIMIT + GRACE
            assert f"{step} took longer than its time limit of 1 s" in found.message(step)
        assert found.events(T.STEP_SUCCESS, "neighbour")
        assert found.run.status is dg.DagsterRunStatus.FAILURE
    assert not alive(tmp_path / "child")
    assert not alive(tmp_path / "pids")


@pytest.mark.slow
def test_statements_on_postgresql_are_ended_on_the_server(tmp_path: Path, postgres_database: str) -> None:
    steps = ("postgres_statement", "session_statement")
    with ran(tmp_path, *steps, DATABASE=postgres_database) as found:
        for step in steps:
            assert found.took(step) < LIMIT + GRACE
            assert "and was ended; see" in found.message(step)
    with open_warehouse(postgres_database, wait_seconds=60).session() as session:
        running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(600)'"
        assert session.execute(running) == [(0,)]
