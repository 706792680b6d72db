"""Statements and transactions on a PostgreSQL connection."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import psycopg2
from psycopg2.extensions import connection as Connection

from platform_assets.sql.dialects import Dialect
from platform_assets.sql.identifiers import quoted_path
from platform_assets.sql.literals import literal
from platform_assets.warehouse.errors import SessionMisused, WarehouseError
from platform_assets.warehouse.postgres.errors import translated
from platform_assets.warehouse.postgres.running import Runner, bound

Result = TypeVar("Result")


class Statements:
    """``wait_seconds`` bounds the wait for locks of others, ``where`` names the database in messages."""

    dialect = Dialect.POSTGRES

    def __init__(self, connection: Connection, where: str, *, wait_seconds: float) -> None:
        self.wait_seconds = wait_seconds
        self._connection: Connection | None = connection
        self._where = where
        self._pid = os.getpid()
        self._in_transaction = False
        self._runner = Runner(connection.cancel)

    @property
    def in_transaction(self) -> bool:
        return self._in_transaction

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self._executed(sql, parameters)[0]

    def _executed(self, sql: str, parameters: Sequence[object] = ()) -> tuple[list[tuple[Any, ...]], str]:
        text = bound(sql, parameters) if parameters else sql

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

    def quote(self, *parts: str) -> str:
        return quoted_path(*parts, dialect=self.dialect)

    def text(self, value: object) -> str:
        """``value`` as a literal."""
        return literal(value, self.dialect)

    def transaction(self) -> contextlib.AbstractContextManager[None]:
        return self._transaction("BEGIN")

    def snapshot(self) -> contextlib.AbstractContextManager[None]:
        return self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        if self._in_transaction:
            raise SessionMisused("a transaction is open already in this session, and transactions do not nest")
        self.execute(begin)
        self._in_transaction = True
        try:
            yield
            self._commit()
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._in_transaction = False

    def _commit(self) -> None:
        # after a statement that failed the server rolls back, and reports no error
        if self._executed("COMMIT")[1] != "COMMIT":
            raise WarehouseError(
                f"{self._where}: the transaction was rolled back, as one of its statements had failed. Nothing of it "
                f"was changed."
            )

    def _roll_back(self) -> None:
        # on a connection that is lost there is nothing left to roll back; the first error is the one to report
        with contextlib.suppress(WarehouseError):
            self.execute("ROLLBACK")

    def take_turn(self, name: str) -> None:
        if not self._in_transaction:
            raise SessionMisused("a turn lasts as long as a transaction, and there is none")
        self.execute("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", [f"platform_assets {name}"])

    def _usable(self) -> Connection:
        if self._connection is None:
            raise SessionMisused("this session is closed; open a new one")
        if self._pid != os.getpid():
            raise SessionMisused(
                f"this session was opened in process {self._pid} and carried over a fork into {os.getpid()}, where it "
                f"cannot be used; open a new one in the child"
            )
        return self._connection
