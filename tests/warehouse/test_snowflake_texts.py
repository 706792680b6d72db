"""What is said to Snowflake where the emulator has no ears: settings of a session, tags, names, the swap of tables.

These tests read texts. No server is asked.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector

from platform_assets.environment import InvalidEnvironment
from platform_assets.machine import machine
from platform_assets.warehouse.errors import StatementFailed, WarehouseUnreadable
from platform_assets.warehouse.protocol import ColumnDef, StagedFile, TableName
from platform_assets.warehouse.snowflake import costs, lake_stage, ownership, tables
from platform_assets.warehouse.snowflake.connecting import connect, statement_timeout
from platform_assets.warehouse.snowflake.locating import located, named_stage, warehouse_for
from platform_assets.warehouse.snowflake.session import SnowflakeSession
from platform_assets.warehouse.snowflake.types import type_of, word_of
from platform_assets.warehouse.snowflake.warehouse import open_snowflake
from platform_assets.warehouse.work import working_on
from tests.warehouse.conformance import parquet

LOCATION = "snowflake://acme/DB?warehouse=SMALL&role=LOADER"


class Connection:
    """Keeps what is executed; knows no rows."""

    session_id = 42

    def __init__(self, **given: Any) -> None:
        self.given, self.said = given, []

    def cursor(self) -> Connection:
        return self

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None: ...

    def execute(self, sql: str) -> None:
        self.said.append(sql)

    def fetchall(self) -> list[tuple[object, ...]]:
        return []

    def close(self, retry: bool = True) -> None: ...


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Connection]:
    made: list[Connection] = []

    def opened(**given: Any) -> Connection:
        made.append(Connection(**given))
        return made[-1]

    monkeypatch.setattr(snowflake.connector, "connect", opened)
    monkeypatch.setenv("SNOWFLAKE_USER", "platform")
    monkeypatch.setenv("SNOWFLAKE_PASSWORD", "right")
    return made


def test_a_session_says_what_it_is_for_and_how_long_it_may_take(
    connections: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLATFORM_SNOWFLAKE_STATEMENT_TIMEOUT", "90")
    monkeypatch.setenv("PLATFORM_SNOWFLAKE_WAREHOUSES", "raw/big=LARGE, marts/*=MEDIUM")
    warehouse = open_snowflake(LOCATION, wait_seconds=600, memory_limit=None)
    with working_on("raw/big", ["a", "b"], "run1"), warehouse.session(purpose="publishing"):
        given = connections[0].given
    assert (given["account"], given["database"], given["role"], given["warehouse"]) == ("acme", "DB", "LOADER", "LARGE")
    session = given["session_parameters"]
    assert (session["STATEMENT_TIMEOUT_IN_SECONDS"], session["LOCK_TIMEOUT"], session["TIMEZONE"]) == (90, 5, "UTC")
    assert json.loads(session["QUERY_TAG"]) == {
        "app": "platform-assets", "purpose": "publishing", "asset": "raw/big", "partitions": ["a", "b"], "count": 2,
        "run": "run1",
    }  # fmt: skip
    assert given["network_timeout"] < 30
    with warehouse.session():
        assert connections[1].given["warehouse"] == "SMALL"


def test_a_tag_of_many_partitions_is_short(connections: list[Connection]) -> None:
    days = [f"2024-{number:04}" for number in range(8760)]
    with working_on("raw/hours", days, "run1"), open_snowflake(LOCATION, wait_seconds=1, memory_limit=None).session():
        tag = connections[0].given["session_parameters"]["QUERY_TAG"]
    assert json.loads(tag)["partitions"] == [days[0], "...", days[-1]]
    assert len(tag) < 500


def test_settings_that_are_mistakes_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidEnvironment, match="PLATFORM_SNOWFLAKE_WAREHOUSES: 'raw/a' is not of the form"):
        warehouse_for("raw/a", {"PLATFORM_SNOWFLAKE_WAREHOUSES": "raw/a"})
    monkeypatch.setenv("PLATFORM_SNOWFLAKE_STATEMENT_TIMEOUT", "long")
    with pytest.raises(InvalidEnvironment, match="STATEMENT_TIMEOUT is 'long'"):
        statement_timeout()


def test_a_key_is_read_from_text_or_file(connections: list[Connection], tmp_path, monkeypatch) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    locked = serialization.BestAvailableEncryption(b"pass")
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    (tmp_path / "key.p8").write_bytes(text)
    for secrets in (
        {"PRIVATE_KEY": text.decode().replace("\n", "\\n")},
        {"PRIVATE_KEY_PATH": str(tmp_path / "key.p8")},
    ):
        variables = {f"SNOWFLAKE_{name}": value for name, value in secrets.items()}
        variables |= {"SNOWFLAKE_USER": "me", "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": "pass"}
        connect(located(LOCATION, variables), query_tag="", wait_seconds=1)
        given = connections[-1].given
        assert given["private_key"].private_numbers() == key.private_numbers()
        assert (given["authenticator"], "password" in given) == ("SNOWFLAKE_JWT", False)


def session_on(connection: Connection) -> SnowflakeSession:
    @contextlib.contextmanager
    def beside() -> Iterator[SnowflakeSession]:
        yield session_on(connection)

    return SnowflakeSession(
        connection, "snowflake://acme/DB", wait_seconds=0, read_only=False, beside=beside, memory_limit=None
    )  # type: ignore[arg-type]


def test_a_table_takes_another_s_place_in_one_statement_beside_the_transaction() -> None:
    connection = Connection()
    session_on(connection).replace_table(TableName("raw", "a"), TableName("raw", "a__retyped"))
    assert connection.said == [
        'ALTER TABLE "raw"."a" SWAP WITH "raw"."a__retyped"',
        'DROP TABLE "raw"."a__retyped"',
    ]


def test_names_stand_in_quotes_as_they_are() -> None:
    connection = Connection()
    column = ColumnDef("Größe", "DECIMAL(10,2)", "it's \\ odd")
    tables.ensure_table(session_on(connection), TableName("raw", 'a "b"'), [column])
    assert connection.said[2] == (
        'CREATE TABLE IF NOT EXISTS "raw"."a ""b""" ("Größe" NUMBER(10,2) COMMENT \'it\\\'s \\\\ odd\')'
    )


def test_an_interrupt_cancels_what_its_session_runs() -> None:
    connection = Connection()
    session_on(connection)._cancel()
    assert connection.said == ["SELECT SYSTEM$CANCEL_ALL_QUERIES(42)"]


def test_costs_are_read_from_the_history_once() -> None:
    connection = Connection()
    done = costs.record(session_on(connection), dt.timedelta(days=30))
    assert done == {"queries added to platform.query_costs": 0, "queries forgotten": 0}
    begin, turn, insert, delete, end = connection.said[-5:]
    assert (begin.split()[0], turn.split()[0], end) == ("BEGIN", "UPDATE", "COMMIT")
    assert "WHEN 'Medium' THEN 4" in insert
    assert 'h.query_id NOT IN (SELECT "query" FROM "platform"."query_costs")' in insert
    assert delete.endswith("DATEADD(SECOND, -2592000, SYSDATE())")
    assert insert.count("TRY_PARSE_JSON(h.query_tag)") == 6


def test_the_lake_s_objects_are_copied_from_a_stage_over_it(
    connections: list[Connection], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PLATFORM_SNOWFLAKE_STAGE", "@ANALYTICS.PUBLIC.LAKE")
    paths = [parquet(tmp_path / f"{day}.parquet", "SELECT 1 AS id") for day in "ab"]
    files = [StagedFile(path, f"2024'{day}", f"f/2024{day}/i/p.parquet") for path, day in zip(paths, "ab", strict=True)]
    columns = [ColumnDef("id", "BIGINT")]
    with open_snowflake(LOCATION, wait_seconds=1, memory_limit=None).session() as session:
        relation = session.stage_parquet(files, columns)
        with pytest.raises(StatementFailed, match="column id is INTEGER in the Parquet files"):
            session.stage_parquet(files, [ColumnDef("id", "VARCHAR")])
    said = connections[0].said
    assert not any(text.startswith("PUT") for text in said)
    (copy,) = (text for text in said if text.startswith("COPY"))
    assert " FROM @ANALYTICS.PUBLIC.LAKE/ FILES = ('f/2024a/i/p.parquet', 'f/2024b/i/p.parquet') " in copy
    assert "INCLUDE_METADATA = (_OBJECT = METADATA$FILENAME)" in copy
    (inserted,) = (text for text in said if text.startswith("INSERT"))
    assert inserted.endswith(r"('f/2024a/i/p.parquet', '2024\'a'), ('f/2024b/i/p.parquet', '2024\'b')")
    assert relation.startswith('(SELECT r."id", p."_partition" FROM "PLATFORM_STAGING"."PLATFORM_')
    assert relation.endswith("""ON p."_OBJECT" = REGEXP_SUBSTR(r."_OBJECT", '([^/]+/){3}[^/]+$'))""")
    assert len([text for text in said if text.startswith("DROP")]) == 3


def test_a_load_of_more_objects_than_a_copy_may_name_is_many(connections: list[Connection]) -> None:
    files = [StagedFile("", "p", f"f/p/i/{number}") for number in range(lake_stage.AT_ONCE + 1)]
    texts = lake_stage.copies(session_on(Connection()), '"t"', "S", files, "TYPE = PARQUET")
    assert [text.count("f/p/i/") for text in texts] == [lake_stage.AT_ONCE, 1]


def test_a_stage_over_something_else_is_no_fault_of_the_files() -> None:
    wrong = lake_stage.explained(StatementFailed("Remote file 'f' was not found"), "A.B.LAKE")
    assert isinstance(wrong, WarehouseUnreadable)
    assert "PLATFORM_SNOWFLAKE_STAGE has to name a stage over the root of the lake" in str(wrong)
    damaged = StatementFailed("Invalid: Parquet magic bytes")
    assert lake_stage.explained(damaged, "A.B.LAKE") is damaged
    with pytest.raises(InvalidEnvironment, match="PLATFORM_SNOWFLAKE_STAGE is 'LAKE; DROP'"):
        named_stage({"PLATFORM_SNOWFLAKE_STAGE": "LAKE; DROP"})


def test_types_there_and_back() -> None:
    for word in ("VARCHAR", "BIGINT", "INTEGER", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"):
        assert word_of(type_of(word)) == word
    assert (type_of("JSON"), type_of("DECIMAL(12,3)"), word_of("NUMBER(12,3)")) == ("VARCHAR", "NUMBER(12,3)",
                                                                                   "DECIMAL(12,3)")  # fmt: skip
    assert [word_of(name) for name in ("VARCHAR(16777216)", "TEXT", "TIMESTAMP_NTZ(9)", "TIMESTAMP_TZ", "VARIANT")] == [
        "VARCHAR", "VARCHAR", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "VARIANT",
    ]  # fmt: skip


def test_a_name_tells_whether_its_process_is_gone() -> None:
    name = ownership.new_name()
    assert machine() not in name
    assert not ownership.is_dead(name)
    assert ownership.is_dead(name.replace(f"_{name.split('_')[2]}_", "_4194305_"))
    assert not ownership.is_dead("PLATFORM_000000000000_1_1_00000000_00000000"), "of another machine"
    assert not ownership.is_dead("SOMETHING")
    assert not ownership.is_abandoned(name)
    assert ownership.is_abandoned("PLATFORM_000000000000_1_1_00000000_00000000"), "after a day, on whatever machine"
