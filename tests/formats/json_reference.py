"""JSON lines read one by one by the rules of ``strict``: slow, and plain enough to be believed. Tests compare."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from platform_assets.contracts.model import Column, Contract, LogicalType
from platform_assets.formats.json.strict import Number, parse_json
from platform_assets.lake.names import is_text

NUMERIC = (LogicalType.INTEGER, LogicalType.NUMBER)


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


@dataclass
class Found:
    """What the lines of a file are: rows with their line and texts, and bad lines with their reason and bytes."""

    rows: list[tuple[int, list[str | None], bytes]] = field(default_factory=list)
    bad: list[tuple[int, str, bytes]] = field(default_factory=list)
    keys: Counter[str] = field(default_factory=Counter)


def read(content: bytes, contract: Contract) -> Found:
    """The lines of a file without a byte order mark."""
    found = Found()
    for line, raw in numbered(content):
        reason, document = "", None
        try:
            document = parse_json(raw.decode("utf-8"))
        except UnicodeDecodeError:
            reason = "encoding:invalid"
        except (ValueError, RecursionError):
            reason = "encoding:nul" if b"\0" in raw else "structure:json"
        if not reason and not isinstance(document, dict):
            reason = "structure:not_an_object"
        if not reason:
            found.keys.update(document.keys())
            if not contract.extra_columns and document.keys() - {column.source_name for column in contract.columns}:
                reason = "structure:extra_field"
        texts: list[str | None] = []
        for column in contract.columns if not reason else ():
            good, text = text_of(document.get(column.source_name), column)
            if not good:
                reason = f"type:{column.name}"
                break
            texts.append(text)
        if reason:
            found.bad.append((line, reason, raw))
        else:
            found.rows.append((line, texts, raw))
    return found


def numbered(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, without their ends."""
    for number, raw in enumerate(content.split(b"\n"), 1):
        if raw and not raw.isspace():
            yield number, raw.removesuffix(b"\r")


def text_of(value: Any, column: Column) -> tuple[bool, str | None]:
    """Whether a value can be in the column, and its text; None is null."""
    text: str | None = None
    if value is None:
        return True, None
    if column.type is LogicalType.JSON:
        text = dump_json(value) if isinstance(value, dict | list) else None
    elif isinstance(value, Number):
        text = str(value) if column.type in NUMERIC else None
    elif isinstance(value, bool):
        text = json.dumps(value) if column.type is LogicalType.BOOLEAN else None
    elif isinstance(value, str):
        text = value
    return text is not None and "\0" not in text and is_text(text), text
