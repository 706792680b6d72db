"""The SQL of a contract stays as it is for DuckDB, and means the same to another warehouse, or is refused."""

from __future__ import annotations

import pytest

from platform_assets.sql.dialects import Dialect
from platform_assets.sql.translation import NotTranslated, translated

QUERIES = {
    "SELECT avg((state = 'paid')::INT) FROM {table} -- of all": (
        "SELECT avg((state = 'paid')::INT) FROM rows -- of all",
        "SELECT AVG(CAST((\"state\" = 'paid') AS INT)) FROM rows AS _r",
        "SELECT AVG(CAST((\"state\" = 'paid') AS INT)) FROM rows AS _r",
    ),
    "SELECT count(*) FILTER (WHERE t.n IS NULL) FROM {table} t": (
        "SELECT count(*) FILTER (WHERE t.n IS NULL) FROM rows t",
        'SELECT COUNT(*) FILTER(WHERE "t"."n" IS NULL) FROM rows AS "t"',
        'SELECT COUNT_IF("t"."n" IS NULL) FROM rows AS "t"',
    ),
    "SELECT sum(CASE WHEN regexp_matches(Code, 'a\\d') THEN 1 END) FROM {table}": (
        "SELECT sum(CASE WHEN regexp_matches(Code, 'a\\d') THEN 1 END) FROM rows",
        "SELECT SUM(CASE WHEN \"Code\" ~ 'a\\d' THEN 1 END) FROM rows AS _r",
        "SELECT SUM(CASE WHEN REGEXP_INSTR(\"Code\", 'a\\\\d') > 0 THEN 1 END) FROM rows AS _r",
    ),
    "SELECT count(*) FROM {table} WHERE NOT regexp_full_match(code, 'a|b')": (
        "SELECT count(*) FROM rows WHERE NOT regexp_full_match(code, 'a|b')",
        "SELECT COUNT(*) FROM rows AS _r WHERE NOT \"code\" ~ '^(a|b)$'",
        "SELECT COUNT(*) FROM rows AS _r WHERE NOT REGEXP_INSTR(\"code\", '^(a|b)$') > 0",
    ),
}


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_in_each_dialect(query: str) -> None:
    assert tuple(translated(query, "rows", dialect) for dialect in Dialect) == QUERIES[query]


@pytest.mark.parametrize("query", ["SELEC 1 FROM {table}", "SELECT TRY(a) FROM {table}"])
@pytest.mark.parametrize("dialect", [Dialect.POSTGRES, Dialect.SNOWFLAKE])
def test_what_cannot_be_said_is_refused(query: str, dialect: Dialect) -> None:
    with pytest.raises(NotTranslated, match="cannot be said in the dialect of"):
        translated(query, "rows", dialect)
