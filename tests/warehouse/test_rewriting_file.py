"""A DuckDB file written anew holds what it held, and no byte of rows that were deleted."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from platform_assets.failpoints import armed
from platform_assets.warehouse.duckdb.rewriting import files_of, rewrite_file
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from platform_assets.warehouse.errors import WarehouseBusy
from tests.lake.test_objects import crash
from tests.lake.test_stage_commit_reject import Crash

CLEAR = b"@clear.example"
ROWS = 20_000
POINTS = ("warehouse.rewrite.copied", "warehouse.rewrite.before_rename", "warehouse.rewrite.after_rename")


@pytest.fixture(name="warehouse")
def _warehouse(tmp_path: Path) -> DuckDBWarehouse:
    """A file whose table held clear values, which were replaced."""
    warehouse = DuckDBWarehouse(tmp_path / "w.duckdb", wait_seconds=0)
    with warehouse.session() as session:
        # compressed, a value is there all the same and is not found by its letters
        session.execute("PRAGMA force_compression = 'uncompressed'")
        session.execute("CREATE SCHEMA raw; CREATE TABLE raw.t (id BIGINT, mail VARCHAR)")
        session.execute("COMMENT ON COLUMN raw.t.mail IS 'whose it is'; CREATE UNIQUE INDEX one ON raw.t (id)")
        session.execute("CREATE VIEW raw.v AS SELECT id FROM raw.t; CREATE MACRO twice(x) AS 2 * x")
        session.execute(f"INSERT INTO raw.t SELECT i, md5(i::VARCHAR) || '@clear.example' FROM range({ROWS}) AS r(i)")
    assert CLEAR in warehouse.path.read_bytes()
    with warehouse.session() as session:
        session.execute("CREATE TABLE raw.new AS SELECT id, left(sha256(mail), 32) AS mail FROM raw.t")
    with warehouse.session() as session, session.transaction():
        session.execute("DELETE FROM raw.t WHERE id > 0; UPDATE raw.t SET mail = 'x'")
    return warehouse


def clear(warehouse: DuckDBWarehouse) -> int:
    return sum(file.read_bytes().count(CLEAR) for file in files_of(warehouse))


def held(warehouse: DuckDBWarehouse) -> list[object]:
    with warehouse.session(read_only=True) as session:
        return [
            session.execute(sql)
            for sql in (
                "SELECT count(*), bit_xor(hash(id, mail)) FROM raw.new",
                "SELECT * FROM raw.t",
                "SELECT * FROM raw.v",
                "SELECT twice(4)",
                "SELECT comment FROM duckdb_columns() WHERE table_name = 't' ORDER BY column_index",
                "SELECT sql FROM duckdb_indexes()",
                "SELECT tags FROM duckdb_databases() WHERE NOT internal",
            )
        ]


@pytest.mark.parametrize("statement", ["CHECKPOINT", "FORCE CHECKPOINT", "VACUUM", "VACUUM ANALYZE"])
def test_duckdb_itself_leaves_deleted_values_in_the_file(warehouse: DuckDBWarehouse, statement: str) -> None:
    """If this fails, a newer DuckDB clears its free blocks, and the file need no longer be written anew."""
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(statement)
    assert clear(warehouse) > 0


def test_nothing_of_deleted_rows_is_left(warehouse: DuckDBWarehouse) -> None:
    warehouse.path.chmod(0o640)
    before = held(warehouse)
    done = rewrite_file(warehouse, purpose="test")
    assert clear(warehouse) == 0
    assert held(warehouse) == before
    assert done is not None
    assert done.before > done.after == warehouse.path.stat().st_size
    assert stat.S_IMODE(warehouse.path.stat().st_mode) == 0o640
    assert files_of(warehouse) == [warehouse.path]


@pytest.mark.parametrize("point", POINTS)
def test_killed_the_file_is_the_old_one_or_the_new(warehouse: DuckDBWarehouse, point: str) -> None:
    before = held(warehouse)
    code = (
        "import sys; from pathlib import Path; from platform_assets.failpoints import arm_from_environment\n"
        "from platform_assets.warehouse.duckdb.rewriting import rewrite_file\n"
        "from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse\n"
        "arm_from_environment(); rewrite_file(DuckDBWarehouse(Path(sys.argv[1])), purpose='test')"
    )
    environment = {**os.environ, "PLATFORM_FAILPOINTS": f"{point}=kill"}
    done = subprocess.run([sys.executable, "-c", code, str(warehouse.path)], env=environment, check=False)
    assert done.returncode == -9
    assert held(warehouse) == before
    rewrite_file(warehouse, purpose="test")
    assert (held(warehouse), clear(warehouse)) == (before, 0)
    assert sorted(path.name for path in warehouse.path.parent.iterdir()) == ["w.duckdb", "w.duckdb.lock"]


def test_changes_that_are_only_in_the_log_are_kept(warehouse: DuckDBWarehouse) -> None:
    code = (
        "import duckdb, os, sys; c = duckdb.connect(sys.argv[1]); c.execute(\"SET wal_autocheckpoint = '1GB'\")\n"
        "c.execute(\"INSERT INTO raw.t VALUES (-1, 'late')\"); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(warehouse.path)], check=False)
    assert warehouse.path.with_name("w.duckdb.wal").is_file()
    rewrite_file(warehouse, purpose="test")
    with warehouse.session(read_only=True) as session:
        assert session.execute("SELECT mail FROM raw.t WHERE id = -1") == [("late",)]
    assert not warehouse.path.with_name("w.duckdb.wal").exists()


def test_others_are_waited_for_and_nothing_is_changed(warehouse: DuckDBWarehouse) -> None:
    with armed("warehouse.rewrite.copied", crash), pytest.raises(Crash):
        rewrite_file(warehouse, purpose="test")
    assert files_of(warehouse) == [warehouse.path]
    with duckdb.connect(str(warehouse.path), read_only=True), pytest.raises(WarehouseBusy):
        rewrite_file(warehouse, purpose="test")
    assert clear(warehouse) > 0


def test_a_warehouse_that_is_not_there_is_left_at_that(tmp_path: Path) -> None:
    assert rewrite_file(DuckDBWarehouse(tmp_path / "none.duckdb"), purpose="test") is None
    assert not (tmp_path / "none.duckdb").exists()
