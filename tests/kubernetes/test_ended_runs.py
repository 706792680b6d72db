"""A run that its pod has ended, on an instance: what it is said to have failed of, and whether it is started again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import dagster as dg
import pytest

from platform_assets.automation.alerting.failed_runs import FailedRun
from platform_assets.failures import Kind
from platform_assets.feeds import run_tags
from platform_assets.instance.reading import EventIndex
from platform_assets.kubernetes.ended_runs import MOST_LOST, Ended
from platform_assets.kubernetes.learned_sizes import KEPT_SECONDS, learn, learned
from platform_assets.kubernetes.pods import Finding
from platform_assets.kubernetes.sizes import Size, Sizes

SIZES = Sizes(
    {name: Size(name, {"memory": memory}, {"memory": memory}) for name, memory in (("small", "1Gi"), ("big", "2Gi"))},
    "small",
)
OUT_OF_MEMORY = Finding(Kind.MEMORY, "out_of_memory", "out of memory: the pod was OOMKilled, exit code 137")
LOST = Finding(Kind.INFRASTRUCTURE, "evicted", "the pod was evicted: low on memory", lost=True)
NO_IMAGE = Finding(Kind.MISCONFIGURED, "err_image_pull", "ErrImagePull: not found")


@pytest.fixture(name="instance")
def _instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    home = tmp_path_factory.mktemp("home")
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\nrun_retries: {enabled: true, max_retries: 0}\n")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def ended(instance: dg.DagsterInstance, finding: Finding, **tags: str) -> tuple[str, dg.DagsterRun]:
    named = {getattr(run_tags, name): value for name, value in tags.items()}
    run = instance.create_run_for_job(_job, tags=named, status=dg.DagsterRunStatus.STARTED)
    message = Ended(instance, SIZES, run, finding).report()
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return message, found


@dg.asset
def orders() -> None:
    pass


_job = dg.Definitions(assets=[orders], jobs=[dg.define_asset_job("all_of_it")]).resolve_job_def("all_of_it")


def again(run: dg.DagsterRun) -> bool:
    return run_tags.number(run.tags, run_tags.MAX_RETRIES) > run_tags.number(run.tags, run_tags.RETRY_NUMBER)


def test_out_of_memory_is_tried_once_in_the_next_size(instance: dg.DagsterInstance) -> None:
    message, run = ended(instance, OUT_OF_MEMORY, SIZE="small")
    assert message.endswith("exit code 137, in size small (1Gi). It is started once more in size big (2Gi)")
    assert again(run)
    assert run.tags["dagster/will_retry"] == "true"
    assert learned(instance, ["orders"], dt.datetime.now(dt.UTC).timestamp()) == {"big"}


@pytest.mark.parametrize("tags", [{"SIZE": "big"}, {"SIZE": "small", "MORE": "memory", "RETRY_NUMBER": "1"}])
def test_out_of_memory_in_the_largest_size_or_twice_is_the_end(
    instance: dg.DagsterInstance, tags: dict[str, str]
) -> None:
    _, run = ended(instance, OUT_OF_MEMORY, **tags)
    assert not again(run)


def test_a_lost_pod_is_no_attempt_until_there_were_too_many(instance: dg.DagsterInstance) -> None:
    for lost in range(MOST_LOST):
        _, run = ended(instance, LOST, LOST=str(lost), RETRY_NUMBER=str(lost))
        assert again(run)
        assert run.tags[run_tags.LOST] == str(lost + 1)
    _, run = ended(instance, LOST, LOST=str(MOST_LOST), RETRY_NUMBER=str(MOST_LOST))
    assert not again(run)


def test_what_a_person_has_to_mend_is_not_tried_again(instance: dg.DagsterInstance) -> None:
    _, run = ended(instance, NO_IMAGE)
    assert not again(run)


def test_the_number_of_retries_that_somebody_has_set_is_left(instance: dg.DagsterInstance) -> None:
    for finding in (OUT_OF_MEMORY, LOST):
        _, run = ended(instance, finding, SIZE="small", MAX_RETRIES="0")
        assert run.tags[run_tags.MAX_RETRIES] == "0"


def test_what_another_process_has_begun_to_report_is_not_counted_twice(instance: dg.DagsterInstance) -> None:
    tags = {"ENDED": "infrastructure/evicted", "LOST": "1", "MAX_RETRIES": "1", "OURS": "true"}
    _, run = ended(instance, LOST, **tags)
    assert (run.tags[run_tags.LOST], run.tags[run_tags.MAX_RETRIES]) == ("1", "1")
    assert run.status is dg.DagsterRunStatus.FAILURE


def test_an_incident_has_the_kind_that_the_pod_says(instance: dg.DagsterInstance) -> None:
    message, run = ended(instance, OUT_OF_MEMORY, SIZE="big")
    failed = FailedRun(instance, EventIndex(instance), run, dt.datetime.now(dt.UTC), message)
    (signal,) = failed.signals()
    assert (signal.subject, signal.kind, signal.code) == ("orders", "memory", "out_of_memory")
    assert "in size big (2Gi), the largest" in signal.message


def test_a_size_is_forgotten_after_a_month(instance: dg.DagsterInstance) -> None:
    learn(instance, ["orders"], "big", 1_000.0)
    assert learned(instance, ["orders", "others"], 1_001.0) == {"big"}
    assert learned(instance, ["others"], 1_001.0) == set()
    assert learned(instance, ["orders"], 1_001.0 + KEPT_SECONDS) == set()
