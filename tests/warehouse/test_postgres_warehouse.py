"""PostgreSQL under the conformance suite, and what its sessions do when they are interrupted, killed or carried over a
fork."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest

from platform_assets.warehouse.errors import SessionMisused
from platform_assets.warehouse.postgres.warehouse import PostgresWarehouse, open_postgres
from platform_assets.warehouse.protocol import ColumnDef, StagedFile, TableName
from tests.support.forks import refused_in_a_child
from tests.support.servers import wait_for
from tests.warehouse.conformance import WarehouseConformance, parquet
from tests.warehouse.conformance_concurrent import ConcurrentConformance, meanwhile

T = TableName("raw", "t")
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE ? AND state = 'active' AND pid <> pg_backend_pid()"
STAGED = "SELECT count(*) FROM pg_tables WHERE schemaname = 'platform_staging'"


@pytest.fixture
def warehouse(postgres_database: str) -> PostgresWarehouse:
    return open_postgres(postgres_database, wait_seconds=0.6, memory_limit=None)


class TestPostgres(WarehouseConformance, ConcurrentConformance):
    pass


def number(warehouse: PostgresWarehouse, query: str, *parameters: object) -> int:
    with warehouse.session(read_only=True) as session:
        return int(session.execute(query, list(parameters))[0][0])


class Interrupted(Exception):
    """What the handler of a signal raises."""


def interrupt_when_running(warehouse: PostgresWarehouse, like: str) -> threading.Thread:
    def interrupt() -> None:
        wait_for("the statement", lambda: number(warehouse, WAITING, like) > 0)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    thread = threading.Thread(target=interrupt)
    thread.start()
    return thread


@pytest.fixture
def _raising() -> object:
    def raising(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, raising)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.usefixtures("_raising")
def test_an_interrupt_ends_a_statement_on_the_server(warehouse: PostgresWarehouse) -> None:
    with warehouse.session() as session:
        session.ensure_table(T, [ColumnDef("id", "BIGINT")])
        interrupting = interrupt_when_running(warehouse, "%pg_sleep(600)%")
        with pytest.raises(Interrupted), session.transaction():  # noqa: PT012
            session.execute("INSERT INTO raw.t VALUES (1)")
            session.execute("SELECT pg_sleep(600)")
        interrupting.join()
        assert session.execute("SELECT * FROM raw.t") == []
    assert number(warehouse, WAITING, "%pg_sleep(600)%") == 0


@pytest.mark.slow
@pytest.mark.usefixtures("_raising")
@pytest.mark.parametrize("copies", [1, 2])
def test_an_interrupt_ends_a_copy_and_leaves_nothing(warehouse: PostgresWarehouse, tmp_path: Path, copies: int) -> None:
    file = parquet(tmp_path / "a.parquet", "SELECT i AS id, md5(CAST(i AS VARCHAR)) AS v FROM range(2000000) AS r(i)")
    columns = [ColumnDef("id", "BIGINT"), ColumnDef("v", "VARCHAR")]
    with warehouse.session() as session:
        interrupting = interrupt_when_running(warehouse, "COPY %")
        with pytest.raises(Interrupted):
            session.stage_parquet([StagedFile(file, "p")] * copies, columns)
        interrupting.join()
        assert session.execute(STAGED) == [(0,)]
        assert session.execute("SELECT 1") == [(1,)]


def test_values_arrive_as_they_are(warehouse: PostgresWarehouse, tmp_path: Path) -> None:
    odd = [
        "",
        "plain",
        "it's",
        "back\\slash",
        "\\.",
        "\\N",
        "a\n\\.\nb",
        "\r\n",
        "ünï ☃",
        '"',
        ",",
        "NULL",
        " a ",
        None,
    ]
    columns = [
        ColumnDef("text", "VARCHAR"),
        ColumnDef("number", "DOUBLE"),
        ColumnDef("exact", "DECIMAL(38,10)"),
        ColumnDef("at", "TIMESTAMP"),
        ColumnDef("zoned", "TIMESTAMP WITH TIME ZONE"),
        ColumnDef("day", "DATE"),
        ColumnDef("yes", "BOOLEAN"),
        ColumnDef("doc", "JSON"),
        ColumnDef("id", "BIGINT"),
    ]
    exact = Decimal("1234567890123456789012345678.0123456789")
    listed = ", ".join("(NULL)" if text is None else "('{}')".format(text.replace("'", "''")) for text in odd)
    document = '{"b": 1, "a":  [1.50, "x\\"y"], "a": null}'
    file = parquet(
        tmp_path / "a.parquet",
        f"SELECT text, 0.1 + 0.2e0 AS number, CAST('{exact}' AS DECIMAL(38,10)) AS exact, "
        "TIMESTAMP '2024-02-29 23:59:59.123456' AS at, TIMESTAMPTZ '2024-07-01 00:00:00.5+02' AS zoned, "
        f"DATE '9999-12-31' AS day, true AS yes, '{document}' AS doc, CAST(9223372036854775807 AS BIGINT) AS id "
        f"FROM (VALUES {listed}) AS t(text)",
    )
    numbers = parquet(tmp_path / "b.parquet", "SELECT unnest([CAST('nan' AS DOUBLE), 'inf', '-inf', 5e-324]) AS number")
    with warehouse.session() as session:
        relation = session.stage_parquet([StagedFile(file, "p")], columns)
        rows = session.execute(f"SELECT * FROM {relation}")
        assert sorted((row[0] for row in rows), key=str) == sorted(odd, key=str)
        found = {row[1:7] for row in rows}
        zoned = dt.datetime(2024, 6, 30, 22, 0, 0, 500_000, tzinfo=dt.UTC)
        at = dt.datetime(2024, 2, 29, 23, 59, 59, 123_456)  # noqa: DTZ001
        assert found == {(0.1 + 0.2, exact, at, zoned, dt.date(9999, 12, 31), True)}
        assert session.execute(f"SELECT DISTINCT CAST(doc AS text), id FROM {relation}") == [(document, 2**63 - 1)]
        relation = session.stage_parquet([StagedFile(numbers, "p")], columns[1:2])
        assert session.execute(f"SELECT CAST(number AS text) FROM {relation} ORDER BY number") == [
            ("-Infinity",), ("5e-324",), ("Infinity",), ("NaN",)
        ]  # fmt: skip


def test_times_before_christ_arrive_as_they_are(warehouse: PostgresWarehouse, tmp_path: Path) -> None:
    before = "DATE '0001-01-01' - 500"
    file = parquet(tmp_path / "a.parquet", f"SELECT {before} AS day, CAST({before} AS TIMESTAMP) AS at")
    columns = [ColumnDef("day", "DATE"), ColumnDef("at", "TIMESTAMP")]
    with warehouse.session() as session:
        relation = session.stage_parquet([StagedFile(file, "p")], columns)
        found = session.execute(f"SELECT CAST(day AS text), CAST(at AS text) FROM {relation}")
    assert found == [("0002-08-20 BC", "0002-08-20 00:00:00 BC")]


def test_nothing_is_staged_inside_a_transaction(warehouse: PostgresWarehouse) -> None:
    with warehouse.session() as session, session.transaction():
        for stage in (lambda: session.stage_query("SELECT 1"), lambda: session.stage_parquet([], [])):
            with pytest.raises(SessionMisused, match="inside a transaction"):
                stage()


CHILD = """
import sys
from platform_assets.warehouse.postgres.warehouse import open_postgres
with open_postgres(sys.argv[1], wait_seconds=60, memory_limit=None).session(purpose="to be killed") as session:
    session.stage_query("SELECT 1 AS a")
    session.execute("BEGIN")
    session.execute("INSERT INTO raw.t VALUES (1)")
    print("ready", flush=True)
    session.execute("SELECT pg_sleep(600)")
"""


@pytest.mark.slow
def test_what_a_killed_process_left_is_rolled_back_and_swept(
    warehouse: PostgresWarehouse, postgres_database: str
) -> None:
    with warehouse.session() as session:
        session.ensure_table(T, [ColumnDef("id", "BIGINT")])
    process = subprocess.Popen([sys.executable, "-c", CHILD, postgres_database], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    with warehouse.session() as session:
        session.stage_query("SELECT 1 AS b")
        assert session.execute(STAGED) == [(2,)], "that of a living session is left alone"
    process.kill()
    process.wait()
    # the server looks after its client once a second
    wait_for("the end of its session", lambda: number(warehouse, WAITING, "%pg_sleep(600)%") == 0)
    with warehouse.session() as session:
        session.stage_query("SELECT 1 AS c")
        assert session.execute(STAGED) == [(1,)]
        assert session.execute("SELECT * FROM raw.t") == []
    assert number(warehouse, STAGED) == 0


def test_a_session_carried_over_a_fork_is_refused_and_harmless(warehouse: PostgresWarehouse) -> None:
    with warehouse.session() as session:
        assert refused_in_a_child(session, "SELECT 1")
        assert session.execute("SELECT 1") == [(1,)]


def test_readers_go_on_while_a_column_waits_to_be_added(warehouse: PostgresWarehouse) -> None:
    """A change of a table waits for those that read it, and those that come meanwhile wait half a second at most."""
    wider = [ColumnDef("id", "BIGINT"), ColumnDef("more", "VARCHAR")]

    def add() -> None:
        with warehouse.session(wait_seconds=60) as session:
            session.ensure_table(T, wider)

    with warehouse.session() as session, ThreadPoolExecutor(1) as another:
        session.ensure_table(T, wider[:1])
        with session.transaction():
            session.execute("SELECT * FROM raw.t")
            adding = another.submit(add)
            wait_for("the change", lambda: meanwhile(lambda: number(warehouse, WAITING, "ALTER TABLE%")) > 0)
            for _ in range(3):
                meanwhile(lambda: number(open_like(warehouse, 30), "SELECT count(*) FROM raw.t"))
            assert not adding.done()
        adding.result(60)
        assert session.columns(T) == tuple(wider)


def open_like(warehouse: PostgresWarehouse, wait_seconds: float) -> PostgresWarehouse:
    return PostgresWarehouse(warehouse.at, wait_seconds)
