"""Run retries by kind of failure: the tags on the run, what Dagster's daemon makes of them, and the waits."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from dagster._core.events import RunFailureReason
from dagster._core.execution.retries import auto_reexecution_should_retry_run

from platform_assets.components.assets import attempts
from platform_assets.components.assets.attempts import begin
from platform_assets.components.reporting.outcomes import AssetOutcomes, Outcome, output_name, report, run_partitions
from platform_assets.failures import Failure, Kind
from platform_assets.feeds import run_tags
from platform_assets.feeds.more import tags_for_more
from platform_assets.holds.holds import held
from platform_assets.retries.policy import DEFAULT, Layer

KEY = dg.AssetKey(["raw", "orders"])
DAYS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-05")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
RETRIES = {Kind.INFRASTRUCTURE: 2, Kind.TIMEOUT: 1, Kind.MEMORY: 1}
"""How often Dagster starts a run again; 0 for all other kinds."""


@pytest.fixture(name="instance")
def _instance() -> Iterator[dg.DagsterInstance]:
    overrides = {"run_retries": {"enabled": True, "max_retries": 7, "retry_on_asset_or_op_failure": False}}
    with dg.instance_for_test(overrides=overrides) as instance:
        yield instance


def job(kinds: list[Kind | None]) -> dg.JobDefinition:
    """A step over four days whose failures are of these kinds; None is a good day."""

    @dg.multi_asset(
        specs=[dg.AssetSpec(KEY, partitions_def=DAYS)],
        backfill_policy=dg.BackfillPolicy.single_run(),
        name=KEY.to_python_identifier(),
    )
    def load(context: dg.AssetExecutionContext) -> Iterator[Any]:
        keys = run_partitions(context)
        begin(context, [KEY], keys)
        outcomes = [
            Outcome(key, failure=None if kind is None else Failure(kind, "code", "it failed"))
            for key, kind in zip(keys, kinds, strict=True)
        ]
        yield from report(context, [AssetOutcomes(KEY, output_name(KEY), outcomes)])

    return dg.Definitions(assets=[load], executor=dg.in_process_executor).resolve_implicit_global_asset_job_def()


def run(instance: dg.DagsterInstance, kinds: list[Kind | None], tags: dict[str, str] | None = None) -> dg.DagsterRun:
    ends = {run_tags.RANGE_START: "2024-01-01", run_tags.RANGE_END: f"2024-01-0{len(kinds)}"}
    result = job(kinds).execute_in_process(
        instance=instance, tags={**ends, **(tags or {})}, run_config=QUIET, raise_on_error=False
    )
    stored = instance.get_run_by_id(result.run_id)
    assert stored is not None
    return stored


def is_started_again(instance: dg.DagsterInstance, stored: dg.DagsterRun) -> bool:
    return auto_reexecution_should_retry_run(instance, stored, RunFailureReason.STEP_FAILURE)


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_is_started_again_as_often_as_the_policy_says(instance: dg.DagsterInstance, kind: Kind) -> None:
    stored = run(instance, [kind])
    expected = RETRIES.get(kind, 0)
    assert expected == DEFAULT.attempts(kind, Layer.RUN_RETRIES) - 1
    assert stored.tags[run_tags.MAX_RETRIES] == str(expected)
    for again in range(expected):
        assert is_started_again(instance, stored)
        # as Dagster makes the next run: in the group of the first one, with the tags of the one before
        root = stored.root_run_id or stored.run_id
        tags = {**stored.tags, run_tags.RETRY_NUMBER: str(again + 1)}
        tags |= {"dagster/root_run_id": root, "dagster/parent_run_id": stored.run_id}
        made = instance.create_run_for_job(job([kind]), tags=tags, root_run_id=root, parent_run_id=stored.run_id)
        instance.report_run_failed(made)
        found = instance.get_run_by_id(made.run_id)
        assert found is not None
        stored = found
    assert not is_started_again(instance, stored)


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([Kind.REJECTED, None, Kind.TIMEOUT], 1),
        ([Kind.TIMEOUT, Kind.INFRASTRUCTURE, Kind.BUG], 2),
        ([Kind.REJECTED, Kind.CREDENTIALS, None], 0),
    ],
)
def test_one_failure_that_a_retry_can_mend_is_enough(
    instance: dg.DagsterInstance, kinds: list[Kind | None], expected: int
) -> None:
    assert run(instance, kinds).tags[run_tags.MAX_RETRIES] == str(expected)


@pytest.mark.parametrize(("given", "expected"), [("1", "1"), ("0", "0"), ("9", "2")])
def test_what_somebody_has_set_on_the_run_is_not_raised(
    instance: dg.DagsterInstance, given: str, expected: str
) -> None:
    assert run(instance, [Kind.INFRASTRUCTURE], {run_tags.MAX_RETRIES: given}).tags[run_tags.MAX_RETRIES] == expected


@pytest.mark.slow
def test_a_run_that_the_sensor_asked_for_is_left_to_the_sensor(instance: dg.DagsterInstance) -> None:
    stored = run(instance, [Kind.INFRASTRUCTURE], {run_tags.TRY: "1", run_tags.MAX_RETRIES: "0"})
    assert not is_started_again(instance, stored)


def test_a_run_whose_process_dies_has_its_retries_from_the_beginning(instance: dg.DagsterInstance) -> None:
    stored = run(instance, [None])
    assert stored.tags[run_tags.MAX_RETRIES] == "2"


@pytest.mark.parametrize("kind", RETRIES)
def test_a_run_that_is_started_again_waits_by_the_kind_before_it_works(
    instance: dg.DagsterInstance, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(attempts, "pause", waits.append)
    for number, wait in enumerate(DEFAULT.delays(kind, Layer.RUN_RETRIES, lambda: 0.0), 1):
        run(instance, [None], {run_tags.RETRY_NUMBER: str(number), run_tags.KIND: kind.value})
        assert 0.9 * wait - 5 <= waits[-1] <= wait
    assert len(waits) == RETRIES[kind]


@pytest.mark.parametrize("kind", [Kind.TIMEOUT, Kind.MEMORY])
def test_the_next_run_is_given_more(instance: dg.DagsterInstance, kind: Kind) -> None:
    tags = run(instance, [kind], {run_tags.MAX_RUNTIME: "600"}).tags
    assert tags[run_tags.MORE] == kind.value
    assert tags[run_tags.MAX_RUNTIME] == ("1200" if kind is Kind.TIMEOUT else "600")


def test_a_package_gives_the_next_run_a_larger_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    class Entry:
        def __init__(self, function: Any) -> None:
            self.function = function

        def load(self) -> Any:
            return self.function

    def broken(kind: str, tags: dict[str, str]) -> dict[str, str]:
        raise ValueError(kind)

    larger = {"pods": Entry(lambda kind, tags: {"dagster-k8s/config": f"more {kind}"}), "broken": Entry(broken)}
    monkeypatch.setattr("platform_assets.feeds.more.announced", lambda group: larger)
    assert tags_for_more(Kind.MEMORY, {}) == {run_tags.MORE: "memory", "dagster-k8s/config": "more memory"}


COUNTING: dict[str, tuple[Kind, dict[str, str], bool]] = {
    "rejected": (Kind.REJECTED, {}, True),
    "not delivered": (Kind.NOT_DELIVERED, {}, False),
    "infrastructure, to be started again": (Kind.INFRASTRUCTURE, {}, False),
    "infrastructure, the last run": (Kind.INFRASTRUCTURE, {run_tags.RETRY_NUMBER: "2"}, True),
    "asked for by the sensor, to be asked for again": (Kind.INFRASTRUCTURE, {run_tags.TRY: "2"}, False),
    "asked for by the sensor for the last time": (Kind.INFRASTRUCTURE, {run_tags.TRY: "3"}, True),
    "a probe": (Kind.TIMEOUT, {run_tags.TRY: "7"}, True),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTING)
def test_the_breaker_counts_what_no_layer_tries_again(instance: dg.DagsterInstance, name: str) -> None:
    kind, tags, counts = COUNTING[name]
    for _ in range(DEFAULT.failures):
        stored = run(instance, [kind, kind], tags)
    assert bool(held(instance, 0.0).holds) == counts
    if counts:
        refused = run(instance, [None, None])
        assert refused.status is dg.DagsterRunStatus.FAILURE
        assert refused.tags[run_tags.MAX_RETRIES] == "0"
        assert instance.get_materialized_partitions(KEY) == set()
    assert stored.status is dg.DagsterRunStatus.FAILURE
