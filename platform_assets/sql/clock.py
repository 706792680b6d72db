"""SQL that gives another answer tomorrow: a partition is built from its key and its input, never from "today"."""

from __future__ import annotations

import re

_FUNCTIONS = (
    "now", "today", "getdate", "sysdate", "sysdatetime", "get_current_timestamp", "get_current_time",
    "current_localtime", "current_localtimestamp", "transaction_timestamp", "statement_timestamp", "clock_timestamp",
    "random", "rand", "uuid", "uuidv4", "uuidv7", "gen_random_uuid", "uuid_string", "newid",
    "nextval", "currval", "txid_current", "current_transaction_id", "current_connection_id", "current_query_id",
    "current_query", "pg_conf_load_time", "pg_postmaster_start_time",
)  # fmt: skip
"""What reads the clock, rolls dice, or counts what was done before."""

_WORDS = ("current_date", "current_timestamp", "current_time", "localtime", "localtimestamp", "tablesample")
_VOLATILE = re.compile(rf"\b(?:({'|'.join(_FUNCTIONS)}|age)\s*\(|({'|'.join(_WORDS)}|using\s+sample)\b)", re.IGNORECASE)
_NOT_CODE = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|\{#.*?#\}", re.DOTALL)


def volatile_calls(sql: str) -> list[tuple[int, str]]:
    """What in ``sql`` reads the clock or rolls dice, each with its line from 1; texts and comments are passed over."""
    code = _NOT_CODE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), sql)
    return [
        (code.count("\n", 0, found.start()) + 1, f"{found[1]}()" if found[1] else " ".join(found[2].split()))
        for found in _VOLATILE.finditer(code)
        # the age at a given time is that on any day
        if (found[1] or "").lower() != "age" or not _has_further_argument(code, found.end())
    ]


def _has_further_argument(code: str, start: int) -> bool:
    """Whether a call whose first argument begins at ``start`` has a second one."""
    depth = 0
    for sign in code[start:]:
        if sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
        if depth < 0 or (depth == 0 and sign == ","):
            return depth == 0
    return False
