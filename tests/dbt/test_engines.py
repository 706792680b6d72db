"""The same dbt project on every engine: builds by partition, tests attributed to partitions, and the same rows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from platform_assets.publishing import ledger
from platform_assets.publishing.migrations import ledger_session
from platform_assets.publishing.reconciliation import Content, contents
from platform_assets.warehouse.locations import open_warehouse
from tests.support.engines import ENGINES, location_of, warehouse_of
from tests.support.projects import RESOURCES, opened
from tests.support.shop import CONFIG, DAYS, DBT, deliver, good_rows, write_shop

PROFILES = """\
shop:
  target: ENGINE
  outputs:
    duckdb: {type: duckdb, path: "{{ env_var('PLATFORM_WAREHOUSE', 'data/warehouse.duckdb') }}"}
    postgres:
      {type: postgres, host: "{{ env_var('PGHOST', '') }}", port: "{{ env_var('PGPORT', '5432') | as_number }}",
       user: "{{ env_var('PGUSER', '') }}", password: "", dbname: "{{ env_var('PGDATABASE', '') }}", schema: public}
    ducklake:
      {type: duckdb, path: ":memory:", database: ducklake, plugins: [{module: platform_assets.dbt.ducklake}],
       attach: [{path: "ducklake:platform", alias: ducklake, options: {override_data_path: true}}]}
    snowflake:
      {type: snowflake, account: "{{ env_var('SNOWFLAKE_ACCOUNT', '') }}", user: "{{ env_var('SNOWFLAKE_USER', '') }}",
       password: "{{ env_var('SNOWFLAKE_PASSWORD', '') }}", host: "{{ env_var('SNOWFLAKE_HOST', '') }}",
       port: "{{ env_var('SNOWFLAKE_PORT', '443') | as_number }}", protocol: "{{ env_var('SNOWFLAKE_PROTOCOL', '') }}",
       warehouse: "{{ env_var('SNOWFLAKE_WAREHOUSE', '') }}", database: "{{ env_var('SNOWFLAKE_DATABASE', '') }}",
       schema: shop}
"""
TOTALS = (
    CONFIG.replace("fail", "append_new_columns")
    + "select _partition, customer, cast(sum(amount) as bigint) as amount from {{ ref('cleaned') }}\n"
    "where {{ in_partitions() }} group by 1, 2"
)
NAMES = "_partition|id|customer|status|amount|orders"


def quoted(path: str, text: str) -> str:
    """A file of the dbt project with its columns in quotes: Snowflake takes others in upper case."""
    if path.endswith(".sql"):
        parts = re.split(r"({{.*?}})", text)
        return "".join(re.sub(rf"\b({NAMES})\b", r'"\1"', p) if "{{" not in p else p for p in parts)
    if path == "models/models.yml":
        text = re.sub(rf"{{name: ({NAMES}),", r"{name: \1, quote: true,", text)
        text = text.replace("- name: customer\n", "- name: customer\n        quote: true\n")
        return text.replace("expression: amount > 0", "expression: '\"amount\" > 0'").replace(
            "field: customer", "field: '\"customer\"'"
        )
    return text


BAD = {
    DAYS[1]: [*good_rows(DAYS[1]), good_rows(DAYS[1])[0]],
    DAYS[2]: [["301", "nobody", "open", "5"]],
    DAYS[3]: [["401", "ann", "open", "-5"], ["402", "ben", "open", "5"]],
}
"""A copy of a row, a customer that is not known, and an amount that is not allowed."""
WRONG = {
    DAYS[1]: "unique_cleaned__id_",
    DAYS[2]: "relationships_cleaned",
    DAYS[3]: "amount_is_positive",
}


def outcome(
    root: Path, location: str, target: str
) -> tuple[dict[tuple[str, str], tuple[str, str]], dict[str, Content]]:
    """States and checks of the newest candidates, and what is published, after a bad delivery and then a good one."""
    # the contract's varchar is PostgreSQL's text to dbt, which `fail` takes for another schema
    models = {path: sql.replace("'fail'", "'append_new_columns'") for path, sql in DBT.items() if path.endswith(".sql")}
    texts = {**DBT, **models, "profiles.yml": PROFILES.replace("ENGINE", target), "models/totals.sql": TOTALS}
    texts["dbt_project.yml"] += "quoting: {database: false, schema: true, identifier: true}\n"
    write_shop(root, dbt={path: quoted(path, text) for path, text in texts.items()})
    resources = RESOURCES.replace("data/warehouse.duckdb", location)
    (root / "somebody" / "defs" / "platform" / "defs.yaml").write_text(resources)
    warehouse = open_warehouse(location)
    with opened(root) as project:
        deliver(project, BAD)
        project.run("group:shop or key:lake/orders or key:raw/orders", DAYS[0], DAYS[-1])
        with ledger_session(warehouse, read_only=True, purpose="test") as session:
            newest = {
                (asset, partition): (entry.state.value, entry.check)
                for asset in ledger.assets(session)
                for partition, entry in ledger.newest_of(session, asset).items()
            }
        deliver(project)
        assert project.run("group:shop or key:lake/orders or key:raw/orders", DAYS[0], DAYS[-1]).success
        assert project.run("group:shop or key:lake/orders or key:raw/orders", DAYS[2]).success
    return newest, dict(contents(warehouse))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES[1:])
def test_a_bad_day_is_held_and_the_others_are_published(
    tmp_path: Path, request: pytest.FixtureRequest, engine: str
) -> None:
    # on DuckDB this is what most of the other tests here do
    newest, published = outcome(tmp_path, location_of(warehouse_of(engine, tmp_path, request)), engine)
    for day in DAYS:
        state, check = newest["cleaned", day]
        assert (state, check.startswith(WRONG.get(day, ""))) == ("rejected" if day in WRONG else "published", True)
    assert {
        day for (asset, day), (state, _) in newest.items() if asset == "published/totals" and state == "published"
    } == {*DAYS} - {*WRONG}
    assert {asset: (content.rows, len(content.partitions)) for asset, content in published.items()} == {
        "raw/customers": (3, 1), "raw/orders": (15, 5), "cleaned": (15, 5), "totals": (15, 5), "apart": (5, 5),
        "published/totals": (15, 5),
    }  # fmt: skip


@pytest.mark.slow
def test_every_engine_publishes_the_same_rows(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    found = []
    for engine in ENGINES:
        root = tmp_path / engine
        root.mkdir()
        found.append(outcome(root, location_of(warehouse_of(engine, root, request)), engine))
    assert all(each == found[0] for each in found)


@pytest.mark.slow
def test_another_target_in_the_run_than_in_the_definitions_is_refused(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    location = location_of(warehouse_of("postgres", tmp_path, request))
    by_variable = "\"{{ 'postgres' if env_var('PLATFORM_WAREHOUSE', '').startswith('postgres') else 'duckdb' }}\""
    write_shop(tmp_path, dbt={"profiles.yml": PROFILES.replace("ENGINE", by_variable), "models/totals.sql": TOTALS})
    resources = RESOURCES.replace("data/warehouse.duckdb", location)
    (tmp_path / "somebody" / "defs" / "platform" / "defs.yaml").write_text(resources)
    with opened(tmp_path) as project:
        deliver(project)
        done = project.run("key:lake/orders or key:raw/orders or key:apart", DAYS[0])
        said = [str(event.step_failure_data.user_failure_data) for event in done.all_events if event.is_step_failure]
    assert any("into public.apart in this run, and into main.apart" in each for each in said), said
