"""Columns and their lineage: read off SQL, kept while the project stays, and told with the newest partition."""

import json
from pathlib import Path

import dagster as dg
import pytest

from platform_assets.dbt.lineage import cached_lineage, column_lineage
from platform_assets.warehouse.protocol import ColumnDef, TableName
from tests.support.projects import Project
from tests.support.shop import DAYS, deliver

ORDERS, PEOPLE = TableName("raw", "orders"), TableName("raw", "people")
UPSTREAM = {
    ORDERS: [ColumnDef("id", "BIGINT"), ColumnDef("Amount", "BIGINT"), ColumnDef("who", "BIGINT")],
    PEOPLE: [ColumnDef("who", "BIGINT"), ColumnDef("name", "VARCHAR")],
}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select id, amount from raw.orders", {"id": ["raw.orders.id"], "amount": ["raw.orders.amount"]}),
        (
            'with o as (select * from "file"."raw"."orders" -- isn\'t it\n) select o.*, 1 as one from o',
            {"id": ["raw.orders.id"], "amount": ["raw.orders.amount"], "who": ["raw.orders.who"], "one": []},
        ),
        (
            "select name, sum(amount) - min(id) as x, count(*) as n from raw.orders left join raw.people using (who) "
            "where who in ('a', 'b') group by all",
            {"name": ["raw.people.name"], "x": ["raw.orders.amount", "raw.orders.id"], "n": []},
        ),
        (
            "select id as x from raw.orders union all select who from raw.people",
            {"x": ["raw.orders.id", "raw.people.who"]},
        ),
    ],
)
def test_lineage_of_sql(sql: str, expected: dict[str, list[str]]) -> None:
    found = column_lineage(sql, dialect="duckdb", upstream=UPSTREAM)
    assert {column: [f"{table}.{name}" for table, name in sources] for column, sources in found.items()} == expected


def test_it_is_kept_until_the_project_or_the_columns_upstream_change(tmp_path: Path) -> None:
    def lineage(sql: str, fingerprint: str = "1", upstream: dict[TableName, list[ColumnDef]] = UPSTREAM) -> object:
        return cached_lineage(
            tmp_path, "model.shop.m", sql, fingerprint=fingerprint, dialect="duckdb", upstream=upstream
        )

    first = lineage("select id from raw.orders where _partition = '1'")
    assert lineage("nothing that could be read (") == first, "not read again"
    assert lineage("select amount as id from raw.orders", "2") == {"id": [(ORDERS, "amount")]}
    more = {**UPSTREAM, ORDERS: [*UPSTREAM[ORDERS], ColumnDef("note", "VARCHAR")]}
    assert lineage("select id from raw.orders", "2", more) == {"id": [(ORDERS, "id")]}
    assert len(list(tmp_path.iterdir())) == 1


def test_sql_that_cannot_be_read_has_no_lineage_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sql = "select from where ("
    assert cached_lineage(tmp_path, "m", sql, fingerprint="1", dialect="duckdb", upstream=UPSTREAM) is None
    assert "its column lineage is not known" in caplog.text


@pytest.mark.slow
def test_the_newest_good_partition_of_a_run_tells_columns_and_lineage(shop: Project) -> None:
    deliver(shop, {DAYS[-1]: [["1", "ann", "lost", "1"]]})
    shop.run("key:*/orders or key:cleaned or key:totals", DAYS[0], DAYS[-1])
    records = shop.instance.fetch_materializations(dg.AssetKey("totals"), limit=10).records
    told = [r for r in records if "dagster/column_schema" in r.asset_materialization.metadata]
    assert [r.partition_key for r in told] == [DAYS[-2]], "the last day was held"
    metadata = told[0].asset_materialization.metadata
    assert {c.name: c.type for c in metadata["dagster/column_schema"].value.columns} == {
        "_partition": "VARCHAR", "customer": "VARCHAR", "amount": "BIGINT",
    }  # fmt: skip
    cleaned = dg.AssetKey("cleaned")
    deps = metadata["dagster/column_lineage"].value.deps_by_column
    assert deps["amount"] == [dg.TableColumnDep(asset_key=cleaned, column_name="amount")]
    assert set(deps) == {"_partition", "customer", "amount"}


@pytest.mark.slow
def test_a_repeated_run_reads_what_was_kept(shop: Project) -> None:
    deliver(shop)
    assert shop.run("key:*/orders or key:cleaned or key:totals", DAYS[0], DAYS[1]).success
    kept = {
        path.name: json.loads(path.read_text())
        for path in (shop.root / "dbt/target/platform_assets/default/lineage").iterdir()
    }
    assert set(kept) == {"model.shop.cleaned.json", "model.shop.totals.json"}
    folder = shop.root / "dbt/target/platform_assets/default/lineage"
    # a file that is written again takes the place of the one before
    written = {path.name: path.stat().st_ino for path in folder.iterdir()}
    assert shop.run("key:cleaned or key:totals", DAYS[0]).success
    assert {path.name: path.stat().st_ino for path in folder.iterdir()} == written


@pytest.mark.parametrize("left", [b"", b"{", b"[]", b"null", b'{"key": 1}', b"\xff"])
def test_a_damaged_file_of_what_was_kept_is_made_anew(tmp_path: Path, left: bytes) -> None:
    upstream = {TableName("raw", "t"): (ColumnDef("a", "BIGINT"),)}
    words = {"fingerprint": "f", "dialect": "duckdb", "upstream": upstream}
    expected = {"b": [(TableName("raw", "t"), "a")]}
    assert cached_lineage(tmp_path, "m", "select a as b from raw.t", **words) == expected
    (tmp_path / "m.json").write_bytes(left)
    assert cached_lineage(tmp_path, "m", "select a as b from raw.t", **words) == expected
    assert cached_lineage(tmp_path, "m", "is not even read", **words) == expected
