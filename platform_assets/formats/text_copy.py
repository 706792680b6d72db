"""The working copy of formats that are read record by record: a line number and texts, in one strict form of CSV."""

from __future__ import annotations

from platform_assets.formats.lines import MAX_RECORD
from platform_assets.lake.names import is_text


def text_field(text: str) -> str | None:
    """A text as a field; None for one that no table can hold: with a NUL byte, or with half a surrogate pair.

    Null is written as nothing at all.
    """
    if "\0" in text or not is_text(text):
        return None
    return '"' + text.replace('"', '""') + '"'


def relation_of(path: str, columns: int, longest: int) -> str:
    """SQL for the rows of a copy: ``c0`` is the line, ``c1`` and so on the texts. ``path`` is a SQL literal."""
    names = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(columns + 1))
    # DuckDB's buffers grow with the longest line, so only a file that has such lines pays for them
    size = f", max_line_size = {4 * MAX_RECORD}, buffer_size = {8 * MAX_RECORD}" if longest > 1_000_000 else ""
    return (
        f"read_csv({path}, auto_detect = false, hive_partitioning = false, columns = {{{names}}}, "
        "header = false, delim = ',', quote = '\"', escape = '\"', new_line = '\\n', nullstr = [''], "
        f"allow_quoted_nulls = false, compression = 'none', strict_mode = true{size})"
    )
