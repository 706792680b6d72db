"""DuckDB quotes values of rows in some of its errors; the platform's errors, which end in alerts, do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from platform_assets.warehouse.errors import StatementFailed

SECRETS = ["alice@example.org", "O'Brien, born alice 1980", '5"alice@example.org', "it's 'alice' \"said\" x"]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT CAST(who AS INTEGER) FROM people",
        "SELECT CAST(who AS DATE) FROM people",
        "SELECT strptime(who, '%Y') FROM people",
        "INSERT INTO unique_people SELECT who FROM people UNION ALL SELECT who FROM people",
    ],
)
def test_no_value_of_a_row_is_in_the_error_of_a_statement(tmp_path: Path, statement: str, secret: str) -> None:
    with DuckDBWarehouse(tmp_path / "w.duckdb", threads=1).session() as session:
        session.execute("CREATE TABLE people (who VARCHAR)")
        session.execute("INSERT INTO people VALUES (?)", [secret])
        session.execute("CREATE TABLE unique_people (who VARCHAR PRIMARY KEY)")
        with pytest.raises(StatementFailed) as failed:
            session.execute(statement)
    assert "alice" not in str(failed.value)
    assert "Error" in str(failed.value)
