"""The working copy of formats that are read record by record: a row number and texts, in one strict form of CSV."""

from __future__ import annotations

from platform_assets.formats.lines import MAX_RECORD
from platform_assets.lake.names import is_text

NUMBER = "c0"
"""The column of a copy that holds the 0-based number of the row."""

LONG = 1_000_000
"""Bytes of a row from which DuckDB needs to know of it."""


def text_field(text: str) -> str | None:
    """A text as a field; None for one that no table can hold: with a NUL byte, or with half a surrogate pair.

    Null is written as nothing at all.
    """
    if "\0" in text or not is_text(text):
        return None
    return '"' + text.replace('"', '""') + '"'


def text_fields(joined: str) -> list[str]:
    """Texts that are ``joined`` by NUL, and have none, as fields; none of them has half a surrogate pair."""
    return ('"' + joined.replace('"', '""').replace("\0", '"\0"') + '"').split("\0")


def relation_of(path: str, columns: int, longest: int) -> str:
    """SQL for the rows of a copy: :data:`NUMBER`, and ``c1`` and so on the texts. ``path`` is a SQL literal."""
    names = ", ".join([f"'{NUMBER}': 'BIGINT'", *(f"'c{index + 1}': 'VARCHAR'" for index in range(columns))])
    # DuckDB's buffers grow with the longest line, so only a file that has such lines pays for them
    size = f", max_line_size = {4 * MAX_RECORD}, buffer_size = {8 * MAX_RECORD}" if longest > LONG else ""
    return (
        f"read_csv({path}, auto_detect = false, hive_partitioning = false, columns = {{{names}}}, "
        "header = false, delim = ',', quote = '\"', escape = '\"', new_line = '\\n', nullstr = [''], "
        f"allow_quoted_nulls = false, compression = 'none', strict_mode = true{size})"
    )
