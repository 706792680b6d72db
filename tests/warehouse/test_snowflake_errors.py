"""What Snowflake's errors become: a fault of the statement, of the user, or of the service; no secret, and how long.

On the emulator; what it has no errors for is read from texts that Snowflake gives.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from snowflake.connector import errors

from platform_assets.environment import InvalidEnvironment
from platform_assets.failures import Kind
from platform_assets.warehouse.errors import (
    ConnectionLost,
    StatementFailed,
    StatementTimeout,
    WarehouseBusy,
    WarehouseError,
    WarehouseRefused,
    WarehouseUnreadable,
)
from platform_assets.warehouse.protocol import ColumnDef, StagedFile, TableName
from platform_assets.warehouse.snowflake import connecting
from platform_assets.warehouse.snowflake.errors import blames_statement, translated, unreachable
from platform_assets.warehouse.snowflake.locating import located
from platform_assets.warehouse.snowflake.warehouse import SnowflakeWarehouse, open_snowflake
from tests.support.emulator import Emulator, emulator
from tests.support.servers import free_port
from tests.warehouse.conformance import parquet

SECRET = "tr0ub4dor"
USER = {"SNOWFLAKE_USER": "platform", "SNOWFLAKE_PASSWORD": SECRET}
PERSON = "alice@example.org"


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails is tried again for seconds."""
    monkeypatch.setattr(connecting, "LOGIN_SECONDS", 3)
    monkeypatch.setattr(connecting, "NETWORK_SECONDS", 2)


@pytest.fixture
def warehouse(snowflake_database: str) -> SnowflakeWarehouse:
    return open_snowflake(snowflake_database, wait_seconds=0.5, memory_limit=None)


def test_a_wrong_password_is_tried_once_and_shown_nowhere(
    snowflake_server: Emulator,
    snowflake_database: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("SNOWFLAKE_PASSWORD", SECRET)
    before = snowflake_server.logins()
    warehouse = open_snowflake(snowflake_database, wait_seconds=60, memory_limit=None)
    with pytest.raises(WarehouseRefused, match="SNOWFLAKE_USER") as refused, warehouse.session():
        pass
    assert refused.value.kind is Kind.CREDENTIALS
    assert snowflake_server.logins()[len(before) :] == ["refused"]
    assert SECRET not in str(refused.value) + repr(warehouse) + caplog.text


@pytest.mark.usefixtures("_soon")
def test_a_server_that_is_not_there_is_the_infrastructure_s_fault(snowflake_database: str) -> None:
    location = re.sub(r"port=\d+", f"port={free_port()}", snowflake_database)
    started = time.monotonic()
    warehouse = open_snowflake(location, wait_seconds=60, memory_limit=None)
    with pytest.raises(ConnectionLost, match="cannot be reached") as lost, warehouse.session():
        pass
    assert lost.value.kind is Kind.INFRASTRUCTURE
    assert time.monotonic() - started < 60


def test_a_statement_that_fails_has_the_id_of_its_query_and_no_value(warehouse: SnowflakeWarehouse) -> None:
    with warehouse.session() as session:
        for statement, said in (
            ('SELECT * FROM "raw"."nowhere"', "nowhere"),
            ("SELEC 1", "SELEC"),
            (f"SELECT CAST('{PERSON}' AS INTEGER)", "100035"),
        ):
            with pytest.raises(StatementFailed, match=said) as failed:
                session.execute(statement)
            assert "(query " in str(failed.value)
            assert PERSON not in str(failed.value)


@pytest.mark.slow
def test_a_statement_that_the_server_has_no_answer_to_returns_soon(warehouse: SnowflakeWarehouse) -> None:
    with warehouse.session() as session:
        started = time.monotonic()
        with pytest.raises(ConnectionLost, match="no query id was given"):
            session.execute("SELECT HASH(column1) FROM (VALUES ('b'), ('f'))")  # unsigned numbers break the emulator
        assert time.monotonic() - started < 30
        assert session.execute("SELECT 1") == [(1,)]


@pytest.mark.slow
@pytest.mark.usefixtures("_soon")
def test_a_server_that_dies_in_the_middle_of_a_load_is_the_infrastructure_s_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNOWFLAKE_USER", "platform")
    monkeypatch.setenv("SNOWFLAKE_PASSWORD", "right")
    file = parquet(tmp_path / "a.parquet", "SELECT CAST(1 AS BIGINT) AS id")
    with emulator() as server:
        warehouse = open_snowflake(server.location(), wait_seconds=5, memory_limit=None)
        with pytest.raises(ConnectionLost) as lost, warehouse.session() as session:  # noqa: PT012
            session.ensure_table(TableName("raw", "t"), [ColumnDef("id", "BIGINT")])
            with session.transaction():
                session.execute('INSERT INTO "raw"."t" VALUES (1)')
                server.kill()
                session.execute('INSERT INTO "raw"."t" VALUES (2)')
        assert lost.value.kind is Kind.INFRASTRUCTURE
        server.start()
        with warehouse.session() as session:
            staged = session.stage_parquet([StagedFile(file, "p")], [ColumnDef("id", "BIGINT")])
            assert session.execute(f"SELECT * FROM {staged}") == [(1, "p")]


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (errors.ProgrammingError("Numeric value 'alice@example.org' is not recognized", errno=100038, sqlstate="22018"),
         StatementFailed, "is not recognized"),
        (errors.ProgrammingError("SQL compilation error:\nObject 'X' does not exist", errno=2003, sqlstate="42S02"),
         StatementFailed, "Object 'X'"),
        (errors.ProgrammingError("Insufficient privileges to operate on schema 'RAW'", errno=3001, sqlstate="42501"),
         WarehouseRefused, "Grant the role"),
        (errors.ProgrammingError("Statement reached its statement or warehouse timeout of 2 second(s)", errno=630,
                                 sqlstate="57014"), StatementTimeout, "timeout of 2"),
        (errors.ProgrammingError("SQL execution canceled", errno=604, sqlstate="57014"), WarehouseError, "canceled"),
        (errors.ProgrammingError("Statement has locked table", errno=625, sqlstate="57014"), WarehouseBusy, "others"),
        (errors.ProgrammingError("No active warehouse selected in the current session", errno=606, sqlstate="57P03"),
         WarehouseUnreadable, "give the role its use"),
        (errors.ProgrammingError("Deadlock detected", errno=1208, sqlstate="40P01"), ConnectionLost, "run again"),
        (errors.InternalServerError(msg="HTTP 500: Internal Server Error", errno=290500), ConnectionLost, "HTTP 500"),
        (errors.OperationalError("Failed to upload data", errno=253003), ConnectionLost, "upload"),
    ],
)  # fmt: skip
def test_errors_that_snowflake_gives(error: errors.Error, kind: type[WarehouseError], said: str) -> None:
    error.sfqid = "01b2-query"
    found = translated(error, "snowflake://a/D")
    assert type(found) is kind
    assert said in str(found)
    assert "(query 01b2-query)" in str(found)
    assert PERSON not in str(found)


def test_a_login_that_snowflake_refuses() -> None:
    for text in (
        "JWT token is invalid. [e1a2]",
        "User temporarily locked. Try again later, or contact your local system administrator.",
        "Role 'LOADER' specified in the connect string does not exist or not authorized.",
        "IP 10.1.2.3 is not allowed to access Snowflake. Contact your local security administrator.",
    ):
        assert type(unreachable(errors.DatabaseError(text, errno=250001), "snowflake://a/D")) is WarehouseRefused


def test_what_dbt_passes_on_is_blamed_on_statement_or_service() -> None:
    assert blames_statement("Database Error in model a\n  000904 (42000): SQL compilation error: invalid identifier")
    assert blames_statement("000625 (57014): Statement has locked table 'A' in transaction") is False
    assert blames_statement("250001 (08001): Failed to connect to DB: a.snowflakecomputing.com:443") is False
    assert blames_statement("Compilation Error in model a") is None


@pytest.mark.parametrize(
    ("location", "variables", "said"),
    [
        ("snowflake://acme/DB", {}, "warehouse .*SNOWFLAKE_WAREHOUSE.*user .*SNOWFLAKE_USER.*key"),
        ("snowflake://", USER, "account .*database .*warehouse"),
        (f"snowflake://me:{SECRET}@acme/DB?warehouse=W", USER, "SNOWFLAKE_USER"),
        (f"snowflake://acme/DB?warehouse=W&password={SECRET}", USER, "has password, which is not known"),
        ("snowflake://acme/DB?warehouse", USER, "write snowflake://"),
    ],
)
def test_a_location_that_lacks_something(location: str, variables: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidEnvironment, match=said) as refused:
        located(location, variables)
    assert SECRET not in str(refused.value)


def test_what_a_location_leaves_out_is_taken_from_the_environment() -> None:
    variables = {**USER, "SNOWFLAKE_DATABASE": "DB", "SNOWFLAKE_WAREHOUSE": "W", "SNOWFLAKE_ROLE": "R"}
    found = located("snowflake://acme", variables)
    assert found.shown == "snowflake://acme/DB?warehouse=W&role=R"
    assert found.variables() == {**variables, "SNOWFLAKE_ACCOUNT": "acme"}
    assert SECRET not in repr(found)
    key = located("snowflake://acme", {**variables, "SNOWFLAKE_PRIVATE_KEY_PATH": "/k", "SNOWFLAKE_PASSWORD": ""})
    assert key.secrets == {"PRIVATE_KEY_PATH": "/k"}


def test_a_key_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNOWFLAKE_USER", "platform")
    for variable, value in (("PRIVATE_KEY", SECRET), ("PRIVATE_KEY_PATH", str(tmp_path / "nowhere"))):
        with monkeypatch.context() as patch:
            patch.setenv(f"SNOWFLAKE_{variable}", value)
            warehouse = open_snowflake("snowflake://acme/DB?warehouse=W", wait_seconds=1, memory_limit=None)
            said = f"SNOWFLAKE_{variable} has no private key"
            with pytest.raises(InvalidEnvironment, match=said) as refused, warehouse.session():
                pass
            assert SECRET not in str(refused.value)
