"""The list of rights: with each of them everything works, and without any of them something does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from platform_assets.kubernetes.rights import LAUNCHER, STEP_PODS, Right, rules
from tests.kubernetes.deployment import RIGHTS, Deployment
from tests.support.servers import wait_for


def no_launch(pods: Deployment) -> None:
    run_id = pods.launch("light", dagster__max_retries="0")
    assert pods.ended(run_id)["status"] == "FAILURE"
    assert pods.ended_as(run_id) == "credentials/forbidden"


def no_jobs(pods: Deployment) -> None:
    no_watch(pods, 'cannot list resource "jobs"')


def no_pods(pods: Deployment) -> None:
    no_watch(pods, 'cannot list resource "pods"')


def no_watch(pods: Deployment, says: str) -> None:
    pods.faults(images=[])
    run_id = pods.launch("light", dagster__max_retries="0")
    pods.pod(run_id)
    pods.daemon_says(says)
    assert pods.status(run_id) == "STARTING"
    pods.may(*RIGHTS)
    assert pods.ended(run_id)["status"] == "FAILURE"
    assert pods.ended_as(run_id) == "misconfigured/err_image_pull"


def no_events(pods: Deployment) -> None:
    run_id = pods.launch("light", **pods.config({}, {"serviceAccountName": "none"}), dagster__max_retries="0")
    pods.daemon_says('cannot list resource "events"')
    assert pods.status(run_id) == "STARTING"
    pods.may(*RIGHTS)
    assert pods.ended(run_id)["status"] == "FAILURE"
    assert pods.ended_as(run_id) == "misconfigured/no_pod"


def no_end(pods: Deployment) -> None:
    run_id = pods.launch("waiting")
    pods.begun()
    pods.terminate(run_id)
    pods.daemon_says('cannot delete resource "jobs"')
    assert pods.running(run_id)
    pods.may(*RIGHTS)
    wait_for("the end of its pod", lambda: not pods.pods(run_id))
    assert pods.ended(run_id)["status"] == "CANCELED"


def no_last_words(pods: Deployment) -> None:
    for shown in (False, True):
        pods.may(*(right for right in RIGHTS if shown or right != "pods/log:get"))
        command = {"command": ["sh", "-c", "echo the last words; exit 1"], "args": []}
        run_id = pods.launch("light", **pods.config(command, {}), dagster__max_retries="0")
        assert pods.ended(run_id)["status"] == "FAILURE"
        assert "exit code 1" in pods.log(run_id)
        assert ("the last words" in pods.log(run_id)) is shown


WITHOUT: dict[str, Callable[[Deployment], None]] = {
    "jobs:create": no_launch, "jobs:list": no_jobs, "jobs:delete": no_end, "pods:list": no_pods,
    "pods/log:get": no_last_words, "events:list": no_events,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("right", LAUNCHER, ids=str)
def test_something_does_not_work_without(pods: Deployment, right: Right) -> None:
    pods.may(*(name for name in RIGHTS if name != str(right)))
    WITHOUT[str(right)](pods)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_else_is_asked_for(pods: Deployment) -> None:
    run_id = pods.launch("light")
    assert pods.ended(run_id)["status"] == "SUCCESS"
    assert set(pods.double.ask("requests")["of"]["daemon"]) <= set(RIGHTS)


def test_rights_are_rules_of_a_role() -> None:
    assert rules(LAUNCHER) == [
        {"apiGroups": [""], "resources": ["events"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "delete", "list"]},
    ]
    assert {rule["resources"][0]: rule["verbs"] for rule in rules(STEP_PODS)}["pods"] == ["delete", "get", "list"]
