"""Parquet files into a table of PostgreSQL: DuckDB reads them and writes CSV into a pipe, COPY reads it from there.

Memory is bounded by DuckDB's limit and the pipe. An error at one end ends the other, and nothing was copied.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Sequence

import duckdb
from psycopg2.extensions import connection as Connection

from platform_assets.cancellation import Cancelled, repeatedly
from platform_assets.logs import in_this_context
from platform_assets.warehouse.duckdb.in_memory import reading_session
from platform_assets.warehouse.duckdb.session import DuckDBSession
from platform_assets.warehouse.duckdb.staging import create_from_parquet, rows_by_partition
from platform_assets.warehouse.errors import StorageFault, WarehouseError
from platform_assets.warehouse.postgres.statements import Statements
from platform_assets.warehouse.postgres.types import type_of, word_of
from platform_assets.warehouse.protocol import PARTITION, ColumnDef, StagedFile

_AT_ONCE = 1 << 18
"""Bytes that are sent to the server at a time."""
_PIPE = 1 << 20


def copied(
    session: Statements,
    table: str,
    files: Sequence[StagedFile],
    columns: Sequence[ColumnDef],
    memory_limit: str | None,
    *,
    frozen: bool = True,
    counted: bool = False,
) -> dict[str, int]:
    """Copy the rows of ``files`` into ``table``; ``frozen`` for one that was made in the same transaction.

    Returns how many each partition has, if they are to be ``counted``: where DuckDB reads them that takes a third of
    the time that it takes on the server.

    Raises ``StatementFailed`` for a file that cannot be read, whose types do not fit, or with a value that PostgreSQL
    cannot hold.
    """
    names = ", ".join(session.quote(name) for name in (*(column.name for column in columns), PARTITION))
    # rows of a table that is as new as the transaction are written in their final state
    statement = f"COPY {table} ({names}) FROM STDIN (FORMAT csv, FREEZE {'on' if frozen else 'off'})"
    try:
        with reading_session(len(columns), memory_limit) as (engine, reading):
            typed = [ColumnDef(column.name, word_of(type_of(column.type))) for column in columns]
            create_from_parquet(reading, "staged", files, typed)
            found = rows_by_partition(reading, files) if counted else {}
            with _Rows(engine, reading, f"SELECT {names} FROM staged") as rows:
                try:
                    arrived = session.called(lambda connection: _copy(connection, statement, rows), rows.end)
                except WarehouseError:
                    if rows.error is not None:
                        raise rows.error from None
                    raise
            if counted and arrived != sum(found.values()):
                raise StorageFault(
                    f"the lake's files were counted at {sum(found.values())} rows and {arrived} were copied: they "
                    "changed meanwhile. Nothing was changed; run again."
                )
            return found
    except OSError as error:
        raise StorageFault(f"the lake's files cannot be copied: {error}. Nothing was changed; run again.") from error


def _copy(connection: Connection, statement: str, rows: _Rows) -> int:
    with connection.cursor() as cursor:
        cursor.copy_expert(statement, rows, size=_AT_ONCE)
        return int(cursor.rowcount)


class _Rows:
    """A file to read the rows of a query from, as CSV, while DuckDB writes them in a thread of its own.

    ``error`` is why it could not write them all.
    """

    def __init__(self, engine: duckdb.DuckDBPyConnection, session: DuckDBSession, query: str) -> None:
        self.error: BaseException | None = None
        self._engine, self._session, self._query = engine, session, query
        self._ended = False
        self._thread = threading.Thread(target=in_this_context(self._write), name="reading the lake", daemon=True)

    def __enter__(self) -> _Rows:
        self._from, self._to = os.pipe()
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            with contextlib.suppress(OSError):  # a user may have no more than a small pipe
                fcntl.fcntl(self._from, fcntl.F_SETPIPE_SZ, _PIPE)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        os.close(self._from)  # a write to it fails from here on
        with repeatedly(self._engine.interrupt):
            self._thread.join()

    def read(self, size: int) -> bytes:
        """Some of the rows; nothing at their end. Raises what kept them from being read."""
        data = b"" if self._ended else os.read(self._from, size)
        if not data:
            if self._ended:
                raise Cancelled
            self._thread.join()
            if self.error is not None:
                raise self.error
        return data

    def end(self) -> None:
        """Stop in the middle."""
        self._ended = True
        self._engine.interrupt()

    def _write(self) -> None:
        try:
            self._session.execute(f"COPY ({self._query}) TO '/dev/fd/{self._to}' (FORMAT csv, HEADER false)")
        except BaseException as error:
            self.error = error
        finally:
            os.close(self._to)
