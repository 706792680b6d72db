"""What is reported of failing rows: a sample without personal columns; events, logs and ledger hold nothing of them."""

from __future__ import annotations

import logging
from typing import Any

import dagster as dg
import pytest

from platform_assets.components.assets import dbt_calls
from platform_assets.dbt.harmless import HarmlessColumns
from platform_assets.dbt.invocation import DbtFailed, NodeResult
from platform_assets.warehouse.protocol import ColumnDef, TableName
from tests.support.projects import Project
from tests.support.shop import CONFIG, DAYS, DEFS, deliver, good_rows, write_dbt

BAD = DAYS[2]
MODELS = "key:*/orders or key:cleaned or key:totals or key:apart"
CANARY = "zoe.canary@there"
PERSONAL = DEFS["orders/contract.yaml"].replace(
    "{name: customer, logicalType: string}",
    "{name: customer, logicalType: string, classification: personal, "
    "customProperties: [{property: protection, value: none}]}",
)
RENAMED = (
    CONFIG + "select _partition, customer as status, id, count(*) over () as many from {{ ref('cleaned') }}\n"
    "where {{ in_partitions() }}"
)
TESTS = {
    "models/apart.sql": RENAMED,
    "tests/many.sql": "{{ config(error_if='>2') }} select * from {{ ref('apart') }} where id > 390",
    "tests/cast.sql": "select _partition from {{ ref('apart') }} where id > 390 and cast(status as integer) > 1",
    "tests/spelled.sql": "select _partition, customer, amount, status, 'of ' || customer as who, count(*) as n\n"
    "from {{ ref('cleaned') }} where id > 390 group by all",
}


def personal(shop: Project) -> None:
    (shop.root / "somebody/defs/orders/contract.yaml").write_text(PERSONAL)


def everything_said(shop: Project, result: dg.ExecuteInProcessResult) -> str:
    """All events with their metadata, and the ledger."""
    with shop.warehouse.session(read_only=True) as session:
        ledger = session.execute("SELECT * FROM platform.ledger")
    logs = shop.instance.all_logs(result.run_id)
    return "\n".join([*(dg.serialize_value(entry) for entry in logs), *map(str, ledger)])


def test_failing_rows_are_shown_without_personal_columns(
    shop: Project, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    personal(shop)
    write_dbt(shop.root, TESTS)
    lost = [[str(391 + i), CANARY, "open", "5"] for i in range(7)]
    deliver(shop, {BAD: [*good_rows(BAD), *lost]})
    result = shop.run(MODELS, DAYS[0], DAYS[-1])
    assert not result.success
    found = {e.check_name: e.metadata for e in result.get_asset_check_evaluations()}
    records = found["many"]["sample"].value.records
    assert [dict(r.data) for r in records] == [{"_partition": BAD, "id": 391 + i} for i in range(5)]
    # a personal column is found under another name, too
    assert found["many"]["sample_left_out"].value == "status, many: personal, or not known to be harmless"
    shown = found["spelled"]["sample"].value.records[0].data
    assert dict(shown) == {"_partition": BAD, "amount": 5, "status": "open", "n": 7}
    assert "customer, who" in found["spelled"]["sample_left_out"].value
    assert "Conversion Error" in found["cast"]["message"].value
    files = [path for path in (shop.root / "dbt").rglob("*") if path.is_file()]
    said = [everything_said(shop, result), caplog.text, *capfd.readouterr()]
    assert [text for text in said if CANARY in text] == []
    assert [path for path in files if CANARY in path.read_text(errors="replace")] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "kind"), [("store_failures=true", "BASE TABLE"), ("store_failures_as='view'", "VIEW")]
)
def test_failing_rows_are_stored_as_dbt_stores_them(shop: Project, config: str, kind: str) -> None:
    text = f"{{{{ config({config}, limit=2) }}}} select * from {{{{ ref('cleaned') }}}} where amount < 0"
    write_dbt(shop.root, {"tests/negative.sql": text})
    deliver(shop, {BAD: [*good_rows(BAD), *([str(391 + i), "ann", "open", "-5"] for i in range(3))]})
    assert not shop.run(MODELS, DAYS[0], DAYS[-1]).success
    where = "FROM information_schema.tables WHERE table_name = 'negative'"
    assert shop.rows(f"SELECT table_schema, table_type {where}") == [("main_dbt_test__audit", kind)]
    assert shop.rows("SELECT _partition, count(*) FROM main_dbt_test__audit.negative GROUP BY 1") == [(BAD, 2)]
    # of the next run they are replaced
    assert shop.run(MODELS, DAYS[0]).success
    assert shop.rows("SELECT count(*) FROM main_dbt_test__audit.negative") == [(2,)]


@pytest.mark.slow
def test_a_table_of_failing_rows_that_another_run_makes_at_the_moment_fails_nothing(
    shop: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real, asked = dbt_calls.invoke, []

    def invoke(*arguments: Any, stores_failures: bool = False, **words: Any) -> list[NodeResult]:
        asked.append(stores_failures)
        if stores_failures:
            raise DbtFailed("relation main_dbt_test__audit.few already exists")
        return real(*arguments, **words)

    monkeypatch.setattr(dbt_calls, "invoke", invoke)
    text = "{{ config(store_failures=true, severity='warn') }} select * from {{ ref('cleaned') }}"
    write_dbt(shop.root, {"tests/few.sql": text})
    deliver(shop)
    assert shop.run(MODELS, DAYS[0], DAYS[-1]).success
    assert asked.count(True) == dbt_calls.STORING_TRIES
    assert "the failing rows of test.shop.few are not stored: relation" in caplog.text
    assert shop.materialized("cleaned") == set(DAYS)
    # no test was evaluated by way of the table
    assert shop.rows("SELECT count(*) FROM information_schema.tables WHERE table_name = 'few'") == [(0,)]


STORED = "{{ config(store_failures=true) }} select * from {{ ref('totals') }} where amount < 0"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (STORED, r"tests/kept.sql: test kept has store_failures, and source.shop.raw.orders above it has personal"),
        (STORED.replace("true", "true, store_failures_as='heap'"), r"store_failures_as: 'heap' must be one of table"),
        (STORED.replace("true", "true, meta={'platform_store_personal': true}"), None),
        (STORED.replace("true", "false"), None),
    ],
)
def test_personal_columns_are_not_copied_into_a_table_of_failing_rows(
    shop: Project, text: str, message: str | None
) -> None:
    personal(shop)
    write_dbt(shop.root, {"tests/kept.sql": text})
    if message is None:
        assert shop.definitions
        return
    with pytest.raises(Exception, match="models") as refused:
        assert shop.definitions
    assert message in str(refused.value.__cause__)


C, RAW = TableName("main", "c"), TableName("raw", "o")
TABLES = {
    C: [ColumnDef(name, "VARCHAR") for name in ("id", "who", "n", "tags")],
    RAW: [ColumnDef(name, "VARCHAR") for name in ("id", "email", "tags")],
}
SQL = {C: "select id, upper(email) as who, count(*) as n, any_value(tags) as tags from db.raw.o group by all"}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select * from main.c", {"id": True, "who": False, "n": True, "tags": True}),
        ("select c.id || c.who as both, 1 as one, 'x' as x from main.c as c", {"both": False, "one": True, "x": True}),
        ("select id, (select max(who) from main.c) as w from main.c", {"id": True, "w": False}),
        ("select id, 'a' as w from main.c union all select id, who from main.c", {"id": True, "w": False}),
        ("select c as whole, now() as t, nope from main.c", {"whole": False, "t": False, "nope": False}),
        ("select o.id, p.id as other from raw.o as o join elsewhere.p as p using (id)", {"id": True, "other": False}),
        ("select u.x from main.c, unnest([who]) as u(x)", {"x": False}),
        ("select * from read_csv('x.csv')", {}),
        ("this is no sql (", {}),
    ],
)
def test_only_columns_that_are_known_to_be_harmless_are_shown(sql: str, expected: dict[str, bool]) -> None:
    harmless = HarmlessColumns("duckdb", TABLES, SQL, lambda table, column: column != "email" if table == RAW else None)
    assert harmless.of_query(sql) == expected
