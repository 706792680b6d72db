"""Rows of texts in a working copy, and the source over them: for formats that are read record by record.

A record is a mapping of names to texts. How a text becomes the contract's type, and which row rules it has to keep, is
validated afterwards as for every format.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from platform_assets.contracts.model import Contract
from platform_assets.formats.drift import compare_columns
from platform_assets.formats.lines import FILE, MAX_RECORD, Array
from platform_assets.formats.protocol import Place
from platform_assets.formats.source import Source
from platform_assets.formats.text_copy import NUMBER, relation_of, text_field
from platform_assets.sql.literals import path_literal

MAX_NAMES = 10_000
"""Different names in a file that are looked at."""


@dataclass(frozen=True)
class Record:
    """One record: the 1-based ``line`` it begins in, all of its bytes for the quarantine, its ``values`` by name.

    A value that is None, or not there, is null. With a ``reason`` it is no row, and is quarantined.
    """

    line: int
    raw: bytes
    values: Mapping[str, str | None]
    reason: str = ""


def text_rows(place: Place, files: Sequence[tuple[str, Iterable[Record]]], copy: Path) -> Source:
    """A source of the records of ``files``, each a name and what is in it, in their order.

    Records are written to ``copy`` one by one and not kept. Raises ``DeliveryRejected`` where the names in a file are
    not the contract's, as far as the contract does not tolerate that.
    """
    count = len(place.contract.columns)
    lines, offsets, longest, set_aside = array("q"), array("q", [0]), 0, 0
    warnings: tuple[str, ...] = ()
    empty: list[str] = []
    kept = copy.with_name(f"{copy.name}.raw")
    with copy.open("w", encoding="utf-8", newline="\n", buffering=1 << 20) as out, kept.open("wb", 1 << 20) as raw:
        for at, (name, records) in enumerate(files):
            names: dict[str, None] = {}
            before = len(lines) + set_aside
            for record in records:
                if len(names) < MAX_NAMES:
                    names.update(dict.fromkeys(record.values))
                fields, reason = ([], record.reason) if record.reason else _fields(record, place.contract)
                if reason:
                    set_aside += 1
                    place.quarantine.add(name, record.line, (reason,), record.raw)
                    continue
                row = ",".join([str(len(lines)), *fields])
                out.write(f"{row}\n")
                raw.write(record.raw)
                lines.append(at * FILE + record.line)
                offsets.append(offsets[-1] + len(record.raw))
                longest = max(longest, len(row))
            if len(lines) + set_aside == before:
                empty.append(name)
            else:
                warnings += compare_columns(place.contract, list(names), name, ordered=False)

    def fetch(numbers: Array) -> Iterator[tuple[int, int, bytes]]:
        with kept.open("rb") as source:
            for number in numbers.tolist():
                source.seek(offsets[number])
                yield number, lines[number], source.read(offsets[number + 1] - offsets[number])

    return Source(
        files=tuple(name for name, _ in files),
        relation=relation_of(path_literal(copy), count, longest),
        expressions=tuple((f"c{index + 1}", "VARCHAR") for index in range(count)),
        records=len(lines),
        set_aside=set_aside,
        fetch=fetch,
        row_number=NUMBER,
        warnings=warnings,
        empty=tuple(empty),
    )


def _fields(record: Record, contract: Contract) -> tuple[list[str], str]:
    """The record's fields in the order of the contract's columns, or why it cannot be a row."""
    if max(len(record.raw), sum(len(value or "") for value in record.values.values())) > MAX_RECORD:
        return [], "structure:record_too_long"
    fields = []
    for column in contract.columns:
        value = record.values.get(column.source_name)
        field = "" if value is None else text_field(value)
        if field is None:
            return [], f"type:{column.name}"
        fields.append(field)
    return fields, ""


__all__ = ["Record", "text_rows"]
