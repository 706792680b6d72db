"""JSON as its standard has it, with every number as it was written.

Python's reader takes NaN and repeated keys and turns 1.10 into 1.1; the engine's takes trailing commas and turns
a long decimal into the nearest double. Here a number stays the text it was, and all the others are errors.
"""

from __future__ import annotations

import json
from typing import Any


class Number(str):
    """A JSON number, in the characters it was written with."""

    __slots__ = ()


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
    return _decoder.decode(text)


def dump_json(value: Any) -> str:
    """``value`` as JSON without spaces, numbers as they were written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{dump_json(item)}" for key, item in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(map(dump_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
