"""What SQL makes: the same for each way to write it, another one where rows or columns may differ."""

from __future__ import annotations

import pytest

from platform_assets.dbt.lineage import column_lineage
from platform_assets.dbt.planning.changes import compared
from platform_assets.dbt.planning.rows import Shape
from platform_assets.dbt.planning.shape import UnreadableSql, shape_of
from platform_assets.warehouse.protocol import ColumnDef, TableName

NODES = {TableName("raw", "orders"): "orders", TableName("raw", "people"): "people", TableName("raw", "other"): "other"}
COLUMNS = {"orders": ["id", "amount", "who"], "people": ["who", "name"]}


def shape(sql: str) -> Shape:
    return shape_of(sql, dialect="duckdb", nodes=NODES, upstream=COLUMNS)


def differs(before: str, after: str) -> bool:
    rows, order, columns, _, _ = compared(shape(before), shape(after))
    return bool(rows or order or columns)


SAME = [
    ("select id from raw.orders", 'SELECT\n "ID" -- its key\n FROM "file"."raw".orders AS q'),
    ("with a as (select * from raw.orders) select id from a", "select o.id from (select id, who from raw.orders) as o"),
    ("with a as (select * from raw.orders) select id from a where who = 1",
     "select id from raw.orders where 1 = (who)"),
    ("select id from (select * from raw.orders where id = 1) where who = 2",
     "select id from raw.orders where who = 2 and id = 1"),
    ("select id from raw.orders inner join raw.people using (who)",
     "select o.id from raw.orders o join raw.people p on p.who = o.who"),
    ("select id from raw.orders left join raw.people using (who)",
     "select id from raw.orders o left outer join raw.people p on (o.who = p.who)"),
    ("select id from raw.orders where id in (select who from raw.people)",
     "select id from raw.orders z where id in (select y.who from raw.people y)"),
    ("select who, sum(amount) s from raw.orders group by all",
     "select who, SUM(amount) as s from raw.orders group by 1"),
    ("select id from raw.orders where id in (1, 2) or who = 3", "select id from raw.orders where who=3 or id in (2,1)"),
    ("select amount::bigint a from raw.orders", "select cast(amount as int8) as a from raw.orders"),
    ("select distinct id from raw.orders order by 1", "select distinct id from raw.orders"),
]  # fmt: skip
OTHER = [
    ("select id from raw.orders where id > 1", "select id from raw.orders where id > 2"),
    ("select id from raw.orders where id = 1 or who = 1", "select id from raw.orders where id = 1 and who = 1"),
    ("select (id + 1) * 2 as x from raw.orders", "select id + 1 * 2 as x from raw.orders"),
    ("select 'a' as x from raw.orders", "select 'A' as x from raw.orders"),
    ("select a.id from raw.orders a join raw.orders b on a.id = b.who",
     "select b.id from raw.orders a join raw.orders b on a.id = b.who"),
    ("select id from raw.orders join raw.people using (who)",
     "select id from raw.orders left join raw.people using (who)"),
    ("select id from raw.orders semi join raw.people using (who)",
     "select id from raw.orders anti join raw.people using (who)"),
    ("select * from (select *, row_number() over () r from raw.orders) where r = 1 and id = 1",
     "select * from (select *, row_number() over () r from raw.orders where id = 1) where r = 1"),
    ("select sum(amount) s from raw.orders", "select sum(amount) s from raw.orders group by who"),
    ("select max(1) as one from raw.orders", "select 1 as one from raw.orders"),
    ("select distinct id from raw.orders", "select id from raw.orders"),
    ("select distinct on (id) id, who from raw.orders order by who",
     "select distinct on (id) id, who from raw.orders order by amount"),
    ("select id from raw.orders union all select who from raw.people",
     "select id from raw.orders union select who from raw.people"),
    ("select id, who from raw.orders union all select who, who from raw.people",
     "select id, who from raw.orders union all by name select who, who as id from raw.people"),
    ("select unnest([1, 2]) x from raw.orders", "select unnest([1, 2, 3]) x from raw.orders"),
    ("select id from raw.orders limit 1", "select id from raw.orders order by id limit 1"),
    ("with a as (select id from raw.orders where id = 1), b as (select id from raw.orders where id = 2) "
     "select a.id from a join b on true",
     "with a as (select id from raw.orders where id = 1), b as (select id from raw.orders where id = 2) "
     "select b.id from a join b on true"),
    ("select id, (select max(name) from raw.people p where p.who = o.who) n from raw.orders o",
     "select id, (select max(name) from raw.people p where p.who = o.id) n from raw.orders o"),
    ("select sum(amount) over w s from raw.orders window w as (partition by id)",
     "select sum(amount) over w s from raw.orders window w as (partition by who)"),
    ("select id, who from raw.orders", "select who, id from raw.orders"),
    ("select id from raw.orders using sample 10%", "select id from raw.orders using sample 20%"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), SAME)
def test_another_way_to_write_it_is_the_same(before: str, after: str) -> None:
    assert not differs(before, after)
    assert not differs(after, before)


@pytest.mark.parametrize(("before", "after"), OTHER)
def test_another_meaning_differs(before: str, after: str) -> None:
    assert differs(before, after)
    assert differs(after, before)


LINEAGE = [
    "select id, amount from raw.orders",
    "with o as (select * from raw.orders) select o.*, 1 as one from o",
    "select name, sum(amount) - min(id) as x, count(*) as n from raw.orders "
    "left join raw.people using (who) group by all",
    "select id as x from raw.orders union all select who from raw.people",
    "select x.a + 1 as b from (select amount as a from raw.orders) as x",
]  # fmt: skip


@pytest.mark.parametrize("sql", LINEAGE)
def test_columns_come_from_those_of_the_lineage_that_runs_report(sql: str) -> None:
    tables = {table: node for table, node in NODES.items() if node in COLUMNS}
    upstream = {table: [ColumnDef(name, "BIGINT") for name in COLUMNS[node]] for table, node in tables.items()}
    reported = column_lineage(sql, dialect="duckdb", upstream=upstream)
    assert {name: set(column.sources) for name, column in shape(sql).columns.items()} == {
        name: {(tables[table], column) for table, column in sources} for name, sources in reported.items()
    }


def test_what_decides_about_rows_is_kept_apart() -> None:
    found = shape("select name from raw.orders o join raw.people p on o.who = p.who where amount > 1")
    assert found.columns["name"].sources == {("people", "name")}
    assert found.row_sources == {("orders", "who"), ("people", "who"), ("orders", "amount")}
    assert set(found.clauses) == {"tables", "join", "filter"}


def test_columns_of_a_table_that_is_not_described_are_all_of_them() -> None:
    found = shape("select *, id from raw.other")
    assert found.columns["*"].sources == {("other", "*")}
    assert found.columns["id"].sources == {("other", "id")}


@pytest.mark.parametrize(
    "sql", ["select from where (", "", "pivot raw.orders on who using sum(amount)", "drop table x"]
)
def test_sql_that_cannot_be_followed_is_said(sql: str) -> None:
    with pytest.raises(UnreadableSql):
        shape(sql)
