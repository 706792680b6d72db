"""SQL that gives another answer tomorrow: a partition is built from its key and its input, never from "today"."""

from __future__ import annotations

import re

_FUNCTIONS = (
    "now", "today", "getdate", "sysdate", "sysdatetime", "get_current_timestamp", "get_current_time",
    "transaction_timestamp", "statement_timestamp", "clock_timestamp", "random", "rand", "uuid", "gen_random_uuid",
    "uuid_string", "newid",
)  # fmt: skip
_WORDS = ("current_date", "current_timestamp", "current_time", "localtime", "localtimestamp")
_VOLATILE = re.compile(rf"\b(?:({'|'.join(_FUNCTIONS)})\s*\(|({'|'.join(_WORDS)})\b)", re.IGNORECASE)
_NOT_CODE = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|\{#.*?#\}", re.DOTALL)


def volatile_calls(sql: str) -> list[tuple[int, str]]:
    """What in ``sql`` reads the clock or rolls dice, each with its line from 1; texts and comments are passed over."""
    code = _NOT_CODE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), sql)
    return [
        (code.count("\n", 0, found.start()) + 1, f"{found[1]}()" if found[1] else found[2])
        for found in _VOLATILE.finditer(code)
    ]
