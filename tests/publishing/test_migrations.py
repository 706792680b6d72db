"""Versions of the platform's own tables: made once, whoever starts, and never read or written by an older program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from platform_assets.failures import Kind
from platform_assets.publishing.errors import NewerWarehouse
from platform_assets.publishing.in_place import open_candidates
from platform_assets.publishing.ledger import LEDGER_COLUMNS
from platform_assets.publishing.migrations import MIGRATION_TABLE, MIGRATIONS, ledger_session, migrate
from platform_assets.publishing.readers import known_assets, ledger_history, published_versions, unreadable
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from platform_assets.warehouse.protocol import Session, TableName, Warehouse
from tests.publishing.support import ASSET, NOT_EMPTY, Lake, load, session_class, states
from tests.support.campaigns import times
from tests.support.waiting import watched_waits

NUMBERS = [migration.number for migration in MIGRATIONS]
FIRST_HOME = Path(__file__).parents[1] / "fixtures" / "first_home.tar.xz"


def numbers(warehouse: Warehouse) -> list[int]:
    with warehouse.session(read_only=True) as session:
        if session.describe(MIGRATION_TABLE) is None:
            return []
        return [row[0] for row in session.execute(f"SELECT number FROM {MIGRATION_TABLE} ORDER BY 1")]


def everything(warehouse: Warehouse) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, with its columns' names."""
    with warehouse.session(read_only=True) as session:
        tables = session.execute(
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_schema NOT IN ('information_schema', 'pg_catalog')"
        )
        found = {}
        for table in (TableName(*row) for row in tables):
            rows = session.execute(f"SELECT * FROM {session.quote(table.schema, table.name)}")
            found[f"{table} {session.describe(table)}"] = sorted(rows, key=str)
        return found


@pytest.fixture
def first(tmp_path: Path) -> DuckDBWarehouse:
    """The warehouse of a home that an early version wrote."""
    with tarfile.open(FIRST_HOME) as archive:
        archive.extractall(tmp_path)
    return DuckDBWarehouse(tmp_path / "data" / "warehouse.duckdb", threads=1)


@pytest.mark.slow
def test_an_old_home_is_migrated_once_and_its_lines_stay(first: Warehouse) -> None:
    first_columns = ", ".join(column.name for column in LEDGER_COLUMNS if not column.name.startswith("failure_"))

    def lines() -> list[tuple[object, ...]]:
        with first.session(read_only=True) as session:
            return session.execute(f"SELECT {first_columns} FROM platform.ledger ORDER BY ALL")

    def read() -> dict[str, list[object]]:
        return {asset: list(ledger_history(first, asset=asset)) for asset in known_assets(first)}

    before, found = lines(), read()
    assert before
    assert numbers(first) == []
    for _ in range(2):
        with ledger_session(first, purpose="a test"):
            pass
        assert numbers(first) == NUMBERS
        assert lines() == before
        assert read() == found


def test_kind_and_code_of_a_failure_are_kept_and_old_lines_have_those_of_their_checks(
    warehouse: Warehouse, lake: Lake
) -> None:
    damaged = lake.candidate("b", "v1")
    Path(damaged.files[0]).write_bytes(b"PAR1 and nothing more")
    load(warehouse, lake.candidate("a", "v1", rows=0), damaged, lake.candidate("c", "v1"), rules=[NOT_EMPTY])

    def failures() -> dict[str, tuple[Kind, str] | None]:
        lines = ledger_history(warehouse, asset=ASSET)
        return {e.partition: (e.failure.kind, e.failure.code) if e.failure else None for e in lines}

    expected = {"a": (Kind.REJECTED, "not_empty"), "b": (Kind.INFRASTRUCTURE, "lake_files"), "c": None}
    assert failures() == expected
    with warehouse.session() as session:
        written = session.execute("SELECT failure_kind, failure_code FROM platform.ledger ORDER BY partition_key")
        assert written == [("rejected", "not_empty"), ("infrastructure", "lake_files"), (None, None)]
        session.execute("UPDATE platform.ledger SET failure_kind = NULL, failure_code = NULL")
    assert failures() == expected
    with warehouse.session() as session:
        session.execute(
            "UPDATE platform.ledger SET failure_kind = 'credentials', failure_code = 'x' WHERE state = 'rejected'"
        )
    assert failures() == {"a": (Kind.CREDENTIALS, "x"), "b": (Kind.CREDENTIALS, "x"), "c": None}
    with warehouse.session() as session:
        session.execute("UPDATE platform.ledger SET failure_kind = 'of a newer version'")
    assert failures() == expected


def test_checks_of_a_newer_version_are_read_as_far_as_they_are_known(warehouse: Warehouse, lake: Lake) -> None:
    """One that added a kind and a key, which needs no migration: else its warehouse would be refused as a whole."""
    load(warehouse, lake.candidate("a", "v1", rows=0), lake.candidate("b", "v1"), rules=[NOT_EMPTY])
    before = ledger_history(warehouse, asset=ASSET)
    with warehouse.session() as session:
        session.execute(
            "UPDATE platform.ledger SET failure_kind = 'of a newer version', checks = "
            """replace(checks, '"passed"', '"kind": "of a newer version", "of_a_newer_version": [1], "passed"')"""
        )
    after = ledger_history(warehouse, asset=ASSET)
    assert [entry.checks for entry in after] == [entry.checks for entry in before]
    assert [entry.failure for entry in after] == [entry.failure for entry in before]


@pytest.mark.slow
def test_two_processes_that_start_at_once_migrate_once(first: Warehouse, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.publishing.writer", "files", str(first.path), str(tmp_path)]
    with watched_waits(), first.reserve(purpose="a test"):
        started = [subprocess.Popen([*command, version, "1"], stdout=subprocess.PIPE, text=True) for version in "lr"]
    assert sorted(process.communicate()[0].strip() for process in started) == ["l0", "r0"]
    assert numbers(first) == NUMBERS


def test_a_migration_that_somebody_else_has_just_made_is_not_made_again(warehouse: Warehouse) -> None:
    """What a second process does that read the version before the first one committed."""
    with warehouse.session() as session:
        for stale in range(len(NUMBERS) + 1):
            migrate(session, stale)
    assert numbers(warehouse) == NUMBERS


@pytest.mark.slow
@pytest.mark.parametrize("number", NUMBERS)
def test_a_process_killed_while_it_migrates_leaves_the_version_before(
    first: Warehouse, tmp_path: Path, number: int
) -> None:
    command = [sys.executable, "-m", "tests.publishing.writer", "files", str(first.path), str(tmp_path), "v", "1"]
    environment = {**os.environ, "PLATFORM_FAILPOINTS": f"migration.{number}=kill"}
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    assert numbers(first) == NUMBERS[: number - 1]
    assert known_assets(first)
    assert subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode == 0
    assert numbers(first) == NUMBERS


READS: list[Callable[[Warehouse], object]] = [
    lambda warehouse: unreadable(warehouse, asset=ASSET, partitions=["a"]),
    lambda warehouse: published_versions(warehouse, asset=ASSET, partitions=["a"]),
    lambda warehouse: ledger_history(warehouse, asset=ASSET),
    known_assets,
]


def test_a_newer_warehouse_is_refused_and_nothing_is_changed(warehouse: Warehouse, lake: Lake) -> None:
    load(warehouse, lake.candidate("a", "v1"))
    with warehouse.session() as session:
        session.execute(f"INSERT INTO {MIGRATION_TABLE} VALUES (?, 'of tomorrow', ?)", [NUMBERS[-1] + 1, session.now()])
    before = everything(warehouse)

    def opened(_: Warehouse) -> None:
        with open_candidates(warehouse, partitions={ASSET: ["a"]}, run_id="r"):
            raise AssertionError("it was opened")

    for use in [*READS, opened, lambda warehouse: load(warehouse, lake.candidate("a", "v2"))]:
        with pytest.raises(NewerWarehouse, match=r"newer version of platform-assets: .* upgrade platform-assets") as no:
            use(warehouse)
        assert no.value.failure.kind is Kind.MISCONFIGURED
    assert everything(warehouse) == before


@pytest.mark.slow
@settings(max_examples=times(3), deadline=None)
@given(order=st.permutations([*(column.name for column in LEDGER_COLUMNS), "more", "of_tomorrow"]))
def test_a_ledger_with_more_columns_in_another_order_is_read_and_written(order: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        warehouse, lake = DuckDBWarehouse(Path(folder) / "w.duckdb", threads=1), Lake(Path(folder))
        load(warehouse, lake.candidate("a", "v1"), lake.candidate("b", "v1", rows=0))
        before = ledger_history(warehouse, asset=ASSET)
        columns = ", ".join(f"0 AS {name}" if name in ("more", "of_tomorrow") else name for name in order)
        with warehouse.session() as session:
            session.execute(f"CREATE TABLE platform.other AS SELECT {columns} FROM platform.ledger")
            session.execute("DROP TABLE platform.ledger")
            session.execute("ALTER TABLE platform.other RENAME TO ledger")
        assert ledger_history(warehouse, asset=ASSET) == before
        assert states(load(warehouse, lake.candidate("a", "v1"), run="again")) == ["unpublished"]
        assert states(load(warehouse, lake.candidate("b", "v2"), run="next")) == ["published"]
        newest = ledger_history(warehouse, asset=ASSET)[0]
        assert (newest.partition, newest.version, newest.run_id, newest.rows) == ("b", "v2", "next", 3)


def test_leases_that_are_there_twice_are_merged_and_stay_one(first: Warehouse) -> None:
    with first.session() as session:
        session.execute("DELETE FROM platform.leases")
        for key, token, owner in [("a", 3, "x/1/1/1"), ("a", 5, "y/1/1/1"), ("b", 1, None), ("a", 4, None)]:
            session.execute(
                "INSERT INTO platform.leases VALUES ('s', ?, ?, ?, 'run', TIMESTAMP '2030-01-01')", [key, token, owner]
            )
        migrate(session)
        rows = session.execute("SELECT partition_key, token, holder FROM platform.leases ORDER BY ALL")
        assert rows == [("a", 5, "y/1/1/1"), ("b", 1, None)]
        session.execute(
            "INSERT INTO platform.leases (asset, partition_key, token) VALUES ('s', 'a', 9), ('s', 'c', 0) "
            "ON CONFLICT DO NOTHING"
        )
        again = session.execute("SELECT partition_key, token FROM platform.leases ORDER BY ALL")
        assert again == [("a", 5), ("b", 1), ("c", 0)]


@pytest.mark.parametrize("read_only", [False, True])
def test_a_warehouse_that_is_up_to_date_is_asked_once_a_session(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, read_only: bool
) -> None:
    with ledger_session(warehouse, purpose="a test"):
        pass
    asked: list[str] = []
    kind = session_class(warehouse)
    execute = kind.execute

    def counted(session: Session, sql: str, parameters: list[object] | tuple[object, ...] = ()) -> object:
        asked.append(sql)
        return execute(session, sql, parameters)

    monkeypatch.setattr(kind, "execute", counted)
    with warehouse.session(read_only=read_only):
        pass
    plain, asked[:] = len(asked), []
    with ledger_session(warehouse, purpose="a test", read_only=read_only):
        pass
    assert len(asked) - plain == 1
