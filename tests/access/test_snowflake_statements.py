"""The statements of Snowflake, as texts: that they are right is shown by sqlglot and by reading them."""

from __future__ import annotations

import pytest
import sqlglot

from platform_assets.access.model import GovernedColumn, GovernedTable, RoleAccess, Wanted
from platform_assets.access.plan import Item, Sign
from platform_assets.access.snowflake import difference
from platform_assets.access.snowflake_statements import policy_name, statements
from platform_assets.warehouse.protocol import TableName

ORDERS = TableName("raw", "orders")
PERSONAL = frozenset({"personal"})
TABLE = GovernedTable(
    ORDERS,
    (
        GovernedColumn("id", "BIGINT"),
        GovernedColumn("email", "VARCHAR", PERSONAL, "Where to write.", ""),
        GovernedColumn("born", "DATE", PERSONAL, None, ""),
        GovernedColumn("income", "DECIMAL(9,2)", frozenset({"personal", "top secret"})),
    ),
    has_contract=True,
    description="Orders of the shop; it's all.",
)
ANALYSTS = RoleAccess("analysts", "People who count.", frozenset(), frozenset({"raw"}), frozenset({ORDERS}))
AUDITORS = RoleAccess('the "odd"', "", PERSONAL, frozenset(), frozenset({ORDERS}))
STEWARDS = RoleAccess("stewards", "", None, write_schemas=frozenset({"marts"}))
WANTED = Wanted((ANALYSTS, AUDITORS, STEWARDS), (TABLE,), frozenset({"raw", "marts"}))


def texts(wanted: Wanted = WANTED) -> list[str]:
    return [statement.make for statement in statements(wanted, database="SHOP")]


def test_all_of_them_in_their_order() -> None:
    clear = """CASE WHEN IS_ROLE_IN_SESSION('the "odd"') OR IS_ROLE_IN_SESSION('stewards') THEN val"""
    assert texts() == [
        """CREATE ROLE IF NOT EXISTS "analysts" COMMENT = 'People who count.'""",
        '''CREATE ROLE IF NOT EXISTS "the ""odd"""''',
        'CREATE ROLE IF NOT EXISTS "stewards"',
        'CREATE TAG IF NOT EXISTS "platform"."classification" COMMENT = \'Classification of a column by its contract\'',
        f'CREATE MASKING POLICY IF NOT EXISTS "platform"."mask_personal_date" AS (val DATE) RETURNS DATE -> {clear} '
        "ELSE NULL END",
        'CREATE MASKING POLICY IF NOT EXISTS "platform"."mask_personal_top_secret_4c356be0_number" AS (val NUMBER) '
        "RETURNS NUMBER -> CASE WHEN IS_ROLE_IN_SESSION('stewards') THEN val ELSE NULL END",
        'CREATE MASKING POLICY IF NOT EXISTS "platform"."mask_personal_varchar" AS (val VARCHAR) RETURNS VARCHAR -> '
        f"{clear} WHEN val IS NOT NULL THEN '***' END",
        """ALTER TABLE "raw"."orders" MODIFY COLUMN "email" SET TAG "platform"."classification" = 'personal'""",
        'ALTER TABLE "raw"."orders" MODIFY COLUMN "email" SET MASKING POLICY "platform"."mask_personal_varchar" FORCE',
        """ALTER TABLE "raw"."orders" MODIFY COLUMN "born" SET TAG "platform"."classification" = 'personal'""",
        'ALTER TABLE "raw"."orders" MODIFY COLUMN "born" SET MASKING POLICY "platform"."mask_personal_date" FORCE',
        'ALTER TABLE "raw"."orders" MODIFY COLUMN "income" SET TAG "platform"."classification" = '
        "'personal, top secret'",
        'ALTER TABLE "raw"."orders" MODIFY COLUMN "income" SET MASKING POLICY '
        '"platform"."mask_personal_top_secret_4c356be0_number" FORCE',
        'GRANT USAGE ON DATABASE "SHOP" TO ROLE "analysts"',
        'GRANT USAGE ON SCHEMA "raw" TO ROLE "analysts"',
        'GRANT SELECT ON FUTURE TABLES IN SCHEMA "raw" TO ROLE "analysts"',
        'GRANT SELECT ON FUTURE VIEWS IN SCHEMA "raw" TO ROLE "analysts"',
        'GRANT SELECT ON TABLE "raw"."orders" TO ROLE "analysts"',
        '''GRANT USAGE ON DATABASE "SHOP" TO ROLE "the ""odd"""''',
        '''GRANT USAGE ON SCHEMA "raw" TO ROLE "the ""odd"""''',
        '''GRANT SELECT ON TABLE "raw"."orders" TO ROLE "the ""odd"""''',
        'GRANT USAGE ON DATABASE "SHOP" TO ROLE "stewards"',
        'GRANT USAGE ON SCHEMA "marts" TO ROLE "stewards"',
        'GRANT INSERT ON FUTURE TABLES IN SCHEMA "marts" TO ROLE "stewards"',
        'GRANT UPDATE ON FUTURE TABLES IN SCHEMA "marts" TO ROLE "stewards"',
        'GRANT DELETE ON FUTURE TABLES IN SCHEMA "marts" TO ROLE "stewards"',
        'GRANT CREATE TABLE ON SCHEMA "marts" TO ROLE "stewards"',
        """COMMENT ON TABLE "raw"."orders" IS 'Orders of the shop; it\\'s all.'""",
        """COMMENT ON COLUMN "raw"."orders"."email" IS 'Where to write.'""",
    ]


@pytest.mark.parametrize("text", [text for text in texts() if text.startswith(("GRANT", "COMMENT"))])
def test_sqlglot_reads_them(text: str) -> None:
    assert sqlglot.parse_one(text, dialect="snowflake")


def test_a_policy_for_nobody_gives_null_of_its_type() -> None:
    wanted = Wanted((ANALYSTS,), (TABLE,), frozenset({"raw"}))
    assert "AS (val DATE) RETURNS DATE -> CAST(NULL AS DATE)" in " ".join(texts(wanted))


def test_classifications_that_look_alike_have_policies_of_their_own() -> None:
    one, other = (GovernedColumn("c", "VARCHAR", frozenset({word})) for word in ("top secret", "top-secret"))
    assert policy_name(one) != policy_name(other)


def test_the_difference_is_against_the_record() -> None:
    every = statements(WANTED, database="SHOP")
    first = difference(every, {})
    assert [change.sql for change in first.changes] == [each.make for each in every]
    assert difference(every, first.record).changes == ()
    blind = Wanted((ANALYSTS, STEWARDS), (TABLE,), frozenset({"raw"}))
    changes = difference(statements(blind, database="SHOP"), first.record).changes
    assert [change.sql for change in changes if change.sign is Sign.REMOVE] == [
        '''REVOKE SELECT ON TABLE "raw"."orders" FROM ROLE "the ""odd"""''',
        '''REVOKE USAGE ON SCHEMA "raw" FROM ROLE "the ""odd"""''',
        '''REVOKE USAGE ON DATABASE "SHOP" FROM ROLE "the ""odd"""''',
    ]
    changed = [change.sql for change in changes if change.sign is Sign.CHANGE]
    assert changed[0] == (
        'ALTER MASKING POLICY "platform"."mask_personal_date" SET BODY -> '
        "CASE WHEN IS_ROLE_IN_SESSION('stewards') THEN val ELSE NULL END"
    )
    bare = Wanted((), (), frozenset())
    last = [change.sql for change in difference(statements(bare, database="SHOP"), first.record).changes]
    assert last[-1].startswith("DROP MASKING POLICY"), "once no column has it"
    assert Item("role", "analysts") in first.record


def test_a_table_that_was_made_anew_gets_its_policies_and_grants_again() -> None:
    every = statements(WANTED, database="SHOP")
    first = difference(every, {}, {ORDERS: "2024-01-01"})
    assert difference(every, first.record, {ORDERS: "2024-01-01"}).changes == ()
    again = [change.sql for change in difference(every, first.record, {ORDERS: "2024-01-02"}).changes]
    assert again == [each.make for each in every if (each.item.schema, each.item.table) == ("raw", "orders")]
    assert sum("SET MASKING POLICY" in text for text in again) == 3
