"""Long loads on Snowflake: saved before they are waited for, taken over from the dead, ended when they are cancelled.

The emulator ends each query before it answers; a query that still runs is a stand-in here.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from platform_assets.warehouse.errors import StatementFailed, WarehouseError
from platform_assets.warehouse.protocol import ColumnDef, StagedFile
from platform_assets.warehouse.snowflake import loads
from platform_assets.warehouse.snowflake.statements import Statements
from platform_assets.warehouse.snowflake.warehouse import SnowflakeWarehouse, open_snowflake
from tests.warehouse.conformance import parquet

COLUMNS = [ColumnDef("id", "BIGINT")]
STAGED = "SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'PLATFORM%'"
KILLED = """
import sys
from platform_assets.failpoints import arm_from_environment
from platform_assets.warehouse.protocol import ColumnDef, StagedFile
from platform_assets.warehouse.snowflake import loads
from platform_assets.warehouse.snowflake.warehouse import open_snowflake
arm_from_environment()
loads.LONG = 0
with open_snowflake(sys.argv[1], wait_seconds=60, memory_limit=None).session() as session:
    session.stage_parquet([StagedFile(sys.argv[2], "p")], [ColumnDef("id", "BIGINT")])
"""


@pytest.fixture
def warehouse(snowflake_database: str, monkeypatch: pytest.MonkeyPatch) -> SnowflakeWarehouse:
    monkeypatch.setattr(loads, "LONG", 0)
    return open_snowflake(snowflake_database, wait_seconds=1, memory_limit=None)


def test_a_load_that_a_killed_process_began_is_taken_over(
    warehouse: SnowflakeWarehouse, snowflake_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = parquet(tmp_path / "a.parquet", "SELECT CAST(7 AS BIGINT) AS id")
    monkeypatch.setenv("PLATFORM_FAILPOINTS", "snowflake.load_saved=kill")
    subprocess.run([sys.executable, "-c", KILLED, snowflake_database, file], check=False)
    with warehouse.session() as session:
        (left,) = session.execute(STAGED)[0]
        session.stage_query("SELECT 1 AS a")
        assert (left,) in session.execute(STAGED), "what may be taken over is not swept"
        submitted: list[str] = []
        monkeypatch.setattr(Statements, "submitted", lambda _, sql: submitted.append(sql))
        staged = session.stage_parquet([StagedFile(file, "p")], COLUMNS)
        assert session.execute(f"SELECT * FROM {staged}") == [(7, "p")]
        assert submitted == []
        assert (left,) not in session.execute(STAGED)
    with warehouse.session() as session:
        assert session.execute(STAGED) == []
        assert session.execute('SELECT * FROM "PLATFORM_STAGING"."LOADS"') == []


def test_a_load_that_failed_is_made_anew(warehouse: SnowflakeWarehouse, tmp_path: Path) -> None:
    file = parquet(tmp_path / "a.parquet", "SELECT CAST(7 AS BIGINT) AS id")
    key = loads.key_of([StagedFile(file, "p")], COLUMNS)
    with warehouse.session() as session:
        session.stage_query("SELECT 1 AS a")
        assert not loads.taken_over(session, key, "PLATFORM_X")
        session.execute(
            'INSERT INTO "PLATFORM_STAGING"."LOADS" SELECT ?, ?, ?, SYSDATE()',
            [key, "01234567-89ab-cdef-0123-456789abcdef", "PLATFORM_GONE"],
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loads, "UNKNOWN_SECONDS", 0.0)
            staged = session.stage_parquet([StagedFile(file, "p")], COLUMNS)
        assert session.execute(f"SELECT * FROM {staged}") == [(7, "p")]


class Running:
    """A session whose query has these states; what is ended is in ``aborted``."""

    def __init__(self, *states: bool | BaseException | None) -> None:
        self.states, self.aborted, self.said = list(states), [], []

    def is_running(self, query: str) -> bool | None:
        state = self.states.pop(0)
        if isinstance(state, BaseException):
            raise state
        return state

    def abort(self, query: str) -> None:
        self.aborted.append(query)

    def submitted(self, sql: str) -> str:
        self.said.append(sql)
        return "q1"

    def execute(self, sql: str, parameters: object = ()) -> list[tuple[object, ...]]:
        self.said.append(sql)
        return []

    def quote(self, *parts: str) -> str:
        return ".".join(f'"{part}"' for part in parts)


@pytest.fixture
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loads, "FIRST_LOOK", 0.0)


@pytest.mark.usefixtures("_quickly")
def test_a_query_is_saved_and_then_waited_for() -> None:
    session = Running(None, True, True, False)
    loads.load(session, "k", "T", "COPY")  # type: ignore[arg-type]
    assert [said.partition(" ")[0] for said in session.said] == ["COPY", "INSERT"]
    assert (session.states, session.aborted) == ([], [])


@pytest.mark.usefixtures("_quickly")
def test_a_cancelled_load_ends_its_query_and_one_that_failed_does_not() -> None:
    cancelled = Running(True, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        loads.load(cancelled, "k", "T", "COPY")  # type: ignore[arg-type]
    assert cancelled.aborted == ["q1"]
    failed = Running(True, StatementFailed("a value"))
    with pytest.raises(StatementFailed):
        loads.load(failed, "k", "T", "COPY")  # type: ignore[arg-type]
    assert failed.aborted == []


@pytest.mark.usefixtures("_quickly")
def test_a_query_that_nobody_knows_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loads, "UNKNOWN_SECONDS", 0.0)
    with pytest.raises(WarehouseError, match="knows nothing of query q1"):
        loads.load(Running(None), "k", "T", "COPY")  # type: ignore[arg-type]
