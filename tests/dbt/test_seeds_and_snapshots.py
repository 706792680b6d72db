"""Seeds and snapshots of a project whose models are built by partition: assets without partitions beside them."""

from __future__ import annotations

import dagster as dg
import pytest

from platform_assets.publishing.readers import ledger_history
from tests.support.projects import Project
from tests.support.shop import CONFIG, DAYS, deliver, write_dbt

REGIONS = "customer,region,code\nann,north,1\nben,south,2\ncem,south,2\n"
BY_REGION = (
    CONFIG
    + "select o._partition, r.region, sum(o.amount)::bigint as amount from {{ ref('cleaned') }} o\n"
    + "join {{ ref('regions') }} r using (customer) where {{ in_partitions('o._partition') }} group by all"
)
HISTORY = """\
snapshots:
  - name: customer_history
    relation: ref('regions')
    config: {unique_key: customer, strategy: check, check_cols: all}
"""
READS_HISTORY = (
    CONFIG
    + "select a._partition, count(*) as known from {{ ref('apart') }} a cross join {{ ref('customer_history') }}\n"
    + "where {{ in_partitions('a._partition') }} group by all"
)
SEED_TESTS = """\
seeds:
  - name: regions
    columns: [{name: customer, data_tests: [unique]}]
"""
NEW = ("regions", "by_region", "customer_history", "of_history")
EVERYTHING = "key:*/orders or key:cleaned or key:apart or " + " or ".join(f"key:{name}" for name in NEW)


@pytest.fixture(name="project")
def _project(shop: Project) -> Project:
    texts = {
        "seeds/regions.csv": REGIONS,
        "seeds/seeds.yml": SEED_TESTS,
        "snapshots/history.yml": HISTORY,
        "models/by_region.sql": BY_REGION,
        "models/of_history.sql": READS_HISTORY,
    }
    write_dbt(shop.root, texts)
    deliver(shop)
    return shop


def changed(project: Project, seed: str) -> Project:
    """The project after its seed was changed, as another process would load it."""
    (project.root / "dbt/seeds/regions.csv").write_text(seed)
    return Project(project.root, project.instance)


@pytest.mark.slow
def test_one_run_builds_them_before_what_reads_them(project: Project) -> None:
    assert project.run(EVERYTHING, DAYS[0], DAYS[-1]).success
    assert project.materialized("by_region") == set(DAYS)
    rows = "SELECT region, sum(amount) FROM by_region GROUP BY 1 ORDER BY 1"
    first = project.rows(rows)
    assert [region for region, _ in first] == ["north", "south"]
    assert project.rows("SELECT count(*), count(dbt_valid_to) FROM customer_history") == [(3, 0)]
    assert project.rows("SELECT DISTINCT known FROM of_history") == [(3,)]

    # another column in another order: the table is made anew, and the history goes on
    later = changed(project, "region,code,customer,rank\neast,1,ann,1\nsouth,2,ben,2\nsouth,2,cem,2\n")
    assert later.run("key:regions or key:customer_history").success
    ranks = later.rows("SELECT region, code, customer, rank FROM regions ORDER BY customer")
    assert ranks == [("east", 1, "ann", 1), ("south", 2, "ben", 2), ("south", 2, "cem", 2)]
    assert later.rows("SELECT count(*), count(dbt_valid_to) FROM customer_history") == [(6, 3)]
    assert later.run("key:by_region", DAYS[0], DAYS[-1]).success
    assert [region for region, _ in later.rows(rows)] == ["east", "south"]

    # fewer columns, and another type of one
    last = changed(project, "customer,region,code\nann,east,a\n")
    assert last.run("key:regions").success
    assert last.rows("SELECT * FROM regions") == [("ann", "east", "a")]


@pytest.mark.slow
def test_a_seed_that_fails_its_test_closes_what_reads_it(project: Project) -> None:
    twice = changed(project, REGIONS + "ann,east,3\n")
    result = twice.run(EVERYTHING, DAYS[0], DAYS[-1])
    assert not result.success
    assert twice.materialized("cleaned") == set(DAYS)
    assert twice.materialized("by_region") == set()
    assert "unique_regions_customer" in ledger_history(twice.warehouse, asset="regions")[0].message
    verdicts = {each.asset_key.to_user_string(): each for each in result.get_asset_check_evaluations()}
    assert "regions" in verdicts["by_region"].metadata["problems"].value.records[0].data["problem"]

    mended = changed(project, REGIONS)
    assert mended.run("key:regions or key:by_region", DAYS[0], DAYS[-1]).success
    assert mended.materialized("by_region") == set(DAYS)


def test_automation_asks_for_a_seed_when_it_is_new_and_when_its_file_has_changed(project: Project) -> None:
    def asked(project: Project, cursor: object = None) -> tuple[set[str], object]:
        selection = dg.AssetSelection.assets("regions")
        result = dg.evaluate_automation_conditions(
            project.definitions, project.instance, asset_selection=selection, cursor=cursor
        )
        return ({"regions"} if result.total_requested else set()), result.cursor

    found, cursor = asked(project)
    assert found == {"regions"}
    assert project.run("key:regions").success
    found, cursor = asked(project, cursor)
    assert found == set()
    found, cursor = asked(changed(project, REGIONS + "dan,west,4\n"), cursor)
    assert found == {"regions"}
