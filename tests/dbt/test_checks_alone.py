"""A check of a model that is executed alone: its test on what is published, and nothing else changes."""

from __future__ import annotations

import dagster as dg
import pytest

from tests.support.alone import checks_of, execute_checks, run_selection
from tests.support.projects import Project
from tests.support.shop import DAYS, deliver, good_rows, write_dbt

MODELS = "key:*/orders or key:cleaned or key:totals or key:apart"
BAD = DAYS[2]
LOST = "cleaned:accepted_values_cleaned_status__open__paid"
SUMS = "unit_tests:\n  - {name: sums_up, model: totals, given: [{input: ref('cleaned'), rows: [{_partition: a, amount: 2}]}], expect: {rows: [{amount: 2}]}}\n"  # noqa: E501


def ledger_and_tables(shop: Project) -> tuple[list[tuple], ...]:
    return (
        shop.rows("SELECT * FROM platform.ledger ORDER BY ALL"),
        shop.rows("SELECT * FROM platform.leases ORDER BY ALL"),
        shop.rows("SELECT * FROM main.cleaned ORDER BY ALL"),
        shop.rows("SELECT table_schema, table_name FROM information_schema.tables ORDER BY ALL"),
    )


def evaluation(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (found,) = result.get_asset_check_evaluations()
    return found


def test_a_check_alone_looks_at_every_published_partition_and_changes_nothing(shop: Project) -> None:
    deliver(shop, {BAD: [*good_rows(BAD), ["399", "ann", "lost", "5"]]})
    assert not shop.run(MODELS, DAYS[0], DAYS[-1]).success
    before = ledger_and_tables(shop)
    result = execute_checks(shop, LOST)
    assert result.success
    found = evaluation(result)
    assert found.passed, "the day with the row is not published"
    assert found.metadata["scope"].value == "all that is published: 4 partitions"
    assert ledger_and_tables(shop) == before
    assert result.get_asset_materialization_events() == []
    # something else than its own runs changes a published day
    with shop.warehouse.session() as session:
        session.execute(f"UPDATE main.cleaned SET status = 'lost' WHERE id = 101 OR _partition = '{BAD}'")
    found = evaluation(execute_checks(shop, LOST))
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert [dict(r.data) for r in found.metadata["problems"].value.records] == [
        {"partition": DAYS[0], "failing_rows": 1, "message": "1 row fails"}
    ]
    assert [r.data["id"] for r in found.metadata["sample"].value.records] == [101]
    assert "select * from" in found.metadata["sql"].value


@pytest.mark.slow
def test_checks_of_models_without_partitions_and_of_several_models(shop: Project) -> None:
    write_dbt(
        shop.root,
        {
            "seeds/rates.csv": "currency,rate\neur,1\n,2\n",
            "models/rates.yml": "seeds: [{name: rates, columns: [{name: currency, data_tests: "
            "[{not_null: {config: {error_if: '>1'}}}]}]}]\n",
            "tests/fewer.sql": "{{ config(severity='warn') }} select a._partition from {{ ref('apart') }} as a join "
            "{{ ref('cleaned') }} as c using (_partition) where c.amount > 10",
            "models/unit.yml": SUMS,
        },
    )
    deliver(shop)
    assert shop.run(f"{MODELS} or key:rates", DAYS[0], DAYS[-1]).success
    before = ledger_and_tables(shop)
    result = execute_checks(shop, "rates:not_null_rates_currency", "apart:fewer", "cleaned:fewer", "totals:sums_up")
    assert result.success
    found = {(e.asset_key.to_user_string(), e.check_name): e for e in result.get_asset_check_evaluations()}
    assert {key: (e.passed, e.severity.value) for key, e in found.items()} == {
        ("rates", "not_null_rates_currency"): (False, "WARN"),
        ("apart", "fewer"): (False, "WARN"),
        ("cleaned", "fewer"): (False, "WARN"),
        ("totals", "sums_up"): (True, "ERROR"),
    }
    assert found["rates", "not_null_rates_currency"].metadata["scope"].value == "all that is published"
    assert found["apart", "fewer"].metadata["failing_partitions"].value == len(DAYS)
    assert ledger_and_tables(shop) == before


@pytest.mark.slow
def test_a_check_of_a_model_that_the_run_does_not_build_is_evaluated_all_the_same(shop: Project) -> None:
    deliver(shop)
    assert shop.run(MODELS, DAYS[0], DAYS[-1]).success
    wanted = dg.AssetSelection.assets("totals").without_checks() | checks_of(LOST)
    result = run_selection(shop, wanted, partition=DAYS[0])
    assert result.success
    assert evaluation(result).metadata["scope"].value == "all that is published: 5 partitions"
    assert [e.partition for e in result.get_asset_materialization_events()] == [DAYS[0]]


@pytest.mark.slow
def test_a_check_of_a_model_that_was_never_published_says_so(shop: Project) -> None:
    deliver(shop)
    result = execute_checks(shop, LOST)
    assert not result.success
    (failure,) = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    assert "nothing of cleaned is published. Materialize it first" in failure.error.to_string()
    assert shop.rows("SELECT count(*) FROM information_schema.tables WHERE table_name = 'cleaned'") == [(0,)]
