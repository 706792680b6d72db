"""The platform's types of columns as those of PostgreSQL, and back.

JSON is ``json``, which keeps a document's text as it was delivered; ``jsonb`` would order keys, drop copies of them and
write numbers anew. HUGEINT is a ``numeric`` of 39 digits. Types that the platform has no word for are passed on as
PostgreSQL writes them.
"""

from __future__ import annotations

import re

from platform_assets.warehouse.errors import StatementFailed

_TYPES = {
    "VARCHAR": "text",
    "BIGINT": "bigint",
    "INTEGER": "integer",
    "SMALLINT": "smallint",
    "HUGEINT": "numeric(39,0)",
    "DOUBLE": "double precision",
    "FLOAT": "real",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIME": "time without time zone",
    "TIMESTAMP": "timestamp without time zone",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "JSON": "json",
    "UUID": "uuid",
    "BLOB": "bytea",
}
_ALIASES = {"TEXT": "text", "TINYINT": "smallint", "TIMESTAMPTZ": "timestamp with time zone"}
_WORDS = {**{name: word for word, name in _TYPES.items()}, "character varying": "VARCHAR"}
_DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC)\((\d+)(?:, ?(\d+))?\)", re.IGNORECASE)
_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_ ,()\[\]\"]*")


def type_of(word: str) -> str:
    """PostgreSQL's type for a type of the platform; ``StatementFailed`` for what is no type at all."""
    known = _TYPES.get(word.upper()) or _ALIASES.get(word.upper())
    if known is not None:
        return known
    exact = _DECIMAL.fullmatch(word)
    if exact is not None:
        return f"numeric({exact[1]},{exact[2] or 0})"
    if _TYPE.fullmatch(word):
        return word.lower()
    raise StatementFailed(f"{word!r} is not the name of a type")


def word_of(name: str) -> str:
    """The platform's word for a type as PostgreSQL's catalog writes it."""
    exact = _DECIMAL.fullmatch(name)
    if name in _WORDS:
        return _WORDS[name]
    return f"DECIMAL({exact[1]},{exact[2] or 0})" if exact is not None else name.upper()
