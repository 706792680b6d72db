"""A load takes memory by its columns, not by its rows; where the bound is too small, it is given more."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from platform_assets.publishing.from_files import publish
from platform_assets.publishing.verdicts import Candidate, Verdict
from platform_assets.sql.literals import literal
from platform_assets.warehouse.duckdb import session as duckdb_session
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from platform_assets.warehouse.errors import WarehouseExhausted
from platform_assets.warehouse.protocol import TableName

COLUMNS = [(f"t{at}", "VARCHAR", "") for at in range(12)]


def parquet(folder: Path, rows: int) -> Path:
    path = folder / f"{rows}.parquet"
    with duckdb.connect(config={"memory_limit": "500MB", "threads": 2}) as engine:
        values = ", ".join(f"hash(i + {at})::VARCHAR AS t{at}" for at in range(12))
        engine.execute(
            f"COPY (SELECT {values} FROM range({rows}) AS r(i)) "
            f"TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
        )
    return path


def load(warehouse: DuckDBWarehouse, path: Path, rows: int, version: str) -> list[Verdict]:
    return publish(
        warehouse,
        asset="raw/t",
        table=TableName("raw", "t"),
        columns=COLUMNS,
        candidates=[Candidate("p", version, (str(path),), rows)],
        rules=[],
        run_id=f"run {version}",
    )


@pytest.mark.slow
def test_a_load_that_needs_more_memory_than_its_bound_is_given_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = parquet(tmp_path, 300_000)
    monkeypatch.setattr(duckdb_session, "BOUND", 8 << 20)
    monkeypatch.setattr(duckdb_session, "BOUND_PER_COLUMN", 1)
    warehouse = DuckDBWarehouse(tmp_path / "w.duckdb", threads=2)
    assert [verdict.published for verdict in load(warehouse, path, 300_000, "1")] == [True]
    with warehouse.session(read_only=True) as session:
        assert session.execute("SELECT count(*) FROM raw.t") == [(300_000,)]


@pytest.mark.slow
def test_a_session_that_only_looks_is_given_more_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = parquet(tmp_path, 300_000)
    monkeypatch.setattr(duckdb_session, "BOUND", 8 << 20)
    warehouse = DuckDBWarehouse(tmp_path / "w.duckdb", threads=2)
    wide = f"SELECT count(*) FROM (SELECT t0, count(*) FROM read_parquet({literal(str(path))}) GROUP BY ALL)"
    with warehouse.session(read_only=True) as session:
        assert session.execute(wide) == [(300_000,)]
    monkeypatch.setattr(duckdb_session, "_roomy", set())
    with warehouse.session() as session, pytest.raises(WarehouseExhausted) as exhausted, session.transaction():
        session.execute(wide)
    assert exhausted.value.again, "a transaction is lost as a whole: its owner is asked to begin anew"
    with warehouse.session() as session, session.transaction():
        assert session.execute(wide) == [(300_000,)]


def test_a_limit_that_was_set_is_kept(tmp_path: Path) -> None:
    path = parquet(tmp_path, 300_000)
    with pytest.raises(WarehouseExhausted, match="raise memory_limit"):
        load(DuckDBWarehouse(tmp_path / "w.duckdb", threads=2, memory_limit="8MB"), path, 300_000, "1")


@pytest.mark.parametrize(("columns", "expected"), [(3, 512 << 20), (100, 2400 << 20)])
def test_a_session_has_the_bound_of_what_it_does(tmp_path: Path, columns: int, expected: int) -> None:
    def limit(session: object) -> float:
        number, unit = session.execute("SELECT current_setting('memory_limit')")[0][0].split()  # type: ignore[attr-defined]
        return float(number) * {"MiB": 1 << 20, "GiB": 1 << 30}[unit]

    with duckdb.connect() as engine:
        most = limit(Plain(engine))
    with DuckDBWarehouse(tmp_path / "w.duckdb").session() as session:
        assert limit(session) == pytest.approx(min(512 << 20, most), rel=0.1)
        session.bound_memory(columns)
        assert limit(session) == pytest.approx(min(expected, most), rel=0.1)


class Plain:
    """A plain connection that gives rows as a session does."""

    def __init__(self, engine: duckdb.DuckDBPyConnection) -> None:
        self._engine = engine

    def execute(self, sql: str) -> list[tuple[str, ...]]:
        return self._engine.execute(sql).fetchall()
