"""A child of the multiprocess executor that is killed for its memory: its pod goes on, and says that it is complete."""

from __future__ import annotations

import datetime as dt

import dagster as dg
import pytest

from platform_assets.automation.alerting.failed_runs import FailedRun
from platform_assets.instance.reading import EventIndex
from tests.kubernetes.deployment import Deployment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_a_child_out_of_memory_is_started_once_more_and_remembered(pods: Deployment) -> None:
    first = pods.launch("hungry", job="apart")
    assert pods.ended(first)["status"] == "FAILURE"
    again = pods.retry_of(first)
    (pod,) = pods.pods(first)
    assert pod.status.phase == "Succeeded"
    assert pods.tags(first)["platform/ended"] == "memory/out_of_memory"
    assert "It is started once more in size medium (1Gi)" in pods.log(first)
    assert pods.ended(again)["status"] == "SUCCESS", pods.log(again)
    assert pods.tags(again)["platform/size"] == "medium"
    third = pods.launch("hungry", job="apart")
    assert pods.ended(third)["status"] == "SUCCESS", pods.log(third)
    assert pods.tags(third)["platform/size"] == "medium"


def test_a_child_out_of_memory_in_the_largest_size_fails_for_good(pods: Deployment) -> None:
    run_id = pods.launch("insatiable", job="apart")
    assert pods.ended(run_id)["status"] == "FAILURE"
    assert pods.ended_as(run_id) == "memory/out_of_memory"
    assert "in size large (2Gi), the largest: it needs less memory, or a larger size" in pods.log(run_id)
    assert "dagster/auto_retry_run_id" not in pods.tags(run_id)
    with dg.DagsterInstance.from_config(str(pods.root / "dagster")) as instance:
        run = instance.get_run_by_id(run_id)
        assert run is not None
        failed = FailedRun(instance, EventIndex(instance), run, dt.datetime.now(dt.UTC), "out of memory: all of it")
        assert failed.is_final
        (signal,) = failed.signals()
    assert (signal.subject, signal.kind, signal.message) == ("insatiable", "memory", "out of memory: all of it")


def test_an_error_of_a_child_is_not_its_memory(pods: Deployment) -> None:
    run_id = pods.launch("broken", job="apart")
    assert pods.ended(run_id)["status"] == "FAILURE"
    after = pods.launch("light", job="apart")
    assert pods.ended(after)["status"] == "SUCCESS", pods.log(after)
    assert "platform/ended" not in pods.tags(run_id)
