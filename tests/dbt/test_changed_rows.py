"""Rows that something else than their own runs took away or changed: noticed before anybody reads or loses them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from platform_assets.dbt.invocation import PARTITIONS_VARIABLE
from platform_assets.dbt.runner import run_dbt
from platform_assets.publishing.readers import ledger_history
from tests.support.projects import Project, opened
from tests.support.shop import DAYS, deliver

ALL = "key:*/orders or key:cleaned or key:totals or key:apart or key:published/*"
SLOW = pytest.mark.slow
BAD, OTHERS = DAYS[2], set(DAYS) - {DAYS[2]}


@pytest.fixture(name="built_once", scope="module")
def _built_once(parsed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("built") / "shop"
    shutil.copytree(parsed, root)
    with opened(root) as shop:
        deliver(shop)
        assert shop.run(ALL, DAYS[0], DAYS[-1]).success
    return root


@pytest.fixture(name="built")
def _built(built_once: Path, tmp_path: Path) -> Iterator[Project]:
    root = tmp_path / "shop"
    shutil.copytree(built_once, root, ignore=shutil.ignore_patterns("dagster"))
    with opened(root) as shop:
        yield shop


def amounts(shop: Project, table: str) -> list[tuple[str, int]]:
    return shop.rows(f"SELECT _partition, sum(amount)::BIGINT FROM {table} GROUP BY 1 ORDER BY 1")


def by_hand(shop: Project, sql: str) -> None:
    with shop.warehouse.session() as session:
        session.execute(sql)


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["DBT_FULL_REFRESH", pytest.param("DBT_ENGINE_FULL_REFRESH", marks=SLOW)])
def test_a_full_refresh_of_one_day_is_refused_and_changes_nothing(
    built: Project, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = amounts(built, "main.cleaned")
    monkeypatch.setenv(variable, "1")
    result = built.run("key:cleaned or key:totals", BAD)
    assert not result.success
    assert any(variable in str(event.event_specific_data) for event in result.get_step_failure_events())
    monkeypatch.delenv(variable)
    assert amounts(built, "main.cleaned") == before
    assert built.run("key:cleaned or key:totals or key:published/*", BAD).success
    assert {day for day, _ in amounts(built, "published.totals")} == set(DAYS)


@pytest.mark.slow
def test_a_full_refresh_that_dbt_is_asked_for_otherwise_is_refused_by_the_macro(built: Project) -> None:
    before = amounts(built, "main.cleaned")
    words = ["run", "--project-dir", str(built.root / "dbt"), "--profiles-dir", str(built.root / "dbt"), "--quiet"]
    words += ["--vars", json.dumps({PARTITIONS_VARIABLE: {"default": [BAD]}}), "--select", "cleaned", "--full-refresh"]
    result = run_dbt(words, environment={"PLATFORM_WAREHOUSE": str(built.warehouse.path)})
    assert not result.success
    assert "lose all others" in result.result.results[0].message
    assert amounts(built, "main.cleaned") == before


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        f"DELETE FROM main.cleaned WHERE _partition <> '{DAYS[0]}'",
        pytest.param(f"DELETE FROM main.cleaned WHERE _partition = '{BAD}' AND customer = 'ann'", marks=SLOW),
        pytest.param(f"INSERT INTO main.cleaned SELECT * FROM main.cleaned WHERE _partition = '{BAD}'", marks=SLOW),
        pytest.param("DROP TABLE main.cleaned", marks=SLOW),
    ],
)
def test_days_that_lose_or_win_rows_are_rejected_by_the_next_run_of_any_day(built: Project, change: str) -> None:
    by_hand(built, change)
    result = built.run("key:cleaned", DAYS[0])
    assert not result.success
    assert built.materialized("cleaned") >= {DAYS[0]}
    newest = {day: ledger_history(built.warehouse, asset="cleaned", partition=day)[0] for day in DAYS}
    assert newest[DAYS[0]].published
    assert newest[BAD].check == "rows_kept"
    assert "main.cleaned holds" in newest[BAD].message
    assert not built.run("key:totals", BAD).success, "nobody reads them until they are built again"
    assert built.run("key:cleaned", DAYS[0], DAYS[-1]).success
    assert built.run("key:totals or key:published/*", DAYS[0], DAYS[-1]).success
    assert {day for day, _ in amounts(built, "published.totals")} == set(DAYS)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        f"UPDATE main.cleaned SET amount = amount + 1000 WHERE _partition = '{BAD}'",
        pytest.param(f"DELETE FROM main.cleaned WHERE _partition = '{BAD}'", marks=SLOW),
        pytest.param(f"DELETE FROM raw.orders WHERE _partition = '{BAD}' AND customer = 'ann'", marks=SLOW),
    ],
)
def test_rows_that_were_changed_since_their_tests_are_not_read(built: Project, change: str) -> None:
    by_hand(built, change)
    reader = "key:cleaned" if "raw.orders" in change else "key:totals"
    before = amounts(built, "published.totals")
    result = built.run(f"{reader} or key:published/*", DAYS[0], DAYS[-1])
    assert not result.success
    newest = ledger_history(built.warehouse, asset=reader[4:], partition=BAD)[0]
    assert newest.published, "what was not built got no new verdict"
    problems = str([event.event_specific_data for event in result.get_step_failure_events()])
    assert BAD in problems
    assert "something else than its own runs has changed it" in problems
    assert amounts(built, "published.totals") == before
    assert built.run("key:raw/orders" if "raw.orders" in change else "key:cleaned", BAD).success
    assert built.run(f"{reader} or key:totals or key:published/*", BAD).success
    assert amounts(built, "published.totals") == before


@pytest.mark.parametrize("table", ["raw.orders", pytest.param("published.totals", marks=SLOW)])
@pytest.mark.parametrize("change", ["DELETE FROM {table} WHERE _partition = '{day}'", "DROP TABLE {table}"])
def test_a_published_version_whose_rows_are_gone_is_published_again(built: Project, table: str, change: str) -> None:
    before = amounts(built, table)
    by_hand(built, change.format(table=table, day=BAD))
    key = "key:" + table.replace(".", "/")
    assert built.run(key, DAYS[0], DAYS[-1]).success
    assert amounts(built, table) == before


@pytest.mark.slow
def test_a_model_that_dbt_was_asked_for_and_did_not_run_is_not_published(built: Project) -> None:
    """Its selector finds nothing, as when the project was changed after the definitions were loaded."""
    assert built.definitions
    (built.root / "dbt/models/apart.sql").rename(built.root / "dbt/models/moved.sql")
    models = built.root / "dbt/models/models.yml"
    models.write_text(models.read_text().replace("  - name: apart\n", ""))
    assert not built.run("key:apart or key:cleaned", BAD).success
    newest = ledger_history(built.warehouse, asset="apart", partition=BAD)[0]
    assert not newest.published
    assert "did not run it" in newest.message
    assert ledger_history(built.warehouse, asset="cleaned", partition=BAD)[0].published


@pytest.mark.slow
def test_a_warehouse_of_another_name_is_the_one_that_is_written(shop: Project) -> None:
    deliver(shop)
    assert shop.run(ALL, DAYS[0], DAYS[-1]).success
    platform = shop.root / "somebody/defs/platform/defs.yaml"
    platform.write_text(platform.read_text().replace("data/warehouse.duckdb", "data/another name.duckdb"))
    other = Project(shop.root, shop.instance)
    assert other.run("key:*/customers or " + ALL, DAYS[0], DAYS[-1]).success
    assert (shop.root / "data/another name.duckdb").exists()
