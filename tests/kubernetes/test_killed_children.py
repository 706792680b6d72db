"""A run that has failed by itself, whose pod says that a process of it was killed for its memory: on an instance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from platform_assets.feeds import run_tags
from platform_assets.kubernetes.killed_children import report_killed_children
from platform_assets.kubernetes.sizes import Size, Sizes
from tests.kubernetes.test_pods import pod, terminated

SIZES = Sizes(
    {name: Size(name, {"memory": memory}, {"memory": memory}) for name, memory in (("small", "1Gi"), ("big", "2Gi"))},
    "small",
)
COMPLETE = pod(phase="Succeeded", containerStatuses=terminated(0, "OOMKilled"))


@pytest.fixture(name="instance")
def _instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster.yaml").write_text(
        "telemetry: {enabled: false}\nrun_retries: {enabled: true, max_retries: 0}\n"
    )
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


@dg.asset
def orders() -> None:
    pass


_job = dg.Definitions(assets=[orders], jobs=[dg.define_asset_job("all_of_it")]).resolve_job_def("all_of_it")


def failed(instance: dg.DagsterInstance, status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED) -> str:
    run = instance.create_run_for_job(_job, tags={run_tags.SIZE: "small"}, status=status)
    if status is dg.DagsterRunStatus.STARTED:
        instance.report_run_failed(run, "a step has failed")
    return run.run_id


def reported(instance: dg.DagsterInstance, run_id: str, known: set[str], found: object = COMPLETE) -> list[str]:
    return [text for _, text in report_killed_children(instance, lambda: SIZES, {run_id: [found]}, known)]


def tags(instance: dg.DagsterInstance, run_id: str) -> dict[str, str]:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return dict(run.tags)


def test_it_is_reported_as_out_of_memory_once_and_started_again(instance: dg.DagsterInstance) -> None:
    run_id, known = failed(instance), set[str]()
    assert tags(instance, run_id)["dagster/will_retry"] == "false"
    (message,) = reported(instance, run_id, known)
    assert message.endswith("exit code 0, in size small (1Gi). It is started once more in size big (2Gi)")
    assert tags(instance, run_id)["dagster/will_retry"] == "true"
    assert tags(instance, run_id)[run_tags.ENDED] == "memory/out_of_memory"
    # by this daemon, and by the one after it
    assert not reported(instance, run_id, known)
    assert not reported(instance, run_id, set())


def test_a_daemon_that_was_killed_before_the_failure_was_written_is_followed_by_one_that_writes_it(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = failed(instance)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("platform_assets.kubernetes.ended_runs.end_run", killed)
        with pytest.raises(KeyboardInterrupt):
            reported(instance, run_id, set())
    assert tags(instance, run_id)["dagster/will_retry"] == "false"
    assert len(reported(instance, run_id, set())) == 1
    assert tags(instance, run_id)["dagster/will_retry"] == "true"


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELED])
def test_a_run_that_has_not_failed_is_left(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> None:
    run_id = failed(instance, status)
    assert not reported(instance, run_id, set())
    assert run_tags.ENDED not in tags(instance, run_id)


def test_a_pod_that_ended_of_something_else_is_left(instance: dg.DagsterInstance) -> None:
    run_id = failed(instance)
    assert not reported(instance, run_id, set(), pod(phase="Failed", containerStatuses=terminated(1, "Error")))
    assert run_tags.ENDED not in tags(instance, run_id)
