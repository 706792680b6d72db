"""What PostgreSQL's errors become: a fault of the statement, of the role's rights or the server; no value of a row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from platform_assets.environment import InvalidEnvironment, without_password
from platform_assets.failures import Kind
from platform_assets.warehouse.errors import (
    ConnectionLost,
    IncompatibleTable,
    StatementFailed,
    StatementTimeout,
    WarehouseBusy,
    WarehouseError,
    WarehouseExhausted,
    WarehouseRefused,
    WarehouseUnreadable,
)
from platform_assets.warehouse.postgres.warehouse import PostgresWarehouse, open_postgres
from platform_assets.warehouse.protocol import ColumnDef, StagedFile, TableName
from tests.support.servers import free_port
from tests.warehouse.conformance import parquet

PERSONS = ["alice@example.org", "O'Brien, born alice 1980", 'x5"alice@example.org']
SECRET = "tr0ub4dor"


def opened(url: str, wait_seconds: float = 0.5) -> PostgresWarehouse:
    return open_postgres(url, wait_seconds=wait_seconds, memory_limit=None)


@pytest.fixture
def warehouse(postgres_database: str) -> PostgresWarehouse:
    return opened(postgres_database)


@pytest.fixture
def locked(postgres_database: str) -> Iterator[str]:
    """The URL of a role that has a password, and no rights, without it."""
    with closing(psycopg2.connect(postgres_database)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE ROLE locked LOGIN PASSWORD '{SECRET}'")
            cursor.execute("SHOW hba_file")
            file = Path(cursor.fetchone()[0])
            before = file.read_text()
            file.write_text(f"host all locked 127.0.0.1/32 scram-sha-256\n{before}")
            cursor.execute("SELECT pg_reload_conf()")
            yield postgres_database.replace("postgres@", "locked@")
            file.write_text(before)
            cursor.execute("SELECT pg_reload_conf()")
            cursor.execute("DROP OWNED BY locked CASCADE; DROP ROLE locked")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT CAST(who AS integer) FROM people",
        "SELECT CAST(who AS date) FROM people",
        "SELECT to_timestamp(who, 'YYYY') FROM people",
        "INSERT INTO unique_people SELECT who FROM people UNION ALL SELECT who FROM people",
        "INSERT INTO short_people SELECT who FROM people",
    ],
)
@pytest.mark.parametrize("person", PERSONS)
def test_no_value_of_a_row_is_in_the_error_of_a_statement(
    warehouse: PostgresWarehouse, statement: str, person: str
) -> None:
    with warehouse.session() as session:
        session.execute("CREATE SCHEMA s; SET search_path = s; CREATE TABLE people (who text)")
        session.execute("INSERT INTO people VALUES (?)", [person])
        session.execute("CREATE TABLE unique_people (who text PRIMARY KEY); CREATE TABLE short_people (who varchar(3))")
        with pytest.raises(StatementFailed) as failed:
            session.execute(statement)
    assert "alice" not in str(failed.value)
    assert "..." in str(failed.value) or len(str(failed.value)) > 20


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        ("'a' || chr(0)", "VARCHAR", "NUL character"),
        ("'{\"a\": 1'", "JSON", "column v"),
    ],
)
def test_a_value_that_postgres_cannot_hold_is_refused_with_its_column(
    warehouse: PostgresWarehouse, tmp_path: Path, value: str, kind: str, said: str
) -> None:
    file = parquet(tmp_path / "a.parquet", f"SELECT CAST({value} AS {kind if kind != 'JSON' else 'VARCHAR'}) AS v")
    with warehouse.session() as session, pytest.raises(StatementFailed, match=said) as failed:
        session.stage_parquet([StagedFile(file, "p")], [ColumnDef("v", kind)])
    assert "{" not in str(failed.value)


def test_a_wrong_password_is_the_kind_credentials_and_no_secret_is_told(
    locked: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with_password = locked.replace("locked@", "locked:{}@")
    for url in (locked, with_password.format("wr0ng")):
        with pytest.raises(WarehouseRefused) as refused, opened(url, 60).session():
            pass
        assert refused.value.failure.kind is Kind.CREDENTIALS
        assert "PGPASSWORD" in str(refused.value)
        assert "wr0ng" not in str(refused.value)
    assert SECRET not in repr(opened(with_password.format(SECRET)))
    with opened(with_password.format(SECRET)).session() as session:
        assert session.execute("SELECT current_user") == [("locked",)]
    monkeypatch.setenv("PLATFORM_WAREHOUSE", with_password.format(SECRET))
    with opened(locked).session() as session:
        assert session.execute("SELECT 1") == [(1,)]
    monkeypatch.delenv("PLATFORM_WAREHOUSE")
    file = tmp_path / "pgpass"
    file.write_text(f"127.0.0.1:*:*:locked:{SECRET}\n")
    file.chmod(0o600)
    for name, value in (("PGPASSFILE", str(file)), ("PGPASSWORD", SECRET)):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            with opened(locked).session() as session:
                assert session.execute("SELECT 1") == [(1,)]


def test_a_right_that_the_role_lacks_is_named(locked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", SECRET)
    with opened(locked).session() as session, pytest.raises(WarehouseRefused, match="permission denied"):
        session.ensure_table(TableName("raw", "t"), [ColumnDef("id", "BIGINT")])


@pytest.mark.parametrize(
    "location",
    [
        f"postgresql://me:{SECRET}/1@there:5432/db",
        f"postgresql://me@x:{SECRET}@there:5432/db",
        f"postgresql://me:{SECRET}@there:port/db",
        f"postgresql://me:{SECRET}@there/db?nonsense=1",
        f"postgresql://me:{SECRET}@there:5432",
    ],
)
def test_a_location_that_is_none_is_refused_and_not_repeated(location: str) -> None:
    with pytest.raises(InvalidEnvironment) as refused:
        opened(location)
    assert SECRET not in str(refused.value)


def test_a_server_that_is_not_there_and_a_database_that_is_not(postgres_database: str) -> None:
    nobody = opened(f"postgresql://postgres@127.0.0.1:{free_port()}/db")
    with pytest.raises(ConnectionLost, match="cannot be reached"), nobody.session():
        pass
    nowhere = opened(f"{postgres_database}_nowhere")
    with pytest.raises(WarehouseUnreadable, match="CREATE DATABASE"), nowhere.session(read_only=True):
        pass


def test_a_full_server_is_waited_for_up_to_a_limit(locked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", SECRET)
    owner = opened(locked.replace("locked@", "postgres@"))
    with owner.session() as session:
        session.execute("ALTER ROLE locked CONNECTION LIMIT 1")
    with opened(locked).session() as session:
        assert session.execute("SELECT 1") == [(1,)]
        other = opened(locked.replace("127.0.0.1", "localhost"))
        with pytest.raises(WarehouseBusy, match="too many connections"), other.session():
            pass


def test_a_connection_that_is_ended_is_no_fault_of_the_statement(warehouse: PostgresWarehouse) -> None:
    with pytest.raises(ConnectionLost) as lost, warehouse.session() as session, session.transaction():
        session.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert lost.value.failure.kind is Kind.INFRASTRUCTURE
    with warehouse.session() as session:
        assert session.execute("SELECT 1") == [(1,)]


def test_a_transaction_in_which_a_statement_failed_cannot_be_committed(warehouse: PostgresWarehouse) -> None:
    """The server rolls it back at its COMMIT, and reports no error."""
    with warehouse.session() as session:
        session.ensure_table(TableName("s", "t"), [ColumnDef("id", "BIGINT")])
        with pytest.raises(WarehouseError, match="rolled back"), session.transaction():  # noqa: PT012
            session.execute("INSERT INTO s.t VALUES (1)")
            with pytest.raises(StatementFailed):
                session.execute("SELECT * FROM nowhere")
        assert session.execute("SELECT * FROM s.t") == []


def test_limits_of_the_server_are_told_apart(warehouse: PostgresWarehouse) -> None:
    with warehouse.session() as session:
        session.execute("SET statement_timeout = '50ms'")
        with pytest.raises(StatementTimeout) as late:
            session.execute("SELECT pg_sleep(60)")
        assert late.value.failure.kind is Kind.TIMEOUT
        session.execute("SET statement_timeout = 0; SET work_mem = '64kB'; SET temp_file_limit = '64kB'")
        with pytest.raises(WarehouseExhausted):
            session.execute("SELECT i FROM generate_series(1, 100000) AS g(i) ORDER BY i DESC")


@pytest.mark.parametrize(
    ("text", "blamed"),
    [
        ('Database Error in model m (models/m.sql)\n  column "x" does not exist\n  LINE 3: select x', True),
        ('Database Error in model m\n  invalid input syntax for type integer: "x"', True),
        ("Database Error in model m\n  server closed the connection unexpectedly", False),
        ("Database Error in model m\n  could not extend file: No space left on device", False),
        ("Database Error in model m\n  deadlock detected\n  DETAIL:  Process 1 waits", False),
        ("Database Error in model m\n  permission denied for schema raw", False),
        ("Runtime Error\n  something of dbt's own", None),
    ],
)
def test_whose_fault_an_error_of_dbt_is(warehouse: PostgresWarehouse, text: str, blamed: bool | None) -> None:
    assert warehouse.blames_statement(text) is blamed


def test_a_view_on_a_column_is_named_as_what_hinders(warehouse: PostgresWarehouse) -> None:
    table = TableName("raw", "viewed")
    with warehouse.session() as session:
        session.ensure_table(table, [ColumnDef("n", "INTEGER")])
        session.execute('CREATE VIEW raw."report" AS SELECT "n" FROM raw."viewed"')
        with pytest.raises(IncompatibleTable, match="drop the view, run again"):
            session.ensure_table(table, [ColumnDef("n", "BIGINT")])
        with pytest.raises(IncompatibleTable, match="drop the view, run again"):
            session.execute("DROP TABLE raw.viewed")


def test_a_database_of_another_encoding_is_refused(postgres_database: str) -> None:
    with closing(psycopg2.connect(postgres_database)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
            try:
                with (
                    pytest.raises(WarehouseUnreadable, match="encoding SQL_ASCII"),
                    opened(f"{postgres_database.rpartition('/')[0]}/ascii").session(),
                ):
                    pass
            finally:
                cursor.execute("DROP DATABASE ascii WITH (FORCE)")


@pytest.mark.parametrize("password", ["pa[ss", "℀"])
def test_a_location_that_is_no_url_is_not_repeated(password: str) -> None:
    with pytest.raises(InvalidEnvironment) as refused:
        without_password(f"postgresql://me:{password}@host/db")
    assert password not in str(refused.value)
