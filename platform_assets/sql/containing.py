"""SQL that counts the rows of a DuckDB relation in which a column holds one of many texts, or is one of them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from platform_assets.sql.identifiers import quoted
from platform_assets.sql.literals import literal

AT_ONCE = 100
"""Texts of one pattern: beyond a few hundred the states of a pattern no longer fit into its memory, and a search that
takes a second takes minutes."""


def holding_sql(column: str, kind: str, texts: Sequence[str]) -> str:
    """True where the value of type ``kind``, as text, holds one of ``texts``, as they are or as JSON writes them."""
    value = f"CAST({quoted(column)} AS VARCHAR)"
    if kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION")):
        # cast as it is, DuckDB puts signs of its own before quotes in it
        value = f"CAST(to_json({quoted(column)}) AS VARCHAR)"
    forms = sorted({form for text in texts if "\0" not in text for form in (text, *_in_json(text))})
    patterns = ["|".join(map(re.escape, forms[start : start + AT_ONCE])) for start in range(0, len(forms), AT_ONCE)]
    return " OR ".join(f"regexp_matches({value}, {literal(pattern)})" for pattern in patterns) or "false"


def being_sql(column: str, texts: Sequence[str]) -> str:
    """True where the value, as text, is one of ``texts``."""
    listed = ", ".join(literal(text) for text in texts if "\0" not in text)
    return f"CAST({quoted(column)} AS VARCHAR) IN ({listed})" if listed else "false"


def counting_sql(relation: str, conditions: Mapping[str, str]) -> str:
    """A query of one row: for each condition, in order, the rows of which it is true."""
    counted = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in conditions.values())
    return f"SELECT {counted} FROM {relation}"


def _in_json(text: str) -> tuple[str, str]:
    return json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]
