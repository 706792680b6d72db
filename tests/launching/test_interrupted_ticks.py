"""Ticks that a killed daemon had carried out are written down, with their cursor; others are left to Dagster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorType
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._utils.error import SerializableErrorInfo

from platform_assets.launching.interrupted_ticks import finish_interrupted_ticks

ORIGIN = RemoteInstigatorOrigin(RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("shop"), "all"), "arrivals")
REQUESTS = [dg.RunRequest(run_key="a"), dg.RunRequest(run_key="b")]


@pytest.fixture(name="instance")
def _instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


def interrupted(
    instance: dg.DagsterInstance,
    status: TickStatus,
    requested: list[str],
    *,
    kind: SensorType = SensorType.STANDARD,
    saved_at: float = 100.0,
) -> None:
    """A sensor whose state was saved at a time, and its tick at 200 that has requested some of its two runs."""
    data = SensorInstigatorData(last_tick_timestamp=saved_at, cursor="before", sensor_type=kind)
    instance.add_instigator_state(InstigatorState(ORIGIN, InstigatorType.SENSOR, InstigatorStatus.RUNNING, data))
    instance.create_tick(
        TickData(
            instigator_origin_id=ORIGIN.get_id(),
            selector_id=ORIGIN.get_selector().get_id(),
            instigator_name="arrivals",
            instigator_type=InstigatorType.SENSOR,
            status=status,
            timestamp=200.0,
            run_requests=REQUESTS,
            reserved_run_ids=["one", "two"],
            run_ids=requested,
            run_keys=["a", "b"][: len(requested)],
            cursor="after",
            error=SerializableErrorInfo("no", [], None) if status is TickStatus.FAILURE else None,
        )
    )


def state_of(instance: dg.DagsterInstance) -> Any:
    (state,) = instance.all_instigator_state()
    return state.instigator_data


@pytest.mark.parametrize("status", [TickStatus.STARTED, TickStatus.SUCCESS])
def test_a_tick_that_was_carried_out_is_written_down(instance: dg.DagsterInstance, status: TickStatus) -> None:
    interrupted(instance, status, ["one", "two"])
    assert finish_interrupted_ticks(instance) == ["arrivals"]
    found = state_of(instance)
    assert (found.cursor, found.last_run_key, found.last_tick_timestamp) == ("after", "b", 200.0)
    (tick,) = instance.get_ticks(ORIGIN.get_id(), ORIGIN.get_selector().get_id())
    assert tick.status is TickStatus.SUCCESS
    assert finish_interrupted_ticks(instance) == []


@pytest.mark.parametrize(
    ("status", "requested", "more"),
    [
        (TickStatus.STARTED, ["one"], {}),
        (TickStatus.STARTED, [], {}),
        (TickStatus.FAILURE, ["one", "two"], {}),
        (TickStatus.SKIPPED, [], {}),
        (TickStatus.SUCCESS, ["one", "two"], {"saved_at": 200.0}),
        (TickStatus.STARTED, ["one", "two"], {"kind": SensorType.AUTOMATION}),
    ],
)
def test_others_are_left_to_dagster(
    instance: dg.DagsterInstance, status: TickStatus, requested: list[str], more: dict[str, Any]
) -> None:
    interrupted(instance, status, requested, **more)
    assert finish_interrupted_ticks(instance) == []
    assert state_of(instance).cursor == "before"
