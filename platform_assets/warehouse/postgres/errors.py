"""What PostgreSQL's errors mean for the caller: the statement and its data, the rights of its role, or the machine.

Only a class of error that a statement or its data can cause becomes ``StatementFailed``. The text of an error is its
first line alone: the lines after it (DETAIL, CONTEXT) quote rows.
"""

from __future__ import annotations

import re

import psycopg2

from platform_assets.warehouse.errors import (
    ConnectionLost,
    IncompatibleTable,
    StatementFailed,
    StatementTimeout,
    StorageFault,
    WarehouseBusy,
    WarehouseError,
    WarehouseExhausted,
    WarehouseRefused,
    WarehouseUnreadable,
)

_OF_STATEMENTS = (
    *("0A", "20", "21", "22", "23", "24", "25", "26", "27", "2B", "2F", "34", "38", "39", "3B", "3D", "3F", "42", "44"),
    *("54", "55", "P0"),
)
"""Classes of SQLSTATE."""
_OF_VALUES = ("22", "P0")
_OF_VIEWS = ("0A000", "2BP01")
"""A feature that is not supported, of which a column that a view uses is one; and objects that depend on another."""
_VALUE = re.compile(r"(?<=: ).*|[\"'].*[\"']")
"""A value may have quotes in it: all from the first one to the last is taken for one."""
_COLUMN = re.compile(r"COPY [^\n,]+, line \d+, column ([^\n:]+)(?:: |$)")
_RIGHTS = "42501"
_NUL = "invalid byte sequence for encoding"

_REFUSED = (
    *("authentication failed", "no password supplied", "no pg_hba.conf entry", "is not permitted to log in"),
    *("certificate", "permission denied for database"),
)
_NO_ROLE = re.compile(r'role "[^"]*" does not exist')
_NO_DATABASE = re.compile(r'database "[^"]*" does not exist')
_FULL = ("too many clients", "remaining connection slots", "too many connections")
_STARTING = ("the database system is starting up", "the database system is shutting down", "not yet accepting")
_OF_THE_SERVER = (
    *_FULL, *_STARTING, *_REFUSED, "server closed the connection", "connection to server", "could not connect",
    "Connection refused", "terminating connection", "connection already closed", "SSL connection has been closed",
    "No space left on device", "could not extend file", "could not write", "could not read block", "out of memory",
    "out of shared memory", "deadlock detected", "could not serialize access", "canceling statement due to",
    "permission denied", "the database system is", "could not access file", "disk full", "invalid page in block",
)  # fmt: skip
_OF_POSTGRES = re.compile(r"Database Error|^\s*LINE \d+: |^\s*(?:ERROR|DETAIL|CONTEXT|HINT): ", re.MULTILINE)


def blames_statement(text: str) -> bool | None:
    """Whether the text of an error, as another tool passes it on, is the fault of a statement or its data."""
    if any(sign in text for sign in _OF_THE_SERVER) or _NO_ROLE.search(text) or _NO_DATABASE.search(text):
        return False
    return True if _OF_POSTGRES.search(text) is not None else None


def translated(error: psycopg2.Error, where: str) -> WarehouseError:
    """The platform's error for one that a statement in the database ``where`` raised."""
    code = error.pgcode or ""
    text = error.diag.message_primary or _first_line(error)
    if not code:
        if isinstance(error, psycopg2.ProgrammingError | psycopg2.DataError | psycopg2.NotSupportedError):
            return StatementFailed(text)
        return ConnectionLost(
            f"the connection to {where} was lost ({text}). What was not committed is rolled back; run again."
        )
    if code == _RIGHTS:
        return WarehouseRefused(f"{where}: {text}. Grant the role what docs/warehouses.md lists, then run again.")
    if code == "55P03":
        return WarehouseBusy(
            f"{where}: others held what this session needs for longer than it waits. Nothing was changed; run again."
        )
    if code == "57014":
        timeout = "statement timeout" in text
        return StatementTimeout(f"{where}: {text}") if timeout else WarehouseError(f"{where}: {text}")
    if code[:2] in ("53", "58", "XX"):
        return _of_the_machine(code, text, where)
    if code[:2] in ("08", "57"):
        return ConnectionLost(
            f"the connection to {where} was lost ({text}). What was not committed is rolled back; run again."
        )
    if code in _OF_VIEWS and ("view" in text or "depend" in text):
        return IncompatibleTable(
            f"{where}: {text}. A view that uses a column keeps its table from taking another type: drop the view, run "
            "again, then make it anew."
        )
    if code[:2] in _OF_STATEMENTS:
        return StatementFailed(_of_statement(error, code, text))
    # a deadlock, a serialization failure, and what is not known here
    return WarehouseError(f"{where}: {text}. What was not committed is rolled back; run again.")


def unreachable(error: psycopg2.Error, where: str) -> WarehouseError:
    """The error for a database that no connection could be made to; libpq gives no SQLSTATE for it."""
    text = " ".join(str(error).split())
    if any(sign in text for sign in _REFUSED) or _NO_ROLE.search(text):
        return WarehouseRefused(
            f"{where} refused this role: {_last_part(text)}. Give its password in the URL, in PGPASSWORD or in "
            f"~/.pgpass, and check the role's name."
        )
    if _NO_DATABASE.search(text):
        return WarehouseUnreadable(f"{where}: there is no such database. Make it with CREATE DATABASE, then run again.")
    if any(sign in text for sign in (*_FULL, *_STARTING)):
        return WarehouseBusy(f"{where}: {_last_part(text)}")
    return ConnectionLost(f"{where} cannot be reached: {_last_part(text)}. Check that the server runs, then run again.")


def _of_the_machine(code: str, text: str, where: str) -> WarehouseError:
    if code[:2] == "53":
        return WarehouseExhausted(
            f"{where}: {text}. The transaction was rolled back, what was published before is unchanged. Free some "
            f"space or memory of the server, then run again."
        )
    return StorageFault(
        f"{where}: {text}. This is a fault of the machine and says nothing about the data: nothing was published. Mend "
        f"it, then run again."
    )


def _of_statement(error: psycopg2.Error, code: str, text: str) -> str:
    if _NUL in text and "0x00" in text:
        text = "a text with a NUL character cannot be stored in PostgreSQL"
    elif code[:2] in _OF_VALUES:
        text = _VALUE.sub("'...'", text)
    column = _COLUMN.match(error.diag.context or "")
    return f"column {column[1]}: {text}" if column is not None else text


def _first_line(error: psycopg2.Error) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def _last_part(text: str) -> str:
    """The reason alone, of a text that names the address first."""
    return text.rpartition("FATAL: ")[2].strip().rstrip(".")
