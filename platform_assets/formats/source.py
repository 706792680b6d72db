"""What every kind of file becomes before its rows are validated: a relation of known length, with a way back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from platform_assets.formats.lines import FILE, Array
from platform_assets.sql.row_rules import Check

Fetch = Callable[[Array], Iterator[tuple[int, int, bytes]]]
"""From ascending row numbers (0-based) to (number, line, raw bytes); ``Source.place`` gives the line's file."""


@dataclass(frozen=True)
class RecordText:
    """For rows that can be told by their text: ``sql`` gives it over the columns of ``validation``, byte for byte as in
    the file, and ``find`` gives, in order, the number, line and bytes of each row whose text is one of those given."""

    sql: str
    find: Callable[[Collection[bytes]], Iterator[tuple[int, int, bytes]]]


@dataclass(frozen=True)
class RowText:
    """For numbered rows: ``sql`` gives over the columns of ``validation`` what ``fetch`` would, or null where that has
    to be asked; ``line`` gives a row's line from its number."""

    sql: str
    line: Callable[[int], int]


@dataclass(frozen=True)
class Conversion:
    """How a column's value of type ``kind`` is made of what DuckDB reads; only of values that ``guard`` is true for.

    Both are made from the SQL of what was read. An empty guard is true for all.
    """

    kind: str
    value: Callable[[str], str]
    guard: Callable[[str], str]

    def guarded(self, x: str) -> str:
        """SQL for the value; null where the guard is not true, since then nothing can be made."""
        guard = self.guard(x)
        return f"CASE WHEN {guard} THEN {self.value(x)} END" if guard else self.value(x)


@dataclass(frozen=True)
class Source:
    """Rows of one delivered file, or of several small ones that are read as one.

    ``files`` are the names of the files in their order, ``empty`` those without a row. ``relation`` is SQL;
    ``expressions`` gives for each of the contract's columns, in order, a SQL expression over it and its type,
    ``conversions`` (by a column's place) what is made of some of them. ``records`` is the number of rows counted
    without DuckDB's reader, ``set_aside`` how many more were already quarantined. ``row_number`` is the SQL of a row's
    0-based number, where the relation tells it; else its rows are counted in their order, unless they can be found by
    their ``text``. ``row_text`` spares ``fetch`` for rows that have a number. ``record``, SQL of a row's whole text, is
    there as `_record` for ``checks`` and ``text``.
    """

    files: tuple[str, ...]
    relation: str
    expressions: tuple[tuple[str, str], ...]
    records: int
    set_aside: int
    fetch: Fetch
    row_number: str | None = None
    text: RecordText | None = None
    checks: tuple[Check, ...] = ()
    warnings: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    conversions: Mapping[int, Conversion] = field(default_factory=dict)
    row_text: RowText | None = None
    record: str = ""

    def place(self, line: int) -> tuple[str, int]:
        """The name of the delivered file that a line is of, and its 1-based number there."""
        return self.files[line // FILE], line % FILE
