"""What the state of a pod means, as the API server words it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes import client

from platform_assets.kubernetes.pods import Patience, gone_wrong, never_began

PATIENCE = Patience()


def pod(**status: Any) -> Any:
    """A pod as the client gives it, of the status that the API server answers."""
    body = {"metadata": {"name": "a"}, "status": {"phase": "Pending", **status}}
    return client.ApiClient().deserialize(SimpleNamespace(data=json.dumps(body)), "V1Pod")


def container(**state: Any) -> list[dict[str, Any]]:
    return [{"name": "dagster", "image": "a", "imageID": "", "ready": False, "restartCount": 0, "state": state}]


def waits_for(reason: str) -> Any:
    return pod(containerStatuses=container(waiting={"reason": reason}))


def event(reason: str, message: str) -> Any:
    return SimpleNamespace(reason=reason, message=message, type="Warning")


def terminated(code: int, reason: str) -> list[dict[str, Any]]:
    return container(terminated={"exitCode": code, "reason": reason})


def condition(kind: str, status: str, reason: str, message: str) -> list[dict[str, Any]]:
    return [{"type": kind, "status": status, "reason": reason, "message": message}]


DISRUPTED = condition("DisruptionTarget", "True", "PreemptionByScheduler", "a higher priority pod")
STORAGE = "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi."


@pytest.mark.parametrize(
    ("found", "kind", "code", "lost"),
    [
        (pod(phase="Failed", containerStatuses=terminated(137, "OOMKilled")), "memory", "out_of_memory", False),
        # of the main process's child
        (pod(phase="Succeeded", containerStatuses=terminated(0, "OOMKilled")), "memory", "out_of_memory", False),
        (pod(phase="Failed", containerStatuses=terminated(137, "Error")), "infrastructure", "exited", False),
        (pod(phase="Failed", containerStatuses=terminated(1, "Error")), "bug", "exited", False),
        (pod(phase="Failed", reason="Evicted", message="low on memory"), "infrastructure", "evicted", True),
        (pod(phase="Failed", reason="Evicted", message=STORAGE), "misconfigured", "evicted", False),
        (pod(phase="Failed", reason="NodeShutdown", message="shutting down"), "infrastructure", "node_lost", True),
        (pod(phase="Failed", conditions=DISRUPTED), "infrastructure", "preempted", True),
        # a node that does not answer: its pod still says that it runs
        (pod(phase="Running", reason="NodeLost", message="unresponsive"), "infrastructure", "node_lost", True),
        (pod(phase="Failed", reason="DeadlineExceeded", message="too long"), "timeout", "deadline", False),
        (pod(phase="Failed"), "infrastructure", "pod_failed", False),
    ],
)
def test_a_run_that_is_over(found: Any, kind: str, code: str, lost: bool) -> None:
    wrong = gone_wrong([found])
    assert wrong is not None
    assert (wrong.kind, wrong.code, wrong.lost) == (kind, code, lost)


def test_a_run_that_goes_on() -> None:
    assert gone_wrong([pod(phase="Running")]) is None
    # another pod of the job goes on after the first was lost
    assert gone_wrong([pod(phase="Failed", reason="Evicted"), pod(phase="Running")]) is None


def test_a_run_whose_pod_is_gone() -> None:
    wrong = gone_wrong([])
    assert wrong is not None
    assert wrong.lost


@pytest.mark.parametrize(
    ("found", "events", "age", "code", "waits"),
    [
        ([], [], 60, None, False),
        ([], [event("FailedCreate", "no account")], 5, None, False),
        ([], [event("FailedCreate", "no account")], 16, "no_pod", False),
        ([waits_for("ContainerCreating")], [], 100, None, False),
        ([waits_for("ErrImagePull")], [], 5, None, False),
        ([waits_for("ErrImagePull")], [], 12, "err_image_pull", False),
        ([waits_for("InvalidImageName")], [], 1, "invalid_image_name", False),
        ([pod(conditions=condition("PodScheduled", "False", "Unschedulable", "full"))], [], 5, "unschedulable", True),
        ([pod(conditions=condition("PodScheduled", "False", "Unschedulable", "full"))], [], 25, "unschedulable", False),
        (
            [pod(conditions=condition("PodScheduled", "False", "Unschedulable", "full"))],
            [event("TriggeredScaleUp", "group 1 -> 2")], 25, "unschedulable", True,
        ),
        ([pod(containerStatuses=[])], [event("FailedMount", "configmap not found")], 25, "failed_mount", False),
        ([pod(phase="Running")], [], 100, None, False),
        ([pod(phase="Failed", containerStatuses=terminated(1, "Error"))], [], 1, "exited", False),
    ],
)  # fmt: skip
def test_a_run_that_does_not_begin(
    found: list[Any], events: list[Any], age: float, code: str | None, waits: bool
) -> None:
    wrong = never_began(found, events, age, PATIENCE)
    assert (wrong.code, wrong.waits) == (code, waits) if wrong is not None else code is None
