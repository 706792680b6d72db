"""Which partitions of which models a failed test, a failed model or an error holds; always through a real run."""

import dagster as dg
import pytest

from platform_assets.dbt.runner import run_dbt
from platform_assets.publishing.readers import ledger_history
from tests.support.projects import Project
from tests.support.shop import CONFIG, DAYS, DBT, deliver, good_rows, write_dbt

BAD = DAYS[2]
OTHERS = set(DAYS) - {BAD}
ALL = "key:*/orders or key:cleaned or key:totals or key:apart or key:published/*"


def run(shop: Project) -> dg.ExecuteInProcessResult:
    return shop.run(ALL, DAYS[0], DAYS[-1])


def done(shop: Project) -> dict[str, set[str]]:
    """The days that stand as materialized, by asset, without the lake."""
    return {key: shop.materialized(key) for key in ("cleaned", "totals", "apart", "published/totals")}


def with_row(number: str, customer: str, status: str, amount: str) -> list[list[str]]:
    return [*good_rows(BAD), [number, customer, status, amount]]


BAD_ROWS = {
    DAYS[0]: (("", "ann", "open", "5"), "not_null_cleaned_id"),
    DAYS[1]: (("200", "ann", "open", "5"), "unique_cleaned_id"),
    DAYS[2]: (("399", "ann", "lost", "5"), "accepted_values_cleaned_status__open__paid"),
    DAYS[3]: (("499", "zoe", "open", "5"), "relationships_cleaned_customer__customer__source_raw_customers_"),
    DAYS[4]: (("599", "ann", "open", "-5"), "amount_is_positive"),
}
"""A row for each kind of test, and the test that it fails."""


@pytest.mark.parametrize("good", [DAYS[0], pytest.param(DAYS[2], marks=pytest.mark.slow)])
def test_a_failed_test_holds_the_days_of_its_rows_and_what_is_behind_them(shop: Project, good: str) -> None:
    bad = {day: row for day, row in BAD_ROWS.items() if day != good}
    deliver(shop, {day: [*good_rows(day), list(row)] for day, (row, _) in bad.items()})
    result = run(shop)
    assert not result.success
    assert done(shop) == {"cleaned": {good}, "totals": {good}, "apart": set(DAYS), "published/totals": {good}}
    evaluations = {e.check_name: e for e in result.get_asset_check_evaluations() if not e.passed}
    assert set(evaluations) == {*(check for _, check in bad.values()), "verdict"}
    for day, (_, check) in bad.items():
        problems = evaluations[check].metadata["problems"].value
        assert [(r.data["partition"], r.data["failing_rows"]) for r in problems.records] == [
            (day, 2 if "unique" in check else 1)
        ]
        assert check in ledger_history(shop.warehouse, asset="cleaned", partition=day)[0].message
        assert "upstream cleaned" in ledger_history(shop.warehouse, asset="totals", partition=day)[0].message


@pytest.mark.slow
def test_a_copy_of_a_row_of_an_older_day_holds_the_day_that_was_built_alone(shop: Project) -> None:
    deliver(shop)
    assert run(shop).success
    deliver(shop, {BAD: with_row("101", "ann", "open", "5")})
    assert not shop.run(ALL, BAD).success
    assert done(shop)["cleaned"] == set(DAYS)  # as of the first run: nothing of it was taken back
    assert "unique_cleaned_id" in ledger_history(shop.warehouse, asset="cleaned", partition=BAD)[0].message
    assert ledger_history(shop.warehouse, asset="cleaned", partition=DAYS[0])[0].state.value == "published"
    published = shop.rows(f"SELECT sum(amount) FROM published.totals WHERE _partition = '{BAD}'")
    assert published == [(33,)], "the last good version stands"


@pytest.mark.slow
def test_a_test_of_the_whole_table_that_finds_other_days_only_holds_nothing(shop: Project) -> None:
    write(shop, "tests/no_giant.sql", "select _partition from {{ ref('cleaned') }} where amount > 1000")
    deliver(shop, {DAYS[0]: [["1", "ann", "open", "1001"]]})
    assert not shop.run(ALL, DAYS[0]).success
    result = shop.run(ALL, DAYS[1], DAYS[-1])
    assert result.success, "what is wrong with the first day is told by the verdict on the first day"
    assert done(shop)["totals"] == set(DAYS[1:])


def write(shop: Project, path: str, text: str) -> None:
    write_dbt(shop.root, {path: text})


@pytest.mark.slow
def test_a_singular_test_without_the_partition_holds_every_day(shop: Project) -> None:
    write(shop, "tests/no_lost.sql", "select 1 as one from {{ ref('apart') }} where orders > 3")
    deliver(shop, {BAD: with_row("399", "ann", "open", "5")})
    assert not run(shop).success
    assert done(shop) == {"cleaned": set(DAYS), "totals": set(DAYS), "apart": set(), "published/totals": set(DAYS)}
    assert "do not name their partition" in ledger_history(shop.warehouse, asset="apart", partition=DAYS[0])[0].message


@pytest.mark.slow
def test_a_warning_is_told_and_holds_nothing(shop: Project) -> None:
    write(
        shop,
        "tests/few_orders.sql",
        "{{ config(severity='warn') }} select * from {{ ref('apart') }} where orders > 3",
    )
    deliver(shop, {BAD: with_row("399", "ann", "open", "5")})
    result = run(shop)
    assert result.success
    assert done(shop)["apart"] == set(DAYS)
    (evaluation,) = [e for e in result.get_asset_check_evaluations() if not e.passed]
    assert evaluation.check_name == "few_orders"
    assert evaluation.severity is dg.AssetCheckSeverity.WARN
    assert [r.data["partition"] for r in evaluation.metadata["problems"].value.records] == [BAD]


@pytest.mark.slow
def test_a_failed_unit_test_holds_every_day(shop: Project) -> None:
    write(
        shop,
        "models/unit.yml",
        "unit_tests:\n  - name: sums_up\n    model: totals\n    given:\n      - input: ref('cleaned')\n        rows: "
        "[{_partition: a, customer: ann, amount: 2}]\n    expect: {rows: [{customer: ann, amount: 3}]}\n",
    )
    deliver(shop)
    result = run(shop)
    assert not result.success
    assert done(shop) == {"cleaned": set(DAYS), "totals": set(), "apart": set(DAYS), "published/totals": set()}
    assert {e.check_name for e in result.get_asset_check_evaluations() if not e.passed} >= {"sums_up"}


@pytest.mark.slow
def test_an_error_in_a_tests_sql_holds_every_day(shop: Project) -> None:
    write(shop, "tests/broken.sql", "select nonsense from {{ ref('apart') }}")
    deliver(shop)
    assert not run(shop).success
    assert done(shop)["apart"] == set()
    assert done(shop)["totals"] == set(DAYS)
    assert "nonsense" in ledger_history(shop.warehouse, asset="apart", partition=BAD)[0].message


@pytest.mark.slow
def test_a_model_that_fails_holds_its_days_and_its_children_and_nothing_else(shop: Project) -> None:
    model = CONFIG + "select error('no good ' || id)::int as id, customer, status, amount, _partition\n"
    write(shop, "models/cleaned.sql", model + "from {{ source('raw', 'orders') }} where {{ in_partitions() }}")
    deliver(shop)
    result = run(shop)
    assert not result.success
    assert done(shop) == {"cleaned": set(), "totals": set(), "apart": set(DAYS), "published/totals": set()}
    assert "no good" in ledger_history(shop.warehouse, asset="cleaned", partition=BAD)[0].message


@pytest.mark.slow
def test_a_row_that_breaks_an_enforced_contract_blocks_its_own_day_of_the_mart(shop: Project) -> None:
    write(
        shop,
        "models/models.yml",
        DBT["models/models.yml"].replace(
            "    data_tests: [{rows_satisfy: {name: amount_is_positive, arguments: {expression: amount > 0}}}]\n", ""
        ),
    )
    deliver(shop, {BAD: [["300", "ann", "open", ""]]})
    assert not run(shop).success
    assert done(shop) == {"cleaned": set(DAYS), "totals": OTHERS, "apart": set(DAYS), "published/totals": OTHERS}
    assert "NOT NULL" in ledger_history(shop.warehouse, asset="totals", partition=BAD)[0].message


@pytest.mark.slow
def test_a_day_held_upstream_is_left_out_and_its_last_content_is_closed(shop: Project) -> None:
    deliver(shop)
    assert run(shop).success
    deliver(shop, {BAD: with_row("399", "ann", "lost", "5")})
    assert not run(shop).success
    # the models' tables are overwritten in place: nobody reads the day until it is good again
    by_hand = shop.run("key:totals", BAD)
    assert not by_hand.success
    deliver(shop)
    assert run(shop).success
    assert shop.run("key:totals", BAD).success


@pytest.mark.slow
def test_a_failed_test_on_a_source_holds_the_days_of_its_rows_in_the_models_that_read_it(shop: Project) -> None:
    tested = "{name: orders, data_tests: [{rows_satisfy: {name: known_size, arguments: {expression: amount < 500}}}]}"
    write(shop, "models/sources.yml", f"sources:\n  - {{name: raw, tables: [{tested}, {{name: customers}}]}}\n")
    deliver(shop, {BAD: with_row("399", "ann", "open", "501")})
    result = run(shop)
    assert done(shop) == {"cleaned": OTHERS, "totals": OTHERS, "apart": OTHERS, "published/totals": OTHERS}
    failed = {e.check_name for e in result.get_asset_check_evaluations() if not e.passed}
    assert failed == {"known_size", "verdict"}


@pytest.mark.slow
def test_dbt_run_by_hand_with_another_target_does_not_mislead_the_next_step(
    shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its manifest has other schemas: a step that took it for its own would write there."""
    profile = DBT["profiles.yml"].replace("      type: duckdb\n", "      type: duckdb\n      schema: elsewhere\n")
    other = profile.split("outputs:\n")[1].replace("local:", "other:")
    write(shop, "profiles.yml", DBT["profiles.yml"] + other)
    deliver(shop)
    assert run(shop).success
    monkeypatch.setenv("PLATFORM_WAREHOUSE", str(shop.root / "by_hand.duckdb"))
    folder = str(shop.root / "dbt")
    assert run_dbt(["parse", "--target", "other", "--project-dir", folder, "--profiles-dir", folder]).success
    deliver(shop, {BAD: good_rows(BAD)[:1]})
    assert run(shop).success
    assert shop.rows(f"SELECT count(*) FROM main.cleaned WHERE _partition = '{BAD}'") == [(1,)]


@pytest.mark.slow
def test_a_model_is_not_taken_for_those_in_a_folder_of_its_name(shop: Project) -> None:
    """dbt's selector `fqn:shop.cleaned` means the folder `cleaned` too."""
    write(shop, "models/cleaned/later.sql", CONFIG + "select 1 as n, '2024-01-01' as _partition")
    deliver(shop)
    assert shop.run("key:*/orders or key:cleaned", DAYS[0], DAYS[-1]).success
    assert shop.rows("SELECT count(*) FROM information_schema.tables WHERE table_name = 'later'") == [(0,)]
    assert ledger_history(shop.warehouse, asset="later") == []
