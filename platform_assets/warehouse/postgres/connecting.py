"""Connections to a PostgreSQL server: waiting for one that is full or starting, and the settings of a session."""

from __future__ import annotations

import math
import time

import psycopg2
from psycopg2.extensions import connection as Connection

from platform_assets.logs import logger
from platform_assets.warehouse.errors import WarehouseBusy, WarehouseUnreadable
from platform_assets.warehouse.postgres.errors import translated, unreachable
from platform_assets.warehouse.postgres.locating import Located

log = logger(__name__)

OLDEST = 14
"""The oldest version of the server: it has the aggregates and the watch over clients that are used here."""

_LIBPQ = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "client_encoding": "UTF8",
}
"""A peer that is gone is noticed within a minute."""
_SETTINGS = (
    *("SET TimeZone = 'UTC'", "SET DateStyle = 'ISO, YMD'", "SET IntervalStyle = 'postgres'"),
    *("SET standard_conforming_strings = on", "SET extra_float_digits = 1", "SET client_min_messages = warning"),
    *("SET jit = off", "SET default_transaction_isolation = 'read committed'"),
)
"""On which the text of values depends, and with it fingerprints and partition keys."""
_WATCH = "SET client_connection_check_interval = '1s'"
"""A server on which a client was killed ends its statement within a second."""
_SHORTEST_LOCK_WAIT = 0.1
_REPORT_SECONDS = 30.0


def connect(at: Located, *, read_only: bool, purpose: str, wait_seconds: float, at_once: bool = False) -> Connection:
    """An open connection in autocommit, waiting for a server that is full or starting up to ``wait_seconds``.

    ``at_once`` does not wait. Raises ``WarehouseBusy`` at the end of the wait, ``WarehouseRefused``,
    ``WarehouseUnreadable``, ``ConnectionLost``.
    """
    started, delay, reported = time.monotonic(), 0.05, -math.inf
    parameters = {**_LIBPQ, "application_name": f"platform-assets {purpose}"[:63], **at.parameters}
    while True:
        try:
            made = psycopg2.connect(**parameters)
            break
        except psycopg2.OperationalError as error:
            reason = unreachable(error, at.shown)
        waited = time.monotonic() - started
        if not isinstance(reason, WarehouseBusy):
            raise reason from None
        if at_once or waited >= wait_seconds:
            raise WarehouseBusy(
                f"{reason}. This session has waited {waited:.3g} s and waits no longer. Nothing was changed; run again "
                f"when the server has a connection free."
            ) from None
        if waited - reported >= _REPORT_SECONDS:
            log.info("waiting for the warehouse %s", reason)
            reported = waited
        time.sleep(min(delay, max(0.0, wait_seconds - waited)))
        delay = min(delay * 1.5, 1.0)
    try:
        _set_up(made, at, read_only=read_only, wait_seconds=wait_seconds)
    except psycopg2.Error as error:
        made.close()
        raise translated(error, at.shown) from None
    except BaseException:
        made.close()
        raise
    return made


def _set_up(made: Connection, at: Located, *, read_only: bool, wait_seconds: float) -> None:
    made.autocommit = True
    if made.server_version < OLDEST * 10_000:
        raise WarehouseUnreadable(
            f"{at.shown} is PostgreSQL {made.server_version // 10_000}; version {OLDEST} is the oldest that can be used"
        )
    if (encoding := made.get_parameter_status("server_encoding")) != "UTF8":
        raise WarehouseUnreadable(
            f"{at.shown} has the encoding {encoding}; texts of all languages need UTF8. Make another database with "
            "CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
        )
    wait = f"SET lock_timeout = {math.ceil(max(wait_seconds, _SHORTEST_LOCK_WAIT) * 1000)}"
    mode = f"SET default_transaction_read_only = {'on' if read_only else 'off'}"
    with made.cursor() as cursor:
        cursor.execute("; ".join((*_SETTINGS, wait, mode)))
        try:
            cursor.execute(_WATCH)
        except psycopg2.DataError:
            log.debug("%s cannot watch its clients: a killed one is noticed when its statement ends", at.shown)
