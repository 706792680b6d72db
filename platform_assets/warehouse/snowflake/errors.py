"""What Snowflake's errors mean for the caller: the statement and its data, the rights of its role, or the service.

Only an error that a statement or its data can cause becomes ``StatementFailed``. Each text has the id of its query,
where the server gave one. Values that an error quotes are left out.
"""

from __future__ import annotations

import re

from snowflake.connector import errors
from snowflake.connector.errorcode import ER_CONNECTION_IS_CLOSED, ER_FAILED_TO_CONNECT_TO_DB

from platform_assets.warehouse.errors import (
    ConnectionLost,
    StatementFailed,
    StatementTimeout,
    WarehouseBusy,
    WarehouseError,
    WarehouseRefused,
    WarehouseUnreadable,
)

_OF_STATEMENTS = (
    *("02", "0A", "20", "21", "22", "23", "24", "25", "26", "27", "2B", "2F", "34", "38", "39", "3B", "3D", "3F"),
    *("42", "44", "54", "99", "P0"),
)
"""Classes of SQLSTATE."""
LOCKED = (625, 612)
"""At the end of LOCK_TIMEOUT."""
_DEADLOCK = 1208
_TIMED_OUT = (604, 630)
_CANCELED = 604
_NO_RIGHTS = (3001, 3003, 3041)
_NO_DATABASE = (390201, 90105)
_NO_WAREHOUSE = (606,)
_REFUSED = (
    *("Incorrect username or password", "JWT token is invalid", "User temporarily locked", "is disabled"),
    *("is not allowed to access Snowflake", "is not granted to this user", "password has expired"),
    *("Role", "private key", "Private key", "MFA", "authentication policy"),
)
_VALUE = re.compile(r"(?<=: ).*|[\"'].*[\"']", re.DOTALL)
_OF_SNOWFLAKE = re.compile(r"Database Error|\b\d{6} \([0-9A-Z]{5}\)|SQL compilation error")
_OF_THE_SERVER = (
    *("Incorrect username", "JWT token", "250001", "250003", "Failed to connect", "Connection refused", "HTTP 5"),
    *("000625", "000604", "000630", "is suspended", "Insufficient privileges", "Could not connect"),
)


def blames_statement(text: str) -> bool | None:
    """Whether the text of an error, as another tool passes it on, is the fault of a statement or its data."""
    if any(sign in text for sign in _OF_THE_SERVER):
        return False
    return True if _OF_SNOWFLAKE.search(text) is not None else None


def translated(error: errors.Error, where: str) -> WarehouseError:
    """The platform's error for one that a statement in the database ``where`` raised."""
    number, state = error.errno or -1, error.sqlstate or ""
    query = f" (query {error.sfqid})" if error.sfqid else " (no query id was given)"
    text = " ".join((error.raw_msg or error.msg or type(error).__name__).split())
    if number in LOCKED:
        return WarehouseBusy(
            f"{where}: others held what this session needs for longer than it waits{query}. Nothing was changed; run "
            "again."
        )
    if number in _TIMED_OUT:
        if "timeout" in text.lower() or number != _CANCELED:
            return StatementTimeout(f"{where}: {text}{query}")
        return WarehouseError(f"{where}: {text}{query}")
    if number in _NO_RIGHTS or "Insufficient privileges" in text:
        return WarehouseRefused(
            f"{where}: {text}{query}. Grant the role what docs/warehouses.md lists, then run again."
        )
    if number in (*_NO_DATABASE, *_NO_WAREHOUSE):
        return WarehouseUnreadable(f"{where}: {text}{query}. Make it, or give the role its use, then run again.")
    if number == _DEADLOCK or not isinstance(error, errors.DatabaseError) or state[:2] == "08":
        return _lost(where, text, query)
    if isinstance(error, errors.ProgrammingError) and (state[:2] in _OF_STATEMENTS or not state):
        return StatementFailed(f"{_VALUE.sub('...', text) if state[:2] == '22' else text}{query}")
    return _lost(where, text, query)


def unreachable(error: errors.Error, where: str) -> WarehouseError:
    """The error for a database that no session could be opened on."""
    text = " ".join((error.raw_msg or error.msg or type(error).__name__).split())
    if error.errno in (*_NO_DATABASE, *_NO_WAREHOUSE):
        return WarehouseUnreadable(f"{where}: {text}. Make it, or give the role its use, then run again.")
    if any(sign in text for sign in _REFUSED):
        return WarehouseRefused(
            f"{where} refused this user: {text}. Check SNOWFLAKE_USER, its key or password, and its role."
        )
    if error.errno in (ER_FAILED_TO_CONNECT_TO_DB, ER_CONNECTION_IS_CLOSED):
        return ConnectionLost(f"{where} cannot be reached: {text}. Check the account and the network, then run again.")
    return translated(error, where)


def _lost(where: str, text: str, query: str) -> WarehouseError:
    return ConnectionLost(
        f"the connection to {where} was lost, or the service failed ({text}){query}. What was not committed is rolled "
        "back; run again."
    )
