"""Runs in pods: a real webserver and daemon, and the unmodified client, on a double of the cluster."""

from __future__ import annotations

import os
import signal
import time

import psutil
import pytest

from tests.kubernetes.deployment import NAMESPACE, Deployment
from tests.support.servers import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_run_has_a_pod_of_its_size(pods: Deployment) -> None:
    run_id = pods.launch("light")
    assert pods.ended(run_id)["status"] == "SUCCESS", pods.log(run_id)
    (pod,) = pods.pods(run_id)
    assert pod.spec.containers[0].resources.limits == {"memory": "512Mi"}
    assert pod.spec.containers[0].resources.requests == {"memory": "512Mi", "cpu": "100m"}
    assert pod.metadata.labels["platform/size"] == "small"
    assert pods.tags(run_id)["platform/size"] == "small"


def test_the_pod_of_an_asset_has_its_class_and_what_its_team_has(pods: Deployment) -> None:
    run_id = pods.launch("known")
    assert pods.ended(run_id)["status"] == "SUCCESS", pods.log(run_id)
    (pod,) = pods.pods(run_id)
    assert pod.spec.containers[0].resources.limits == {"memory": "1Gi"}
    assert pod.spec.priority_class_name == "high"
    assert pod.spec.node_selector == {"pool": "finance"}


def test_out_of_memory_once_more_in_the_next_size_and_the_next_run_starts_there(pods: Deployment) -> None:
    first = pods.launch("hungry")
    assert pods.ended(first)["status"] == "FAILURE"
    log = pods.log(first)
    assert "out of memory: the pod was OOMKilled, exit code 137, in size small (512Mi)" in log
    assert "It is started once more in size medium (1Gi)" in log
    second = pods.retry_of(first)
    assert pods.ended(second)["status"] == "SUCCESS", pods.log(second)
    assert pods.tags(second)["platform/size"] == "medium"
    assert pods.tags(second)["platform/ended"] == ""
    third = pods.launch("hungry")
    assert pods.ended(third)["status"] == "SUCCESS", pods.log(third)
    assert pods.tags(third)["platform/size"] == "medium"


def test_more_than_the_largest_size_has_is_out_of_memory_for_good(pods: Deployment) -> None:
    run_id = pods.launch("insatiable")
    assert pods.ended(run_id)["status"] == "FAILURE"
    assert "in size large (2Gi), the largest: it needs less memory, or a larger size" in pods.log(run_id)
    assert pods.tags(run_id)["platform/ended"] == "memory/out_of_memory"
    assert pods.tags(run_id)["dagster/will_retry"] == "false"


def test_code_that_fails_is_no_matter_of_the_pod(pods: Deployment) -> None:
    run_id = pods.launch("broken")
    assert pods.ended(run_id)["status"] == "FAILURE"
    assert "platform/ended" not in pods.tags(run_id)


@pytest.mark.parametrize(
    ("faults", "tags", "says", "kind"),
    [
        ({"images": []}, {}, "ErrImagePull: failed to pull", "misconfigured/err_image_pull"),
        ({"allocatable": "100Mi"}, {}, "no node takes the pod: 0/1 nodes", "infrastructure/unschedulable"),
        ({}, {"service_account_name": "none"}, 'serviceaccount "none" not found', "misconfigured/no_pod"),
        ({}, {"secret": "missing"}, 'secret "missing" not found', "misconfigured/create_container_config_error"),
        ({}, {"command": "false"}, "exit code 1", "bug/exited"),
        ({}, {"command": "no-such-program"}, "StartError", "bug/exited"),
    ],
)
def test_a_pod_that_cannot_start_says_why_and_is_gone(
    pods: Deployment, faults: dict[str, object], tags: dict[str, str], says: str, kind: str
) -> None:
    pods.faults(**faults)
    container: dict[str, object] = {}
    if "secret" in tags:
        container["envFrom"] = [{"secretRef": {"name": tags["secret"]}}]
    if "command" in tags:
        container |= {"command": [tags["command"]], "args": []}
    pod = {"serviceAccountName": tags["service_account_name"]} if "service_account_name" in tags else {}
    run_id = pods.launch("light", **pods.config(container, pod), dagster__max_retries="0")
    # the job of a pod that ends at once may be gone before anybody sees it
    wait_for("its job", lambda: "run worker job created" in pods.log(run_id))
    started = time.monotonic()
    assert pods.ended(run_id)["status"] == "FAILURE"
    assert time.monotonic() - started < 30
    assert says in pods.log(run_id), pods.log(run_id)
    assert pods.tags(run_id)["platform/ended"] == kind
    wait_for("the end of its job", lambda: not pods.jobs(run_id))
    wait_for("the end of its pod", lambda: not pods.pods(run_id))


@pytest.mark.parametrize("how", ["evict", "preempt", "node_lost"])
def test_what_the_cluster_takes_away_is_started_again(pods: Deployment, how: str) -> None:
    run_id = pods.launch("waiting")
    pods.begun()
    (pods.root / "begun").unlink()
    pods.double.ask("disrupt", namespace=NAMESPACE, pod=pods.pod(run_id).metadata.name, how=how)
    assert pods.ended(run_id)["status"] == "FAILURE"
    assert pods.tags(run_id)["platform/ended"].startswith("infrastructure/")
    again = pods.retry_of(run_id)
    pods.begun()
    (pods.root / "go").touch()
    assert pods.ended(again)["status"] == "SUCCESS", pods.log(again)
    assert pods.tags(again)["platform/lost_pods"] == "1"


def test_a_killed_process_is_noticed(pods: Deployment) -> None:
    run_id = pods.launch("waiting", dagster__max_retries="0")
    os.kill(pods.begun(), signal.SIGKILL)
    assert pods.ended(run_id)["status"] == "FAILURE"
    assert "exit code 137" in pods.log(run_id)


def test_a_deleted_pod_is_noticed(pods: Deployment) -> None:
    run_id = pods.launch("waiting", dagster__max_retries="0")
    process = pods.begun()
    name = pods.pod(run_id).metadata.name
    os.kill(process, signal.SIGSTOP)
    pods.batch.delete_namespaced_job(f"dagster-run-{run_id}", NAMESPACE, propagation_policy="Orphan")
    pods.core.delete_namespaced_pod(name, NAMESPACE)
    os.kill(process, signal.SIGKILL)
    assert pods.ended(run_id)["status"] in ("FAILURE", "CANCELED")


@pytest.mark.parametrize("fault", ["refuse", "freeze"])
def test_an_api_server_that_is_away_fails_no_run_and_starts_none_twice(pods: Deployment, fault: str) -> None:
    (pods.root / "counted").unlink(missing_ok=True)
    waiting = pods.launch("waiting")
    pods.begun()
    pods.double.ask(fault, seconds=12)
    counting = pods.launch("counting")
    wait_for("the end of the outage", lambda: not pods.double.ask("requests")["away"])
    assert pods.status(waiting) == "STARTED"
    assert pods.ended(counting)["status"] == "SUCCESS", pods.log(counting)
    assert (pods.root / "counted").read_text() == "+"
    (pods.root / "go").touch()
    assert pods.ended(waiting)["status"] == "SUCCESS"
    assert "FAILURE" not in pods.log(waiting)


def test_a_run_that_is_canceled_leaves_nothing(pods: Deployment) -> None:
    run_id = pods.launch("waiting")
    process = pods.begun()
    pods.terminate(run_id)
    assert pods.ended(run_id)["status"] == "CANCELED"
    wait_for("the end of its pod", lambda: not pods.pods(run_id))
    assert not psutil.pid_exists(process)
    assert pods.jobs(run_id) == []


def test_a_run_that_is_canceled_while_it_starts_leaves_nothing(pods: Deployment) -> None:
    pods.faults(slow_start=600.0)
    run_id = pods.launch("waiting")
    pods.pod(run_id)
    pods.terminate(run_id, force=True)
    assert pods.ended(run_id)["status"] == "CANCELED"
    wait_for("the end of its pod", lambda: not pods.pods(run_id) and not pods.jobs(run_id))


def test_a_run_that_is_canceled_while_the_api_server_is_away_leaves_nothing(pods: Deployment) -> None:
    run_id = pods.launch("waiting")
    pods.begun()
    pods.double.ask("refuse", seconds=8)
    pods.terminate(run_id)
    assert pods.ended(run_id)["status"] == "CANCELED"
    wait_for("the end of its pod", lambda: not pods.pods(run_id) and not pods.jobs(run_id))


def test_a_launch_whose_answer_is_lost_makes_one_job(pods: Deployment) -> None:
    (pods.root / "counted").unlink(missing_ok=True)
    pods.double.ask("lose", needed="jobs:create")
    run_id = pods.launch("counting")
    assert pods.ended(run_id)["status"] == "SUCCESS", pods.log(run_id)
    assert (pods.root / "counted").read_text() == "+"
    assert len(pods.jobs(run_id)) == 1
    assert pods.double.ask("requests")["lost"] == 0


def test_a_run_that_is_canceled_gives_its_leases_back(pods: Deployment) -> None:
    run_id = pods.launch("leased")
    pods.begun()
    pods.terminate(run_id)
    assert pods.ended(run_id)["status"] == "CANCELED"
    (pods.root / "begun").unlink()
    (pods.root / "go").touch()
    # it waits 10 s for a lease that lasts 600 s
    after = pods.launch("leased")
    assert pods.ended(after)["status"] == "SUCCESS", pods.log(after)


def test_the_reason_has_no_secret(pods: Deployment) -> None:
    command = ["sh", "-c", "echo 'cannot open postgresql://dagster:opensesame@db/dagster'; exit 1"]
    run_id = pods.launch("light", **pods.config({"command": command, "args": []}, {}), dagster__max_retries="0")
    assert pods.ended(run_id)["status"] == "FAILURE"
    assert "Its log ends with: cannot open postgresql://" in pods.log(run_id)
    assert "opensesame" not in pods.log(run_id) + str(pods.tags(run_id).get("platform/ended"))
