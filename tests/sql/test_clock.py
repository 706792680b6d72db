"""SQL that depends on the clock or on chance is found, by DuckDB's own list of its functions."""

from __future__ import annotations

import duckdb
import pytest

from platform_assets.sql.clock import volatile_calls

HARMLESS = {
    *("current_database", "current_schema", "current_schemas", "in_search_path"),  # where it runs, not when
    *("error", "write_log", "stats", "sleep_ms", "setseed"),  # they give no value that a row could hold
}
"""Functions that DuckDB does not call consistent, and that give a partition the same rows on any day."""

CONSTANT = {
    *("pi", "version"),
    *("user", "current_user", "session_user", "current_role", "current_catalog", "pg_my_temp_schema"),
    *("inet_client_addr", "inet_client_port", "inet_server_addr", "inet_server_port"),
}
"""Functions without an argument that DuckDB calls consistent, and that depend on no clock and no chance."""


def functions(condition: str) -> set[str]:
    with duckdb.connect() as engine:
        engine.execute("LOAD icu")
        rows = engine.execute(f"SELECT DISTINCT function_name FROM duckdb_functions() WHERE {condition}").fetchall()
    return {name for (name,) in rows}


def not_found(names: set[str]) -> set[str]:
    return {name for name in names if not volatile_calls(f"SELECT {name}() FROM t")}


def test_every_function_that_is_not_consistent_is_known() -> None:
    """A new version of DuckDB that adds one fails here: it belongs into the list of `clock`, or is harmless."""
    names = functions("stability <> 'CONSISTENT'")
    assert {"random", "now", "nextval", "uuidv7"} <= names
    assert not_found(names) == HARMLESS


def test_so_is_every_function_without_an_argument() -> None:
    """DuckDB calls some of them consistent that read the clock, such as current_localtimestamp."""
    names = functions("function_type IN ('scalar', 'macro') AND len(parameters) = 0 AND varargs IS NULL") - HARMLESS
    takes_some = functions("len(parameters) > 0")
    assert "current_localtimestamp" in names
    assert not_found(names - takes_some) == CONSTANT


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("age(born)", ["age()"]),
        ("AGE (greatest(a, b))", ["AGE()"]),
        ("age([a, b][1])", ["age()"]),
        ("age(day, born)", []),
        ("age(least(a, b), born)", []),
        ("avg(age), age + 1", []),
        ("average(x), 'age(x)'", []),
        ("age(born, '2020-01-01') + age(day)", ["age()"]),
        ("nextval('numbers')", ["nextval()"]),
        ("x FROM t\nTABLESAMPLE 10%", ["TABLESAMPLE"]),
        ("x FROM t USING  SAMPLE 5", ["USING SAMPLE"]),
        ("sample, uuids, known(x)", []),
    ],
)
def test_what_is_found(sql: str, found: list[str]) -> None:
    assert [call for _, call in volatile_calls(f"SELECT {sql}")] == found


@pytest.mark.parametrize("sql", ["age(DATE '2020-01-01')", "current_localtimestamp()", "localtime", "uuidv7()"])
def test_duckdb_itself_understands_what_is_found(sql: str) -> None:
    with duckdb.connect() as engine:
        engine.execute("LOAD icu")
        assert engine.execute(f"SELECT {sql}").fetchone() is not None
    assert volatile_calls(f"SELECT {sql}")
