"""Statements and transactions on a connection to Snowflake."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from snowflake.connector import SnowflakeConnection, errors
from snowflake.connector.constants import QueryStatus

from platform_assets.logs import logger
from platform_assets.sql.dialects import Dialect
from platform_assets.warehouse.connected import Connected
from platform_assets.warehouse.errors import StatementFailed, WarehouseBusy
from platform_assets.warehouse.protocol import TURNS
from platform_assets.warehouse.running import Runner, bound
from platform_assets.warehouse.snowflake import ownership
from platform_assets.warehouse.snowflake.errors import translated

log = logger(__name__)

Result = TypeVar("Result")

SCHEMA = "PLATFORM_STAGING"
"""Of staging tables and turns. In upper case, its names are the same with quotes and without."""
_LOOK = re.compile(r"\s*\(*\s*(?:SELECT|WITH|SHOW|DESCRIBE|DESC|LIST|BEGIN|COMMIT|ROLLBACK)\b", re.IGNORECASE)


class Statements(Connected[SnowflakeConnection]):
    """``wait_seconds`` bounds the wait for locks of others, of which the server waits for a part at a time.

    ``where`` names the database in messages.

    ``beside`` opens another connection to the same database: what creates or drops something commits the transaction of
    its connection.
    """

    dialect = Dialect.SNOWFLAKE

    def __init__(
        self,
        connection: SnowflakeConnection,
        where: str,
        *,
        wait_seconds: float,
        read_only: bool,
        beside: Callable[[], contextlib.AbstractContextManager[Statements]],
    ) -> None:
        super().__init__(connection)
        self.wait_seconds = wait_seconds
        self._where, self._read_only, self._beside = where, read_only, beside
        self._runner = Runner(self._cancel)

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        text = bound(sql, parameters, self.dialect) if parameters else sql
        if self._read_only and _LOOK.match(text) is None:
            raise StatementFailed("this session only reads, and the statement writes")

        def call(connection: SnowflakeConnection) -> list[tuple[Any, ...]]:
            with connection.cursor() as cursor:
                cursor.execute(text)
                return [tuple(row) for row in cursor.fetchall()]

        deadline = time.monotonic() + self.wait_seconds
        while True:
            try:
                return self.called(call)
            except WarehouseBusy:
                # nothing of the statement was done, and its transaction goes on
                if not self._freed() and time.monotonic() >= deadline:
                    raise

    def records(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a statement, by the names of its columns."""

        def call(connection: SnowflakeConnection) -> list[dict[str, Any]]:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                names = [column.name for column in cursor.description]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

        return self.called(call)

    def submitted(self, sql: str) -> str:
        """Begin a statement and return the id of its query; it is not waited for."""

        def call(connection: SnowflakeConnection) -> str:
            with connection.cursor() as cursor:
                cursor.execute_async(sql)
                return str(cursor.sfqid)

        return self.called(call)

    def is_running(self, query: str) -> bool | None:
        """Whether a query of this user still runs, None if the server knows of none; raises why it has failed."""

        def call(connection: SnowflakeConnection) -> bool | None:
            status = connection.get_query_status_throw_if_error(query)
            return None if status is QueryStatus.NO_DATA else connection.is_still_running(status)

        return self.called(call)

    def abort(self, query: str) -> None:
        """End a query that was begun."""

        def call(connection: SnowflakeConnection) -> None:
            with connection.cursor() as cursor:
                cursor.abort_query(query)

        self.called(call)

    def called(self, call: Callable[[SnowflakeConnection], Result]) -> Result:
        """What ``call`` makes of the connection; its errors are the platform's. An interrupt cancels its statement."""
        connection = self._usable()
        try:
            return self._runner.run(lambda: call(connection))
        except errors.Error as error:
            raise translated(error, self._where) from None

    def transaction(self) -> contextlib.AbstractContextManager[None]:
        return self._block(f"BEGIN NAME {ownership.new_name()}")

    def take_turn(self, name: str) -> None:
        """Change the row of a table that is there for this turn: others that change it wait until the transaction ends.

        Each turn has a table of its own: a change locks more rows than its own.
        """
        self._within()
        statement = f'UPDATE {self._turn(name)} SET "TAKEN" = "TAKEN" + 1'
        try:
            self.execute(statement)
        except StatementFailed:
            with self._beside() as session:
                session.make_turns({name, *TURNS})
            self.execute(statement)

    def make_turns(self, names: Iterable[str]) -> None:
        """Make the tables of turns, each with its one row; nothing happens to those that are there."""
        self.execute(f"CREATE SCHEMA IF NOT EXISTS {self.quote(SCHEMA)}")
        for name in names:
            row = 'SELECT CAST(0 AS NUMBER(38,0)) AS "TAKEN"'
            self.execute(f"CREATE TABLE IF NOT EXISTS {self._turn(name)} AS {row}")

    def _turn(self, name: str) -> str:
        return self.quote(SCHEMA, f"TURN {name}")

    def lock_rows(self, name: str, column: str) -> None:
        """Keep all others from changing rows of a table until this transaction ends, by changing all of them."""
        self.execute(f"UPDATE {name} SET {column} = {column}")

    def _freed(self) -> bool:
        """Abort the transactions of dead processes of this machine, which the server would keep for hours; whether
        there were any."""
        with self._beside() as session:
            rows = session.records("SHOW TRANSACTIONS")
            dead = [(row["id"], row["name"]) for row in rows if ownership.is_dead(str(row["name"]))]
            for number, name in dead:
                session.execute(f"SELECT SYSTEM$ABORT_TRANSACTION({int(number)})")
                log.info("aborted transaction %s, which a dead process had left", name)
        return bool(dead)

    def _cancel(self) -> None:
        connection = self._connection
        if connection is None or connection.session_id is None:
            return
        with self._beside() as session:
            session.execute(f"SELECT SYSTEM$CANCEL_ALL_QUERIES({int(connection.session_id)})")
