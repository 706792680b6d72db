"""The platform's types of columns as those of Snowflake, and back.

Whole numbers are NUMBER of the digits that they may have. JSON is a text, which keeps a document as it was delivered:
VARIANT would order keys and write numbers anew. Types that the platform has no word for are passed on as Snowflake
writes them.
"""

from __future__ import annotations

import re

from platform_assets.warehouse.type_names import TypeNames

_TYPES = {
    "VARCHAR": "VARCHAR",
    "BIGINT": "NUMBER(19,0)",
    "INTEGER": "NUMBER(10,0)",
    "SMALLINT": "NUMBER(5,0)",
    "TINYINT": "NUMBER(3,0)",
    "HUGEINT": "NUMBER(38,0)",
    "DOUBLE": "FLOAT",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIME": "TIME(6)",
    "TIMESTAMP": "TIMESTAMP_NTZ(6)",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_TZ(6)",
    "BLOB": "BINARY",
}
_ALIASES = {"TEXT": "VARCHAR", "JSON": "VARCHAR", "UUID": "VARCHAR", "FLOAT": "FLOAT", "TIMESTAMPTZ": "TIMESTAMP_TZ(6)"}
_WORDS = {re.sub(r"\(6\)", "", name): word for word, name in _TYPES.items()}
_SIZED = re.compile(r"(VARCHAR|TEXT|BINARY|TIME|TIMESTAMP_NTZ|TIMESTAMP_TZ)\(\d+\)")


_NAMES = TypeNames({**_TYPES, **_ALIASES}, "NUMBER", str.upper)
type_of = _NAMES.type_of


def word_of(name: str) -> str:
    """The platform's word for a type as Snowflake's catalog writes it, with its digits."""
    sized = _SIZED.fullmatch(name)
    plain = sized[1] if sized is not None else name
    plain = "VARCHAR" if plain == "TEXT" else plain
    if plain in _WORDS:
        return _WORDS[plain]
    digits = _NAMES.digits_of(name)
    return f"DECIMAL({digits})" if digits is not None else name
