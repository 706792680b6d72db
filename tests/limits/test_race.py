"""Steps that end at about the moment of their limit: the limit of one hits no other step, and nothing of Dagster."""

import signal
import threading
import time
from collections import Counter
from pathlib import Path

import dagster as dg
import psutil
import pytest

from platform_assets.cancellation import TIME_OVER, time_is_over
from platform_assets.components.step_limits import install
from tests.support.projects import QUIET, quick_instance

STEPS = 150
LIMIT = 0.05


def near_its_limit(number: int) -> dg.AssetsDefinition:
    """An asset that takes from half of its limit to half as much again, and looks whether it was hit."""

    @dg.asset(name=f"step_{number}", tags={"platform/time_limit": f"{LIMIT}s"})
    def made(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        until = time.monotonic() + LIMIT * (0.6 + number / STEPS)
        while time.monotonic() < until:
            if number % 2:
                context.log.debug("it works")
        return dg.MaterializeResult(metadata={"number": number})

    return made


@dg.asset(deps=[f"step_{number}" for number in range(STEPS)], tags={"platform/time_limit": "1h"})
def last() -> None:
    """Does not run if any of the others has failed."""


@dg.asset(tags={"platform/time_limit": "1h"})
def unlimited() -> None:
    """Runs between the others."""


@pytest.mark.slow
@pytest.mark.parametrize("quick", [True, False])
def test_each_step_ends_once_and_the_run_as_its_steps_say(tmp_path: Path, *, quick: bool) -> None:
    install()
    (tmp_path / "dagster").mkdir()
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, TIME_OVER)]
    threads, children = {thread.name for thread in threading.enumerate()}, psutil.Process().children()
    assets = [near_its_limit(number) for number in range(STEPS)]
    overrides = quick_instance(tmp_path) if quick else None
    with dg.instance_for_test(temp_dir=str(tmp_path / "dagster"), overrides=overrides) as instance:
        run = dg.materialize([*assets, unlimited, last], instance=instance, run_config=QUIET, raise_on_error=False)
        events = [entry.dagster_event for entry in instance.all_logs(run.run_id) if entry.is_dagster_event]
        status = instance.get_run_by_id(run.run_id).status
        stored = instance.get_event_records(
            dg.EventRecordsFilter(dg.DagsterEventType.ASSET_MATERIALIZATION), limit=10 * STEPS
        )
    kinds = {kind: Counter(e.step_key for e in events if e.event_type_value == kind) for kind in KINDS}
    ended = kinds["STEP_SUCCESS"] + kinds["STEP_FAILURE"]
    names = {f"step_{number}" for number in range(STEPS)}
    assert names <= set(ended)
    assert set(ended.values()) == {1}
    assert kinds["STEP_START"].keys() == ended.keys()
    assert kinds["STEP_SUCCESS"]["unlimited"] == 1
    failed = [event for event in events if event.event_type_value == "STEP_FAILURE"]
    assert {e.step_failure_data.user_failure_data is not None for e in failed} == {True}
    assert {e.step_failure_data.user_failure_data.metadata["asset"].text == e.step_key for e in failed} == {True}
    assert {e.step_failure_data.error.cls_name for e in failed} == {"Failure"}
    # both kinds of ends come up
    assert 0 < len(failed) < STEPS
    assert status is dg.DagsterRunStatus.FAILURE
    made = {record.asset_key.to_user_string() for record in stored}
    assert set(kinds["STEP_SUCCESS"]) <= made
    assert [signal.getsignal(number) for number in (signal.SIGINT, TIME_OVER)] == handlers
    assert not time_is_over.is_set()
    assert {t.name for t in threading.enumerate()} - threads <= {"statements"}
    assert psutil.Process().children() == children


KINDS = ("STEP_START", "STEP_SUCCESS", "STEP_FAILURE")
