"""Statements and transactions on a PostgreSQL connection."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import psycopg2
from psycopg2.extensions import connection as Connection

from platform_assets.sql.dialects import Dialect
from platform_assets.warehouse.connected import Connected
from platform_assets.warehouse.errors import WarehouseError
from platform_assets.warehouse.postgres.errors import translated
from platform_assets.warehouse.running import Runner, bound

Result = TypeVar("Result")


class Statements(Connected[Connection]):
    """``wait_seconds`` bounds the wait for locks of others, ``where`` names the database in messages."""

    dialect = Dialect.POSTGRES

    def __init__(self, connection: Connection, where: str, *, wait_seconds: float) -> None:
        super().__init__(connection)
        self.wait_seconds = wait_seconds
        self._where = where
        self._runner = Runner(connection.cancel)

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self._executed(sql, parameters)[0]

    def _executed(self, sql: str, parameters: Sequence[object] = ()) -> tuple[list[tuple[Any, ...]], str]:
        text = bound(sql, parameters, self.dialect) if parameters else sql

        def call(connection: Connection) -> tuple[list[tuple[Any, ...]], str]:
            with connection.cursor() as cursor:
                cursor.execute(text)
                return (cursor.fetchall() if cursor.description is not None else []), str(cursor.statusmessage)

        return self.called(call)

    def called(self, call: Callable[[Connection], Result], end: Callable[[], object] | None = None) -> Result:
        """What ``call`` makes of the connection; its errors are the platform's.

        An interrupt cancels its statement, and calls ``end`` for what else it does.
        """
        connection = self._usable()
        try:
            return self._runner.run(lambda: call(connection), end)
        except psycopg2.Error as error:
            raise translated(error, self._where) from None

    def cancel(self) -> None:
        """End the statement that is under way, from another thread."""
        self._usable().cancel()

    def transaction(self) -> contextlib.AbstractContextManager[None]:
        return self._block("BEGIN")

    def snapshot(self) -> contextlib.AbstractContextManager[None]:
        return self._block("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def _commit(self) -> None:
        # after a statement that failed the server rolls back, and reports no error
        if self._executed("COMMIT")[1] != "COMMIT":
            raise WarehouseError(
                f"{self._where}: the transaction was rolled back, as one of its statements had failed. Nothing of it "
                f"was changed."
            )

    def take_turn(self, name: str) -> None:
        self._within()
        self.execute("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", [f"platform_assets {name}"])
