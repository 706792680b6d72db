"""Only the models of the step are built, and none is published that dbt did not build and test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.projects import Project, opened
from tests.support.shop import CONFIG, DAYS, DBT, deliver, write_shop

FOLDER_TEST = "select _partition from {{ ref('apart') }} where orders < 0 and {{ in_partitions() }}"
SELECT = "key:cleaned or key:totals or key:apart"


def loaded(shop: Project) -> None:
    deliver(shop)
    assert shop.run("key:lake/orders or key:raw/orders", DAYS[0], DAYS[-1]).success


@pytest.mark.parametrize("asked", ["variable", pytest.param("flag", marks=pytest.mark.slow)])
def test_one_failure_stops_no_other_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    broken = {"models/cleaned.sql": CONFIG + "select no_such_column, _partition from {{ source('raw', 'orders') }}"}
    if asked == "flag":
        broken["dbt_project.yml"] = DBT["dbt_project.yml"] + "flags: {fail_fast: true}\n"
    else:
        monkeypatch.setenv("DBT_FAIL_FAST", "1")
    write_shop(tmp_path, dbt={"profiles.yml": DBT["profiles.yml"], **broken})
    with opened(tmp_path) as shop:
        loaded(shop)
        assert not shop.run(SELECT, DAYS[0], DAYS[-1]).success
        done = {key: shop.materialized(key) for key in ("cleaned", "totals", "apart")}
        assert done == {"cleaned": set(), "totals": set(), "apart": set(DAYS)}


@pytest.mark.slow
def test_a_hook_that_fails_publishes_nothing(tmp_path: Path) -> None:
    project = DBT["dbt_project.yml"] + 'on-run-start: ["select no_such_column"]\n'
    project += "flags: {skip_nodes_if_on_run_start_fails: true}\n"
    write_shop(tmp_path, dbt={"dbt_project.yml": project})
    with opened(tmp_path) as shop:
        loaded(shop)
        assert not shop.run(SELECT, DAYS[0], DAYS[-1]).success
        assert [shop.materialized(key) for key in ("cleaned", "totals", "apart")] == [set()] * 3


@pytest.mark.slow
def test_a_test_that_is_named_as_a_folder_builds_no_model_in_it(tmp_path: Path) -> None:
    files = {"models/more/other.sql": DBT["models/apart.sql"], "tests/more.sql": FOLDER_TEST}
    write_shop(tmp_path, dbt=files)
    with opened(tmp_path) as shop:
        loaded(shop)
        assert shop.run(SELECT, DAYS[0], DAYS[-1]).success
        assert shop.materialized("apart") == set(DAYS)
        tables = shop.rows("SELECT table_name FROM information_schema.tables WHERE table_name IN ('other', 'apart')")
        assert tables == [("apart",)]


@pytest.mark.slow
@pytest.mark.parametrize(("variable", "value"), [("DBT_EMPTY", "1"), ("DBT_SAMPLE", "1 day")])
def test_no_part_of_the_rows_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    write_shop(tmp_path)
    with opened(tmp_path) as shop:
        loaded(shop)
        monkeypatch.setenv(variable, value)
        result = shop.run("key:apart", DAYS[0], DAYS[-1])
        rows = shop.rows("SELECT sum(orders) FROM main.apart") if result.success else [(15,)]
        assert rows == [(15,)], "all of them, or none"
        assert result.success == (variable == "DBT_EMPTY")
