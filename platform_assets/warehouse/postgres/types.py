"""The platform's types of columns as those of PostgreSQL, and back.

JSON is ``json``, which keeps a document's text as it was delivered; ``jsonb`` would order keys, drop copies of them and
write numbers anew. HUGEINT is a ``numeric`` of 39 digits. Types that the platform has no word for are passed on as
PostgreSQL writes them.
"""

from __future__ import annotations

from platform_assets.warehouse.type_names import TypeNames

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


_NAMES = TypeNames({**_TYPES, **_ALIASES}, "numeric", str.lower)
type_of = _NAMES.type_of


def word_of(name: str) -> str:
    """The platform's word for a type as PostgreSQL's catalog writes it."""
    digits = _NAMES.digits_of(name)
    if name in _WORDS:
        return _WORDS[name]
    return f"DECIMAL({digits})" if digits is not None else name.upper()
