"""The bad rows of a source: which rules each of them breaks, and where it lies in the file.

The pass that writes the good rows hands over the number of each bad one, where the source has numbers. DuckDB does
not number the rows of a text file while it reads with several threads: there the pass hands over the text of each bad
row, and the file is searched for these texts. Either costs a tenth of a second pass. That is made where a row's text
cannot be told from its values, or the counts do not meet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import duckdb
import numpy as np

from platform_assets.failures import Kind, PlatformError
from platform_assets.formats.lines import Array
from platform_assets.formats.source import RecordText, Source
from platform_assets.sql.literals import literal
from platform_assets.sql.row_rules import Check

MASK_BITS = 60
FEW = 50_000
"""A source of fewer rows is read a second time sooner than the function is made known (2 ms)."""
MAX_BYTES = 256 << 20
"""Memory for the rows that are handed over; a file with more bad rows gets a second pass."""
OVERHEAD = 500
"""Bytes that a row takes besides its text."""
FUNCTION = "hand_over"
NO_TEXT = ""
"""In the place of a row's text that is not handed over."""

Mask = tuple[int, ...]
"""The bits of the checks that a row breaks, in groups of 60."""


@dataclass(frozen=True)
class BadRows:
    """Row numbers, ascending, and for each the line, the raw bytes and the broken checks (to be read once)."""

    numbers: Array
    rows: Iterable[tuple[int, bytes, Mask]]


class CountsDoNotMeet(PlatformError):
    """DuckDB gave another number of rows than the file's bytes have."""

    kind = Kind.BUG
    code = "counts"


class HandedOver:
    """Takes the bad rows of one pass from DuckDB. ``condition`` is what the pass filters by.

    The pass is over the source's rows with their ``number`` as `_number`, if that is given.
    """

    def __init__(self, engine: duckdb.DuckDBPyConnection, source: Source, checks: tuple[Check, ...]) -> None:
        self._engine, self._source = engine, source
        self._good = all_of(checks)
        self._masks = masks(checks)
        self._rows: list[tuple[Any, Any]] = []
        self._room = MAX_BYTES
        takes = bool(self._masks) and source.records >= FEW
        self.number = source.row_number if takes else None
        self._row_text = source.row_text if self.number is not None else None
        self._text = source.text if takes and self.number is None else None

    @property
    def condition(self) -> str:
        handed = self._text.sql if self._text is not None else None
        if self.number is not None:
            text = literal(NO_TEXT)
            if self._row_text is not None:
                # a function is not called where one of its arguments is null
                text = f"coalesce({self._row_text.sql}, {text})"
            handed = f'"_number", {text}'
        if handed is None:
            return self._good
        mask = ", ".join(self._masks)
        return f"CASE WHEN {self._good} THEN true ELSE {FUNCTION}({handed}, [{mask}]) END"

    def __enter__(self) -> Self:
        if self.number is not None:
            self._create(["BIGINT", "VARCHAR", "BIGINT[]"], self._take_number)
        elif self._text is not None:
            self._create(["VARCHAR", "BIGINT[]"], self._take_text)
        return self

    def _create(self, types: list[Any], taker: Callable[..., bool]) -> None:
        self._engine.create_function(FUNCTION, taker, types, "BOOLEAN", side_effects=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.number is not None or self._text is not None:
            self._engine.remove_function(FUNCTION)

    def _take_text(self, text: str, mask: list[int]) -> bool:
        # called by several threads: a list takes whole rows, while the room left need not be exact
        if self._room > 0:
            self._room -= len(text) + OVERHEAD
            self._rows.append((text, tuple(mask)))
        return False

    def _take_number(self, number: int, text: str, mask: list[int]) -> bool:
        if self._room > 0:
            self._room -= len(text) + OVERHEAD
            self._rows.append((number, (text, tuple(mask))))
        return False

    def found(self, missing: int) -> BadRows | None:
        """The bad rows in the file's order; ``None`` unless there are exactly ``missing``, each beyond doubt."""
        if len(self._rows) != missing:
            return None
        return self._by_number(missing) if self._text is None else self._by_text(self._text, missing)

    def _by_number(self, missing: int) -> BadRows | None:
        broken = dict(sorted(self._rows))
        self._rows.clear()
        if len(broken) != missing:
            return None
        numbers = np.fromiter(broken, np.int64, missing)
        return BadRows(numbers, self._with_texts(broken))

    def _with_texts(self, broken: dict[int, tuple[str, Mask]]) -> Iterator[tuple[int, bytes, Mask]]:
        """The rows in their order; those that came without a text are fetched."""
        without = [number for number, (text, _) in broken.items() if text == NO_TEXT]
        fetched = self._source.fetch(np.asarray(without, np.int64)) if without else iter(())
        for number, (text, mask) in broken.items():
            if text != NO_TEXT and self._row_text is not None:
                yield self._row_text.line(number), text.encode(), mask
            elif (found := next(fetched, None)) is not None and found[0] == number:
                yield found[1], found[2], mask

    def _by_text(self, text: RecordText, missing: int) -> BadRows | None:
        broken: dict[bytes, Mask] = {}
        times: dict[bytes, int] = {}
        for row, mask in self._rows:
            raw = row.encode()
            times[raw] = times.get(raw, 0) + 1
            if broken.setdefault(raw, mask) != mask:
                return None
        self._rows.clear()
        numbers: list[int] = []
        rows: list[tuple[int, bytes, Mask]] = []
        for number, line, raw in text.find(broken):
            times[raw] -= 1
            if times[raw] < 0:
                # the same text is a good row elsewhere
                return None
            numbers.append(number)
            rows.append((line, raw, broken[raw]))
        return BadRows(np.asarray(numbers, np.int64), rows) if len(rows) == missing else None


def second_pass(engine: duckdb.DuckDBPyConnection, source: Source, checks: tuple[Check, ...], typed: str) -> BadRows:
    """The bad rows, by a pass that numbers the rows of ``typed``."""
    names = [f'"_m{index}"' for index in range(len(masks(checks)))]
    # the masks are made before rows are numbered, for numbering copies each column that is asked for above it
    validated = ", ".join(
        f"CAST(CASE WHEN {all_of(checks)} THEN 0 ELSE {mask} END AS BIGINT) AS {name}"
        for mask, name in zip(masks(checks), names, strict=True)
    )
    number = ', "_number"' if source.row_number else ""
    counted = '"_number"' if source.row_number else "row_number() OVER () - 1"
    selected = ", ".join(names)
    threads = engine.execute("SELECT current_setting('threads')").fetchone()
    try:
        if not source.row_number:
            # numbered rows are read by one thread; the others would wait for it in a loop, at its cost once more
            engine.execute("SET threads = 1")
        found = engine.execute(
            f'SELECT "_row", {selected} FROM (SELECT {counted} AS "_row", {selected} FROM '
            f"(SELECT {validated}{number} FROM {typed})) WHERE {' OR '.join(f'{name} <> 0' for name in names)}"
        ).fetchnumpy()
    finally:
        engine.execute(f"SET threads = {threads[0] if threads else 1}")
    numbers = np.asarray(found["_row"], np.int64)
    order = np.argsort(numbers, kind="stable")
    bits = zip(*(np.asarray(found[name.strip('"')], np.int64)[order].tolist() for name in names), strict=True)
    places = source.fetch(numbers[order])
    return BadRows(numbers[order], ((line, raw, mask) for (_, line, raw), mask in zip(places, bits, strict=False)))


def all_of(checks: tuple[Check, ...]) -> str:
    return " AND ".join(check.sql for check in checks) or "true"


def masks(checks: tuple[Check, ...]) -> list[str]:
    """SQL for the bits of the broken checks, an integer for each group."""
    groups = [checks[start : start + MASK_BITS] for start in range(0, len(checks), MASK_BITS)]
    return [
        " + ".join(f"CASE WHEN {check.sql} THEN 0 ELSE {1 << bit} END" for bit, check in enumerate(group))
        for group in groups
    ]


def codes(checks: tuple[Check, ...], mask: Mask) -> tuple[str, ...]:
    """The codes of the checks whose bits are set, in their order."""
    return tuple(check.code for at, check in enumerate(checks) if mask[at // MASK_BITS] >> at % MASK_BITS & 1)
