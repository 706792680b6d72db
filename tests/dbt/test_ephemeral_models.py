"""Tests of ephemeral models: they are run, shown on the models that contain them, and hold their partitions."""

from __future__ import annotations

import dagster as dg
import pytest

from tests.support.projects import Project
from tests.support.shop import CONFIG, DAYS, deliver, good_rows, write_dbt

BAD = DAYS[2]
EPHEMERAL = "{{ config(materialized='ephemeral') }} select * from "
HELPER = EPHEMERAL + "{{ source('raw', 'orders') }} where {{ in_partitions() }}"
INNER = EPHEMERAL + "{{ ref('helper') }} where amount is not null"
READS = CONFIG + "select _partition, id, status from {{ ref('inner') }}"
BESIDE = CONFIG + "select _partition, id from {{ ref('helper') }}"
TESTED = """\
models:
  - name: helper
    columns: [{name: status, data_tests: [{accepted_values: {arguments: {values: [open]}}}]}]
"""
UNIT = """\
unit_tests:
  - name: keeps_all
    model: inner
    given: [{input: ref('helper'), format: sql, rows: "select 1 as id, cast(null as int) as amount"}]
    expect: {rows: []}
"""
SINGULAR = "select * from {{ ref('inner') }} where amount < 0"
CHECK = "accepted_values_helper_status__open"


@pytest.fixture(name="project")
def _project(shop: Project) -> Project:
    texts = {
        "models/helper.sql": HELPER,
        "models/inner.sql": INNER,
        "models/reads.sql": READS,
        "models/beside.sql": BESIDE,
        "models/helper.yml": TESTED,
        "models/unit.yml": UNIT,
        "tests/no_debts.sql": SINGULAR,
    }
    write_dbt(shop.root, texts)
    return shop


def test_a_test_of_an_ephemeral_model_is_a_check_of_each_model_that_contains_it(project: Project) -> None:
    graph = project.job.asset_layer.asset_graph
    found = {(key.asset_key.to_user_string(), key.name) for key in graph.asset_check_keys}
    assert {("reads", CHECK), ("beside", CHECK), ("reads", "no_debts"), ("reads", "keeps_all")} <= found
    assert ("beside", "no_debts") not in found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("row", "check", "held"),
    [
        (["399", "ann", "paid", "5"], CHECK, {"reads", "beside"}),
        (["399", "ann", "open", "-5"], "no_debts", {"reads"}),
    ],
)
def test_its_failure_holds_the_partition_in_the_models_that_contain_it(
    project: Project, row: list[str], check: str, held: set[str]
) -> None:
    deliver(project, {BAD: [*good_rows(BAD), row]})
    result = project.run("key:*/orders or key:reads or key:beside", DAYS[0], DAYS[-1])
    assert not result.success
    for asset in ("reads", "beside"):
        assert project.materialized(asset) == set(DAYS) - ({BAD} if asset in held else set())
    failed = {
        (e.asset_key.to_user_string(), e.check_name) for e in result.get_asset_check_evaluations() if not e.passed
    }
    assert failed == {(asset, name) for asset in held for name in (check, "verdict")}


@pytest.mark.slow
def test_one_check_of_it_can_be_executed_with_its_model_alone(project: Project) -> None:
    deliver(project)
    assert project.run("key:*/orders or key:reads", DAYS[0], DAYS[-1]).success
    summary = project.instance.event_log_storage.get_latest_asset_check_execution_by_key(
        [dg.AssetCheckKey(dg.AssetKey("reads"), CHECK)]
    )
    assert all(record.evaluation is not None and record.evaluation.passed for record in summary.values())
    assert len(summary) == 1
