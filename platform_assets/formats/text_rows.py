"""Rows of texts in a working copy, and the source over them: for formats that are read record by record.

A record is a mapping of names to texts. How a text becomes the contract's type, and which row rules it has to keep, is
validated afterwards as for every format.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from platform_assets.contracts.identifiers import sql_path
from platform_assets.formats.drift import judge_columns
from platform_assets.formats.lines import FILE, MAX_RECORD, Array
from platform_assets.formats.protocol import Place
from platform_assets.formats.source import Source
from platform_assets.formats.text_copy import quoted_field, relation_of

MAX_NAMES = 10_000
"""Different names in a file that are looked at."""


@dataclass(frozen=True)
class Record:
    """One record: the 1-based ``line`` it begins in, its bytes for the quarantine, its ``values`` by name.

    A value that is None, or not there, is null.
    """

    line: int
    raw: bytes
    values: Mapping[str, str | None]


def text_rows(place: Place, files: Sequence[tuple[str, Iterable[Record]]], copy: Path) -> Source:
    """A source of the records of ``files``, each a name and what is in it, in their order.

    Records are written to ``copy`` one by one and not kept. Raises ``DeliveryRejected`` where the names in a file are
    not the contract's, as far as the contract does not tolerate that.
    """
    columns = [column.source_name for column in place.contract.columns]
    lines, offsets, longest = array("q"), array("q", [0]), 0
    warnings: tuple[str, ...] = ()
    empty: list[str] = []
    kept = copy.with_name(f"{copy.name}.raw")
    with copy.open("w", encoding="utf-8", newline="\n", buffering=1 << 20) as out, kept.open("wb", 1 << 20) as raw:
        for at, (name, records) in enumerate(files):
            names: dict[str, None] = {}
            before = len(lines)
            for record in records:
                row = ",".join([str(record.line), *(_field(record.values.get(column)) for column in columns)])
                out.write(f"{row}\n")
                raw.write(record.raw[:MAX_RECORD])
                lines.append(at * FILE + record.line)
                offsets.append(offsets[-1] + min(len(record.raw), MAX_RECORD))
                longest = max(longest, len(row))
                if len(names) < MAX_NAMES:
                    names.update(dict.fromkeys(record.values))
            if len(lines) == before:
                empty.append(name)
            else:
                warnings += judge_columns(place.contract, list(names), name, ordered=False)

    def fetch(numbers: Array) -> Iterator[tuple[int, int, bytes]]:
        with kept.open("rb") as source:
            for number in numbers.tolist():
                source.seek(offsets[number])
                yield number, lines[number], source.read(offsets[number + 1] - offsets[number])

    return Source(
        files=tuple(name for name, _ in files),
        relation=relation_of(sql_path(copy), len(columns), longest),
        expressions=tuple((f"c{index + 1}", "VARCHAR") for index in range(len(columns))),
        records=len(lines),
        set_aside=0,
        fetch=fetch,
        warnings=warnings,
        empty=tuple(empty),
    )


def _field(value: str | None) -> str:
    # a NUL byte has no place in a text of DuckDB, so such a value breaks its row in the validation
    return "" if value is None else quoted_field(value)


__all__ = ["Record", "text_rows"]
