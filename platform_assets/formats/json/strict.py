"""JSON as its standard has it, with every number as it was written. These are the rules; ``quick`` keeps them faster.

Python's reader takes NaN and repeated keys and turns 1.10 into 1.1; DuckDB's takes trailing commas and turns
a long decimal into the nearest double. Here a number stays the text it was, and all the others are errors. So is
what is nested too deeply to be worked on: how deep Python itself can go depends on who calls.
"""

from __future__ import annotations

import json
from typing import Any

MAX_DEPTH = 200
"""Objects and lists inside each other. Each takes up to two of Python's 1,000 calls when it is written again."""


class Number:
    """A JSON number, in the characters it was written with: what ``str`` gives."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


_decoder = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_float=Number, parse_int=Number, parse_constant=_no_constant, strict=True
)


def parse_json(text: str) -> Any:
    """The document in ``text``; ``ValueError`` or ``RecursionError`` when it is not exactly one."""
    document = _decoder.decode(text)
    if text.count("{") + text.count("[") > MAX_DEPTH:
        _refuse_depth(document)
    return document


def _refuse_depth(document: Any) -> None:
    level = [document]
    for _ in range(MAX_DEPTH):
        containers = [value for value in level if isinstance(value, dict | list)]
        level = [item for value in containers for item in (value.values() if isinstance(value, dict) else value)]
    if any(isinstance(value, dict | list) for value in level):
        raise ValueError(f"is nested more than {MAX_DEPTH} deep")
