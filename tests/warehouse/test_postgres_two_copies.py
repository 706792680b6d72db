"""Much is staged by two connections at once: the same rows in the same order, and one fault is the fault of both."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from platform_assets.warehouse.errors import StatementFailed
from platform_assets.warehouse.postgres import staging
from platform_assets.warehouse.postgres.locating import Located
from platform_assets.warehouse.postgres.warehouse import PostgresWarehouse, open_postgres
from platform_assets.warehouse.protocol import ColumnDef, StagedFile
from tests.warehouse.conformance import parquet

COLUMNS = [ColumnDef("id", "BIGINT"), ColumnDef("v", "VARCHAR")]
STAGED = "SELECT count(*) FROM pg_tables WHERE schemaname = 'platform_staging'"


@pytest.fixture
def warehouse(postgres_database: str, monkeypatch: pytest.MonkeyPatch) -> PostgresWarehouse:
    monkeypatch.setattr(staging, "MUCH", 1)
    return open_postgres(postgres_database, wait_seconds=5, memory_limit=None)


def written(folder: Path, values: list[str]) -> list[StagedFile]:
    """A file of ten rows a partition, with an SQL expression over ``i`` for the values of each."""
    return [
        StagedFile(
            parquet(folder / f"{n}.parquet", f"SELECT {10 * n} + i AS id, {value} AS v FROM range(10) r(i)"),
            f"p{n // 2}",
        )
        for n, value in enumerate(values)
    ]


def test_rows_and_their_order_are_those_of_the_files(warehouse: PostgresWarehouse, tmp_path: Path) -> None:
    files = written(tmp_path, ["CAST(i AS VARCHAR)"] * 5)
    with warehouse.session() as session:
        relation = session.stage_parquet(files, COLUMNS)
        rows = session.execute(f'SELECT "id", "v", "_partition" FROM {relation} AS r')
        assert sorted(rows) == [(i, str(i % 10), f"p{i // 20}") for i in range(50)]
        assert [row[2] for row in rows] == sorted(row[2] for row in rows)
        assert session.staged_rows(relation) == {"p0": 20, "p1": 20, "p2": 10}
        assert session.execute(STAGED) == [(2,)]
    with warehouse.session() as session:
        assert session.execute(STAGED) == [(0,)]


@pytest.mark.parametrize("bad", [0, 4])
def test_a_value_that_the_server_refuses_is_the_error_in_either_part(
    warehouse: PostgresWarehouse, tmp_path: Path, bad: int
) -> None:
    values = ["CAST(i AS VARCHAR)"] * 5
    values[bad] = "CASE WHEN i = 7 THEN chr(0) ELSE 'x' END"
    before = threading.active_count()
    with warehouse.session() as session:
        with pytest.raises(StatementFailed, match="NUL character"):
            session.stage_parquet(written(tmp_path, values), COLUMNS)
        assert session.execute("SELECT 1") == [(1,)]
    assert threading.active_count() <= before + 1
    with warehouse.session() as session:
        assert session.execute(STAGED) == [(0,)]


def test_one_connection_does_it_where_no_other_is_free(warehouse: PostgresWarehouse, tmp_path: Path) -> None:
    with warehouse.session() as session:
        session.execute("CREATE ROLE alone LOGIN CONNECTION LIMIT 1")
        session.execute("DO $$ BEGIN EXECUTE format('GRANT ALL ON DATABASE %I TO alone', current_database()); END $$")
    try:
        parameters = {**warehouse.at.parameters, "user": "alone"}
        with PostgresWarehouse(Located("as alone", parameters), 5).session() as session:
            relation = session.stage_parquet(written(tmp_path, ["CAST(i AS VARCHAR)"] * 4), COLUMNS)
            assert session.staged_rows(relation) == {"p0": 20, "p1": 20}
            assert session.execute(STAGED) == [(1,)]
    finally:
        with warehouse.session() as session:
            session.execute("DROP OWNED BY alone")
            session.execute("DROP ROLE alone")
