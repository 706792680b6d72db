"""One run over many partitions as Dagster sees it: which are materialized, what failed, and what was left to run."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import pytest

from platform_assets.components.reporting.outcomes import (
    VERDICT,
    AssetOutcomes,
    Outcome,
    output_name,
    report,
    run_partitions,
)
from platform_assets.components.reporting.verdict_check import verdict_check
from platform_assets.failures import Failure, Kind
from platform_assets.feeds import run_tags

DAYS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-11")
KEYS = DAYS.get_partition_keys()
FIRST, SECOND = dg.AssetKey(["x", "first"]), dg.AssetKey(["x", "second"])
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def failure(message: str) -> Failure:
    """What a message stands for here: one that begins with `disk` is a failure of the infrastructure."""
    kind = Kind.INFRASTRUCTURE if message.startswith("disk") else Kind.REJECTED
    return Failure(kind, "gate", message)


def asset(
    key: dg.AssetKey, bad: Mapping[str, str], deps: list[dg.AssetKey], partitions: dg.PartitionsDefinition | None
) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=key.to_python_identifier(),
        specs=[dg.AssetSpec(key, deps=deps, partitions_def=partitions)],
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def step(context: dg.AssetExecutionContext) -> Iterator[Any]:
        outcomes = [
            Outcome(k, failure=failure(bad[k])) if k in bad else Outcome(k, f"version of {k}", metadata={"rows": 1})
            for k in run_partitions(context)
        ]
        yield from report(context, [AssetOutcomes(key, output_name(key), outcomes)])

    return step


def definitions(bad: Mapping[str, str], *, partitions: dg.PartitionsDefinition | None = DAYS) -> dg.Definitions:
    def durable(_: dg.AssetCheckExecutionContext, keys: Any) -> Mapping[str, Failure]:
        return {k: failure(bad[k]) for k in keys if k in bad}

    checks = [verdict_check(key=key, problems=durable) for key in (FIRST, SECOND)]
    assets = [asset(FIRST, bad, [], partitions), asset(SECOND, bad, [FIRST], partitions)]
    without = dg.define_asset_job("without_checks", dg.AssetSelection.assets(FIRST, SECOND).without_checks())
    only = dg.define_asset_job("only_checks", dg.AssetSelection.checks(dg.AssetCheckKey(FIRST, VERDICT)))
    # the checks of these assets ask nothing of the platform
    resources = {"platform": dg.ResourceDefinition.none_resource()}
    return dg.Definitions(
        assets, asset_checks=checks, jobs=[without, only], resources=resources, executor=dg.in_process_executor
    )


@pytest.fixture(name="instance")
def _instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def run(
    instance: dg.DagsterInstance,
    bad: Mapping[str, str],
    first: str = KEYS[0],
    last: str = KEYS[-1],
    *,
    job: str = "__ASSET_JOB",
) -> dg.ExecuteInProcessResult:
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    return (
        definitions(bad)
        .resolve_job_def(job)
        .execute_in_process(instance=instance, tags=tags, run_config=QUIET, raise_on_error=False)
    )


def done(instance: dg.DagsterInstance, key: dg.AssetKey) -> set[str]:
    return set(instance.get_materialized_partitions(key))


def failed_steps(result: dg.ExecuteInProcessResult) -> set[str]:
    return {e.step_key for e in result.all_events if e.event_type is dg.DagsterEventType.STEP_FAILURE if e.step_key}


@pytest.mark.slow
def test_bad_partitions_are_left_out_everywhere_and_only_the_verdicts_fail(instance: dg.DagsterInstance) -> None:
    result = run(instance, {KEYS[3]: "too few rows"})
    assert not result.success
    assert failed_steps(result) == {"x__first_verdict", "x__second_verdict"}
    for key in (FIRST, SECOND):
        assert done(instance, key) == set(KEYS) - {KEYS[3]}
    (event,) = [e for e in result.all_events if e.is_step_failure and e.step_key == "x__first_verdict"]
    told = event.step_failure_data.user_failure_data
    assert told is not None
    assert f"{KEYS[3]}: too few rows" in (told.description or "")
    assert told.metadata["partitions"].value.records[0].data == {
        "partition": KEYS[3],
        "kind": "rejected",
        "code": "gate",
        "problem": "too few rows",
        "who_acts": "sender",
        "next_step": Kind.REJECTED.next_step,
    }
    assert told.metadata["kinds"].value == {"rejected": 1}
    assert told.metadata["retryable"].value is False


@pytest.mark.slow
def test_a_run_of_good_partitions_succeeds_with_versions_and_metadata(instance: dg.DagsterInstance) -> None:
    assert run(instance, {}).success
    records = instance.fetch_materializations(FIRST, limit=50).records
    found = {r.partition_key: r.asset_materialization for r in records}
    assert set(found) == set(KEYS)
    assert found[KEYS[0]].tags["dagster/data_version"] == f"version of {KEYS[0]}"
    assert found[KEYS[0]].metadata["rows"].value == 1


def test_when_no_partition_is_good_the_step_fails_and_nothing_behind_it_runs(instance: dg.DagsterInstance) -> None:
    result = run(instance, dict.fromkeys(KEYS, "down"))
    assert "x__first" in failed_steps(result)
    assert done(instance, FIRST) == done(instance, SECOND) == set()
    assert not [e for e in result.all_events if e.is_step_start and e.step_key == "x__second"]


@pytest.mark.slow
def test_without_the_verdict_check_the_step_itself_fails_after_its_good_partitions(
    instance: dg.DagsterInstance,
) -> None:
    result = run(instance, {KEYS[0]: "bad"}, job="without_checks")
    assert failed_steps(result) == {"x__first"}
    assert done(instance, FIRST) == set(KEYS[1:])
    assert run(instance, {}, job="without_checks").success


@pytest.mark.slow
def test_a_failed_run_is_not_retried_as_a_whole(instance: dg.DagsterInstance) -> None:
    result = run(instance, {KEYS[0]: "bad"})
    stored = instance.get_run_by_id(result.run_id)
    assert stored is not None
    assert stored.tags[run_tags.MAX_RETRIES] == "0"


@pytest.mark.slow
@pytest.mark.parametrize("order", [("disk full", "bad"), ("bad", "disk full")])
def test_a_failure_that_a_retry_can_mend_leaves_the_run_to_run_retries(
    instance: dg.DagsterInstance, order: tuple[str, str]
) -> None:
    result = run(instance, {KEYS[0]: order[0], KEYS[4]: order[1]})
    stored = instance.get_run_by_id(result.run_id)
    assert stored is not None
    assert stored.tags.get(run_tags.MAX_RETRIES) != "0"
    assert stored.tags[run_tags.RETRY_STRATEGY] == "ALL_STEPS", "from the failure on, only the verdict would run again"


@pytest.mark.slow
def test_a_selection_with_holes_is_a_run_for_each_piece_and_no_run_speaks_of_the_others(
    instance: dg.DagsterInstance,
) -> None:
    assert run(instance, {}, KEYS[0], KEYS[2]).success
    assert not run(instance, {KEYS[6]: "bad"}, KEYS[5], KEYS[8]).success
    assert done(instance, SECOND) == {*KEYS[:3], KEYS[5], KEYS[7], KEYS[8]}


@pytest.mark.slow
def test_a_bad_partition_run_again_does_not_undo_what_stands(instance: dg.DagsterInstance) -> None:
    assert run(instance, {}).success
    assert not run(instance, {KEYS[1]: "bad"}).success
    assert done(instance, FIRST) == set(KEYS), "its last good version still stands"
    status = instance.get_status_by_partition(FIRST, [KEYS[0], KEYS[1]], DAYS)
    assert status is not None
    assert status[KEYS[1]].value == "FAILED", "and yet the grid shows it red"
    assert status[KEYS[0]].value == "MATERIALIZED"


@pytest.mark.slow
def test_the_verdict_executed_by_itself_speaks_of_all_that_is_materialized(instance: dg.DagsterInstance) -> None:
    assert run(instance, {}, KEYS[2], KEYS[5]).success
    for tags in ({}, {"dagster/asset_partition_range_start": KEYS[2], "dagster/asset_partition_range_end": KEYS[5]}):
        job = definitions({KEYS[4]: "rejected by another run", KEYS[9]: "never there"}).resolve_job_def("only_checks")
        result = job.execute_in_process(instance=instance, tags=tags, run_config=QUIET, raise_on_error=False)
        (evaluation,) = result.get_asset_check_evaluations()
        assert not evaluation.passed
        assert evaluation.metadata["partitions"].value == 4
        assert [r.data["partition"] for r in evaluation.metadata["problems"].value.records] == [KEYS[4]]


@pytest.mark.slow
def test_a_snapshot_has_no_partition(instance: dg.DagsterInstance) -> None:
    job = definitions({}, partitions=None).resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(instance=instance, run_config=QUIET).success
    (record,) = instance.fetch_materializations(SECOND, limit=5).records
    assert record.partition_key is None
    broken = definitions({"snapshot": "gone"}, partitions=None).resolve_implicit_global_asset_job_def()
    result = broken.execute_in_process(instance=instance, run_config=QUIET, raise_on_error=False)
    assert "x__first" in failed_steps(result)
    assert len(instance.fetch_materializations(SECOND, limit=5).records) == 1


@pytest.mark.slow
def test_thousands_of_bad_partitions_are_all_left_out_and_told_in_few_words(instance: dg.DagsterInstance) -> None:
    hours = dg.HourlyPartitionsDefinition("2024-01-01-00:00", end_date="2024-03-01-00:00")
    keys = hours.get_partition_keys()
    bad = {key: f"the file of {key} is damaged, and this is said at some length" for key in keys[1:]}
    job = definitions(bad, partitions=hours).resolve_implicit_global_asset_job_def()
    tags = {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]}
    result = job.execute_in_process(instance=instance, tags=tags, run_config=QUIET, raise_on_error=False)
    assert not result.success
    assert instance.get_materialized_partitions(SECOND) == {keys[0]}
    sizes = [len(dg.serialize_value(e)) for e in result.all_events if e.event_type_value != "ASSET_MATERIALIZATION"]
    assert max(sizes) < 100_000
    (verdict,) = [e for e in result.get_asset_check_evaluations() if e.asset_key == FIRST]
    assert verdict.metadata["rejected"].value == len(keys) - 1
