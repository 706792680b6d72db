"""JSON read by jiter, with exactly the result of ``strict``: a text on which the two could differ is left to that.

jiter takes more than ``strict`` in two cases only: it reads a bare ``-0`` as the integer 0, and an empty list one level
deeper than ``MAX_DEPTH``. What it refuses is read again by ``strict``, whose verdict and reason count.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from jiter import from_json

from platform_assets.formats.json.strict import MAX_DEPTH, parse_json

_BARE_ZERO = re.compile(rb"-0[^.0-9eE]")


class Blank:
    """Stands for a line that is blank."""


class Faulty(str):
    """Stands for a line that is no document: the reason why not."""

    __slots__ = ()


def parse(text: str) -> Any:
    """The document in ``text``; ``ValueError`` or ``RecursionError`` when it is not exactly one."""
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        return parse_json(text)
    if _BARE_ZERO.search(raw + b"\n") or _may_be_deep(raw):
        return parse_json(text)
    try:
        return _parsed(raw)
    except ValueError:
        return parse_json(text)


def documents(lines: Sequence[bytes], block: bytes) -> tuple[list[Any], bool]:
    """What each line of ``block`` is: a document, :class:`Faulty` or :class:`Blank`.

    And whether texts in them may have half a surrogate pair, which jiter lets through nowhere.
    """
    if _BARE_ZERO.search(block) or (b"[" in block and any(map(_may_be_deep, lines))):
        return [_document(line) for line in lines], True
    found: list[Any] = []
    add, read = found.append, from_json
    rest, strict = iter(lines), False
    while True:
        line = b""
        try:
            for line in rest:
                # the call of ``_parsed`` written out, which saves a tenth
                add(
                    read(
                        line,
                        allow_inf_nan=False,
                        cache_mode="keys",
                        catch_duplicate_keys=True,
                        float_mode="lossless-float",
                    )
                )
        except ValueError:
            document = strict_document(line)
            strict = strict or type(document) is dict
            add(document)
        else:
            return found, strict


def strict_document(line: bytes) -> Any:
    """What a line is by the rules of ``strict`` alone."""
    if not line or line.isspace():
        return Blank
    try:
        return parse_json(line.decode("utf-8"))
    except UnicodeDecodeError:
        return Faulty("encoding:invalid")
    except (ValueError, RecursionError):
        return Faulty("encoding:nul" if b"\0" in line else "structure:json")


def _parsed(raw: bytes) -> Any:
    return from_json(
        raw, allow_inf_nan=False, cache_mode="keys", catch_duplicate_keys=True, float_mode="lossless-float"
    )


def _may_be_deep(raw: bytes) -> bool:
    return raw.count(b"[") + raw.count(b"{") > MAX_DEPTH


def _document(line: bytes) -> Any:
    if _BARE_ZERO.search(line + b"\n") or _may_be_deep(line):
        return strict_document(line)
    try:
        return _parsed(line)
    except ValueError:
        return strict_document(line)
