"""Connections to Snowflake: who logs in, how long anything is tried again, and the settings of a session."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator
from pathlib import Path

import snowflake.connector
from cryptography.hazmat.primitives import serialization
from snowflake.connector import SnowflakeConnection, errors

from platform_assets.environment import InvalidEnvironment
from platform_assets.warehouse.snowflake.errors import unreachable
from platform_assets.warehouse.snowflake.locating import Located

LOGIN_SECONDS = 20
NETWORK_SECONDS = 15
"""How long a request that fails is tried again: with what the last try takes, it returns within half a minute."""
LOCK_SECONDS = 5
"""How long the server waits for a lock, before it is looked whether a dead process has it."""
_TIMEOUT_VARIABLE = "PLATFORM_SNOWFLAKE_STATEMENT_TIMEOUT"
_LONGEST_STATEMENT = 4 * 3600
_TEXTS = {
    "TIMEZONE": "UTC",
    "DATE_OUTPUT_FORMAT": "YYYY-MM-DD",
    "TIMESTAMP_NTZ_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF6",
    "TIMESTAMP_TYPE_MAPPING": "TIMESTAMP_NTZ",
    "BINARY_OUTPUT_FORMAT": "HEX",
    "QUOTED_IDENTIFIERS_IGNORE_CASE": False,
}
"""On which names and the text of values depend, and with it digests and partition keys."""


def connect(at: Located, *, query_tag: str, wait_seconds: float) -> SnowflakeConnection:
    """An open connection in autocommit. The server waits for locks of others up to ``wait_seconds``, or LOCK_SECONDS.

    Raises ``WarehouseRefused``, ``WarehouseUnreadable``, ``ConnectionLost``, or ``InvalidEnvironment`` for a key that
    cannot be read.
    """
    # a request that is tried again is logged with its traceback, again and again
    logging.getLogger("snowflake.connector").setLevel(logging.CRITICAL)
    session = {
        **_TEXTS,
        "QUERY_TAG": query_tag,
        "LOCK_TIMEOUT": math.ceil(min(wait_seconds, LOCK_SECONDS)),
        "STATEMENT_TIMEOUT_IN_SECONDS": statement_timeout(),
        # of a process that was killed, within five minutes
        "ABORT_DETACHED_QUERY": True,
    }
    try:
        return snowflake.connector.connect(
            user=at.user,
            **at.parts,
            **_proof(at),
            application="platform_assets",
            session_parameters=session,
            validate_default_parameters=True,
            login_timeout=LOGIN_SECONDS,
            network_timeout=NETWORK_SECONDS,
            backoff_policy=_waits,
        )
    except errors.Error as error:
        raise unreachable(error, at.shown) from None


def statement_timeout() -> int:
    """Seconds that a statement may take; ``InvalidEnvironment`` for what is no number of them."""
    text = os.environ.get(_TIMEOUT_VARIABLE) or str(_LONGEST_STATEMENT)
    if not text.isdigit() or int(text) == 0:
        raise InvalidEnvironment(f"{_TIMEOUT_VARIABLE} is {text!r}; it must be a number of seconds from 1")
    return int(text)


def _waits() -> Iterator[int]:
    """Seconds between two tries."""
    yield 1
    while True:
        yield 3


def _proof(at: Located) -> dict[str, object]:
    """The arguments by which the connector proves who the user is."""
    secrets = at.secrets
    passphrase = secrets.get("PRIVATE_KEY_PASSPHRASE")
    if "PASSWORD" in secrets:
        return {"password": secrets["PASSWORD"]}
    try:
        if "PRIVATE_KEY_PATH" in secrets:
            text = Path(secrets["PRIVATE_KEY_PATH"]).expanduser().read_bytes()
        else:
            text = secrets["PRIVATE_KEY"].replace("\\n", "\n").encode()
        key = serialization.load_pem_private_key(text, password=passphrase.encode() if passphrase else None)
    except (OSError, ValueError, TypeError) as error:
        named = "SNOWFLAKE_PRIVATE_KEY_PATH" if "PRIVATE_KEY_PATH" in secrets else "SNOWFLAKE_PRIVATE_KEY"
        raise InvalidEnvironment(
            f"{named} has no private key that can be read ({type(error).__name__}): it must be a key in the form PEM, "
            "with SNOWFLAKE_PRIVATE_KEY_PASSPHRASE if it is encrypted"
        ) from None
    return {"private_key": key, "authenticator": "SNOWFLAKE_JWT"}
