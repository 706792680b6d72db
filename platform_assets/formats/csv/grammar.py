"""The grammar of one delimited record: RFC 4180's, with a backslash as another escape where a contract says so.

What becomes of records that break it is decided in ``repair``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """``fields`` is the number of fields of a good record."""

    delimiter: str
    quote: str
    escape: str
    fields: int


def parse_record(
    data: bytes, start: int, dialect: Dialect, newline: bytes = b"\n", *, final: bool
) -> tuple[list[bytes], int] | str:
    """The fields of the record at ``start`` and the position of its end; a reason code; or ``more``."""
    quote, delimiter, escape = dialect.quote.encode(), dialect.delimiter.encode(), dialect.escape.encode()
    fields: list[bytes] = []
    position = start
    while True:
        if quote and data[position : position + 1] == quote:
            text, position = _quoted(data, position + 1, quote, escape)
            if position < 0:
                return "structure:unbalanced_quote" if final else "more"
            if not final and data[position : position + 2] in (b"", b"\r"):
                return "more"
            fields.append(text)
            if newline == b"\n" and data[position : position + 2] in (b"\r\n", b"\r"):
                position += 1
        else:
            stop = data.find(newline, position)
            stop = len(data) if stop < 0 else stop
            if stop == len(data) and not final:
                return "more"
            comma = data.find(delimiter, position, stop)
            end = comma if comma >= 0 else stop
            text = data[position:end]
            if end == stop:
                text = text.removesuffix(b"\r") if newline == b"\n" else text
            if b"\r" in text and newline == b"\n":
                return "structure:carriage_return"
            fields.append(text)
            position = end
        after = data[position : position + 1]
        if after in (newline, b""):
            return fields, position
        if after != delimiter:
            return "structure:text_after_quote"
        position += 1


def _quoted(data: bytes, position: int, quote: bytes, escape: bytes) -> tuple[bytes, int]:
    """The text of a quoted field whose opening quote is before ``position``, and where it ends; -1: it does not."""
    parts: list[bytes] = []
    backslash = escape if escape not in (quote, b"") else None
    while True:
        end = data.find(quote, position)
        if backslash is not None:
            slash = data.find(backslash, position, end if end >= 0 else len(data))
            if slash >= 0 and slash + 1 < len(data):
                parts.append(data[position:slash] + data[slash + 1 : slash + 2])
                position = slash + 2
                continue
        if end < 0:
            return b"", -1
        parts.append(data[position:end])
        if backslash is None and data[end + 1 : end + 2] == quote:
            parts.append(quote)
            position = end + 2
            continue
        return b"".join(parts), end + 1


def records_of(text: bytes, dialect: Dialect) -> Iterator[list[bytes]]:
    """The records of a short text, up to the first that breaks the grammar; for headers."""
    position = 0
    while position < len(text):
        parsed = parse_record(text, position, dialect, final=True)
        if not isinstance(parsed, tuple):
            return
        yield parsed[0]
        position = parsed[1] + 1
