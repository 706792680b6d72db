"""What may lie where the DuckDB file should be: nothing, something else, or a file that is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from platform_assets.warehouse.errors import WarehouseUnreadable
from platform_assets.warehouse.protocol import ColumnDef, TableName

T = TableName("raw", "t")


@pytest.fixture
def filled(tmp_path: Path) -> DuckDBWarehouse:
    warehouse = DuckDBWarehouse(tmp_path / "folder" / "w.duckdb", wait_seconds=20, threads=1)
    with warehouse.session() as session:
        session.ensure_table(T, [ColumnDef("id", "BIGINT")])
        session.execute("INSERT INTO raw.t VALUES (1)")
    return warehouse


@pytest.mark.parametrize(
    ("content", "advice"), [(b"<html>" * 4096, "not a valid DuckDB"), (b"half", "not a valid DuckDB")]
)
def test_a_file_that_is_no_database_is_told(tmp_path: Path, content: bytes, advice: str) -> None:
    path = tmp_path / "w.duckdb"
    path.write_bytes(content)
    for read_only in (True, False):
        with pytest.raises(WarehouseUnreadable, match=advice), DuckDBWarehouse(path).session(read_only=read_only):
            pass
    assert path.read_bytes() == content


def test_a_damaged_database_is_told(filled: DuckDBWarehouse) -> None:
    content = filled.path.read_bytes()
    filled.path.write_bytes(content[:9000])
    with pytest.raises(WarehouseUnreadable, match="restore"), filled.session():
        pass


def test_an_empty_file_is_an_empty_warehouse(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    path.touch()
    with DuckDBWarehouse(path).session(read_only=True) as session:
        assert session.describe(T) is None
    assert path.stat().st_size == 0
    with DuckDBWarehouse(path).session() as session:
        session.ensure_table(T, [ColumnDef("id", "BIGINT")])
    with DuckDBWarehouse(path).session(read_only=True) as session:
        assert session.describe(T) is not None


def test_a_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "w.duckdb").mkdir()
    with pytest.raises(WarehouseUnreadable, match=r"w\.duckdb"), DuckDBWarehouse(tmp_path / "w.duckdb").session():
        pass
