"""A digest of rows that is the same on every engine: over a text of each row in one form, whatever the engine writes.

Each value is its length, a colon and its text; null is ``N``. Numbers with places are their decimal text, doubles
their 64 bits as a signed number, moments their microseconds since 1970. Of each row's MD5 two halves are added up over
all rows, so the order of rows does not count, and copies do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from platform_assets.warehouse.protocol import ColumnDef

_ALIKE = {"FLOAT": "DOUBLE", "TIMESTAMP_S": "TIMESTAMP", "TIMESTAMP_MS": "TIMESTAMP"}
_TEXT = "CAST({x} AS VARCHAR)"
"""Of whole numbers, decimals, dates and texts every engine has the same."""
_COLON = " || ':' || "
DIGITS = 15
"""Hex digits of a half: as many as a signed number of 64 bits holds."""


@dataclass(frozen=True)
class Forms:
    """How an engine says it: ``texts`` by type, and ``number`` of 15 hex digits, each with ``{x}`` for the value."""

    texts: Mapping[str, str]
    number: str


def digest_of(columns: Sequence[ColumnDef], names: Sequence[str], forms: Forms) -> str:
    """An aggregate expression over ``columns``, whose quoted ``names`` are given: 32 hex digits."""
    values = [_value(name, column, forms) for name, column in zip(names, columns, strict=True)]
    row = f"md5({' || '.join(values)})"
    halves = (forms.number.format(x=f"substr({row}, {start}, {DIGITS})") for start in (1, DIGITS + 1))
    sums = (f"CAST(coalesce(sum({half}), 0) AS VARCHAR)" for half in halves)
    return f"md5({_COLON.join(('CAST(count(*) AS VARCHAR)', *sums))})"


def _value(name: str, column: ColumnDef, forms: Forms) -> str:
    base = re.split(r"[(\[]", column.type)[0].strip().upper()
    kind = _ALIKE.get(base, base)
    text = forms.texts.get(kind, _TEXT).format(x=name)
    return f"coalesce(CAST(length({text}) AS VARCHAR){_COLON}{text}, 'N')"
