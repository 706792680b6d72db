"""Documents of ``strict`` and ``quick`` written as JSON again: without spaces, numbers as they were written."""

from __future__ import annotations

import json
import re
from typing import Any

from jiter import LosslessFloat

from platform_assets.formats.json.quick import parse
from platform_assets.formats.json.strict import Number
from platform_assets.lake.names import is_text

NUMBERS = (int, LosslessFloat, Number)
"""What a JSON number is in a document, besides ``bool``, which is none."""
_MARK = "\ue000"
"""Stands before a number in what Python's encoder writes; a text that has the sign itself is written otherwise."""
_MARKED = re.compile(f'"{_MARK}([^"]*)"')


def is_number(value: Any) -> bool:
    """Whether a value of a document is a JSON number; ``str`` gives its characters."""
    return isinstance(value, NUMBERS) and not isinstance(value, bool)


def parse_whole(text: str) -> Any:
    """The document in ``text`` if it can be written again; ``ValueError`` or ``RecursionError`` if not."""
    document = parse(text)
    if "\\u" in text and not is_text(dump_json(document)):
        raise ValueError("half a surrogate pair")
    return document


def dump_json(value: Any) -> str:
    """``value`` as JSON."""
    numbers = 0

    def number(found: Any) -> str:
        nonlocal numbers
        if not isinstance(found, LosslessFloat | Number):
            raise TypeError(f"{type(found).__name__} is of no document")
        numbers += 1
        return f"{_MARK}{found}"

    encoder = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"), default=number)
    text = encoder.encode(value)
    if not numbers:
        return text
    return _MARKED.sub(r"\1", text) if text.count(_MARK) == numbers else _dump(value)


def _dump(value: Any) -> str:
    if is_number(value):
        return str(value)
    if isinstance(value, dict):
        return (
            "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{_dump(item)}" for key, item in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(map(_dump, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
