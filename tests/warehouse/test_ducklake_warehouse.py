"""DuckLake under the conformance suite, its catalog in SQLite and in PostgreSQL, and what only its files can do."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from demo.object_store import S3Server
from platform_assets.environment import InvalidEnvironment
from platform_assets.failures import Kind
from platform_assets.warehouse.ducklake import engines
from platform_assets.warehouse.ducklake.warehouse import DuckLakeWarehouse, open_ducklake
from platform_assets.warehouse.errors import WarehouseError
from platform_assets.warehouse.protocol import ColumnDef, TableName
from tests.support.engines import location_of, warehouse_of
from tests.support.forks import refused_in_a_child
from tests.warehouse.conformance import WarehouseConformance
from tests.warehouse.conformance_turns import TurnsConformance, ended

T = TableName("raw", "t")


@pytest.fixture(params=["ducklake", pytest.param("ducklake-postgres", marks=pytest.mark.slow)])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> DuckLakeWarehouse:
    made = warehouse_of(request.param, tmp_path, request)
    assert isinstance(made, DuckLakeWarehouse)
    return made


class TestDuckLake(WarehouseConformance, TurnsConformance):
    pass


def files(warehouse: DuckLakeWarehouse) -> list[Path]:
    return sorted(Path(warehouse.catalog.data.location).rglob("*.parquet"))


def load(warehouse: DuckLakeWarehouse, *partitions: int) -> None:
    with warehouse.session() as session:
        session.ensure_table(T, [ColumnDef("p", "BIGINT"), ColumnDef("id", "BIGINT")])
        for partition in partitions:
            with session.transaction():
                session.execute("DELETE FROM raw.t WHERE p = ?", [partition])
                session.execute("INSERT INTO raw.t SELECT ?, i FROM range(1000) AS r(i)", [partition])


def rows(warehouse: DuckLakeWarehouse) -> list[tuple[int, int]]:
    with warehouse.session(read_only=True) as session:
        return [(p, n) for p, n in session.execute("SELECT p, count(*) FROM raw.t GROUP BY p ORDER BY p")]


@pytest.mark.slow
def test_maintenance_removes_what_was_overwritten_and_joins_what_is_small(warehouse: DuckLakeWarehouse) -> None:
    load(warehouse, *range(5), *range(5))
    assert len(files(warehouse)) == 10
    kept = warehouse.maintain(dt.timedelta(days=7))
    assert kept["snapshots expired"] == kept["files removed"] == 0
    done = warehouse.maintain(dt.timedelta(0))
    assert done["snapshots expired"] > 10
    assert rows(warehouse) == [(p, 1000) for p in range(5)]
    # what was a file a moment ago may still be read: it goes a day later
    assert done["files removed"] == 0
    load(warehouse, 2)
    assert rows(warehouse) == [(p, 1000) for p in range(5)]


@pytest.mark.slow
def test_readers_are_not_refused_while_it_is_maintained(warehouse: DuckLakeWarehouse) -> None:
    load(warehouse, *range(5), *range(5))
    with warehouse.session(read_only=True) as session, session.snapshot():
        assert session.execute("SELECT count(*) FROM raw.t") == [(5000,)]
        ended(lambda: warehouse.maintain(dt.timedelta(0)))
        assert session.execute("SELECT count(*) FROM raw.t") == [(5000,)]


CHILD = """
import sys
from tests.support.engines import warehouse_at
with warehouse_at(sys.argv[1]).session(purpose="to be killed") as session:
    session.execute("BEGIN")
    session.execute("DELETE FROM raw.t")
    session.execute("INSERT INTO raw.t SELECT 7, i FROM range(100000) AS r(i)")
    print("ready", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.slow
def test_a_killed_writer_leaves_what_was_committed_and_a_free_turn(warehouse: DuckLakeWarehouse) -> None:
    load(warehouse, 1)
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, location_of(warehouse)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    assert rows(warehouse) == [(1, 1000)]
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert rows(warehouse) == [(1, 1000)]
    load(warehouse, 2)
    assert rows(warehouse) == [(1, 1000), (2, 1000)]


def test_a_session_carried_over_a_fork_is_refused_and_harmless(warehouse: DuckLakeWarehouse) -> None:
    load(warehouse, 1)
    with warehouse.session() as session:
        assert refused_in_a_child(session, "SELECT 1")
        assert session.execute("SELECT count(*) FROM raw.t") == [(1000,)]


@pytest.mark.slow
@pytest.mark.parametrize("catalog", ["sqlite", "postgres"])
def test_its_files_may_be_objects_of_a_bucket(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, catalog: str
) -> None:
    server: S3Server = request.getfixturevalue("s3")
    for variable, value in server.variables.items():
        monkeypatch.setenv(variable, value)
    place = f"data_path={server.bucket()}/warehouse"
    location = f"ducklake://{tmp_path}?{place}"
    if catalog == "postgres":
        database = request.getfixturevalue("postgres_database")
        location = f"ducklake+{database}{'&' if '?' in database else '?'}{place}"
    warehouse = open_ducklake(location, wait_seconds=30, memory_limit=None)
    load(warehouse, 1, 2)
    load(warehouse, 2)
    assert rows(warehouse) == [(1, 1000), (2, 1000)]
    with warehouse.session() as session:
        (found,) = session.execute(
            "SELECT data_file FROM ducklake_list_files('ducklake', 't', schema => 'raw') LIMIT 1"
        )
    assert found[0].startswith(place.removeprefix("data_path="))
    assert warehouse.maintain(dt.timedelta(0))["snapshots expired"] > 2
    assert rows(warehouse) == [(1, 1000), (2, 1000)]
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.slow
def test_a_folder_that_was_moved_is_read(tmp_path: Path) -> None:
    load(open_ducklake(f"ducklake://{tmp_path}/old", wait_seconds=30, memory_limit=None), 1)
    (tmp_path / "old").rename(tmp_path / "new")
    assert rows(open_ducklake(f"ducklake://{tmp_path}/new", wait_seconds=30, memory_limit=None)) == [(1, 1000)]


def test_a_catalog_that_is_lost_is_not_made_anew(tmp_path: Path) -> None:
    warehouse = open_ducklake(f"ducklake://{tmp_path}", wait_seconds=30, memory_limit=None)
    load(warehouse, 1)
    for left in tmp_path.glob("catalog.sqlite*"):
        left.unlink()
    for read_only in (True, False):
        with pytest.raises(WarehouseError, match="its catalog is lost"), warehouse.session(read_only=read_only):
            pass
    assert not (tmp_path / "catalog.sqlite").exists()


def test_what_is_no_catalog_is_refused_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_text("something else, and longer than the header of a database is\n" * 20)
    warehouse = open_ducklake(f"ducklake://{tmp_path}", wait_seconds=1, memory_limit=None)
    for read_only in (True, False):
        with pytest.raises(WarehouseError, match=r"catalog\.sqlite"), warehouse.session(read_only=read_only):
            pass


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("ducklake://", "names no folder"),
        ("ducklake:///", "names no folder"),
        ("ducklake://relative/folder", "names no folder by its absolute path"),
        ("ducklake+postgresql://me@there/db", "data_path=/absolute/path"),
        ("ducklake+postgresql://me@there/db?data_path=relative", "data_path=/absolute/path"),
        ("ducklake+postgresql://me@there/?data_path=/x", "names no database"),
        ("ducklake:///folder?data_path=gs://bucket/x", "an absolute path or s3://"),
    ],
)
def test_a_location_that_says_too_little_is_refused(location: str, words: str) -> None:
    with pytest.raises(InvalidEnvironment, match=words):
        open_ducklake(location, wait_seconds=1, memory_limit=None)


def test_a_bucket_without_keys_is_one_of_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    warehouse = open_ducklake(f"ducklake://{tmp_path}?data_path=s3://bucket/x", wait_seconds=1, memory_limit=None)
    with pytest.raises(WarehouseError, match="set AWS_ACCESS_KEY_ID and") as raised, warehouse.session():
        pass
    assert raised.value.kind is Kind.CREDENTIALS


def test_a_wrong_password_is_one_of_credentials_and_stands_nowhere(
    postgres_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = postgres_database.replace("postgres@", "no_such_role:hunter2@", 1)
    whole = f"ducklake+{nobody}{'&' if '?' in nobody else '?'}data_path={tmp_path}"
    monkeypatch.setenv("PLATFORM_WAREHOUSE", whole)
    warehouse = open_ducklake(whole.replace(":hunter2", ""), wait_seconds=1, memory_limit=None)
    for read_only in (True, False):
        with pytest.raises(WarehouseError) as raised, warehouse.session(read_only=read_only):
            pass
        assert raised.value.kind is Kind.CREDENTIALS
        assert "hunter2" not in f"{raised.value} {raised.value.__cause__!r} {raised.value.__context__!r}"


def test_an_extension_that_is_not_installed_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(engines, "_engines", {})
    monkeypatch.setitem(sys.modules, "duckdb_extension_ducklake", None)
    warehouse = open_ducklake(f"ducklake://{tmp_path}/x", wait_seconds=1, memory_limit=None)
    with pytest.raises(engines.MissingExtension, match=r"platform-assets\[ducklake\]"), warehouse.session():
        pass
