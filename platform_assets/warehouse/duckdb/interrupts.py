"""What a signal becomes that arrives while DuckDB runs a statement in the main thread.

DuckDB's Python module looks for signals between the tasks of a query. When the handler raises, it ends the call with
a RuntimeError of its own, and the other threads of the database go on with the query: the next statement, be it a
ROLLBACK, waits for them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import duckdb


@contextlib.contextmanager
def interrupts_raised(connection: duckdb.DuckDBPyConnection | None = None) -> Iterator[None]:
    """Raise what the signal handler raised, and end the statement in all threads of ``connection``."""
    try:
        yield
    except RuntimeError as error:
        raised = error.__cause__
        if raised is None:
            raise
        if connection is not None:
            connection.interrupt()
        raise raised from None
