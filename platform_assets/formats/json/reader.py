"""JSON lines as a source: each line read exactly, and its columns written as texts in a working copy.

A JSON string is read as a CSV cell would be; a JSON number fits integers and numbers only, true and false fit
booleans only, objects and arrays fit JSON columns only. A key that is not there is null.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from platform_assets.contracts.model import Column, Contract, LogicalType
from platform_assets.formats.drift import compare_columns
from platform_assets.formats.json.strict import Number, dump_json, parse_json
from platform_assets.formats.lines import FILE, MAX_RECORD, Array, Lines, fetch_lines, text_lines
from platform_assets.formats.plain_files import PlainFile
from platform_assets.formats.source import Source
from platform_assets.formats.text_copy import relation_of, text_field
from platform_assets.lake.errors import DeliveryRejected
from platform_assets.lake.quarantine import QuarantineWriter
from platform_assets.sql.literals import path_literal

MAX_KEYS = 10_000
"""Different keys of a file that are counted."""
REPORTED = 100
"""Keys that were left out and are reported one by one."""
NUMERIC = (LogicalType.INTEGER, LogicalType.NUMBER)


def open_json_lines(contract: Contract, files: Sequence[PlainFile], copy: Path, quarantine: QuarantineWriter) -> Source:
    """The files' good lines as rows of texts in ``copy``; lines that are no JSON object go to the quarantine."""
    lines, starts, set_aside, longest = Lines(), [0], 0, 0
    warnings: tuple[str, ...] = ()
    empty: list[str] = []
    with copy.open("w", encoding="utf-8", newline="\n", buffering=1 << 20) as out:
        for at, file in enumerate(files):
            _refuse_arrays(file)
            reader = _Reader(contract, file.name, quarantine)
            rows = starts[-1]
            for line, raw, length in text_lines(file.path, file.skip, MAX_RECORD):
                row = reader.row(line, raw, length)
                if row is not None:
                    lines.note(rows, at * FILE + line)
                    rows += 1
                    out.write(row)
            starts.append(rows)
            warnings += reader.compare_keys(rows - starts[-2])
            if rows == starts[-2] and not reader.set_aside:
                empty.append(file.name)
            set_aside, longest = set_aside + reader.set_aside, max(longest, reader.longest)
    relation = relation_of(path_literal(copy), len(contract.columns), longest)

    def raw_rows(numbers: Array) -> Iterator[tuple[int, int, bytes]]:
        for at, file in enumerate(files):
            mine = numbers[np.searchsorted(numbers, starts[at]) : np.searchsorted(numbers, starts[at + 1])]
            if len(mine):
                wanted = lines.of(mine) - at * FILE
                found = fetch_lines(file.path, file.skip, wanted)
                for number, (line, raw) in zip(mine.tolist(), found, strict=True):
                    yield number, at * FILE + line, raw

    return Source(
        tuple(file.name for file in files),
        relation,
        tuple((f"c{index + 1}", "VARCHAR") for index in range(len(contract.columns))),
        starts[-1],
        set_aside,
        raw_rows,
        warnings=warnings,
        empty=tuple(empty),
    )


class _Reader:
    def __init__(self, contract: Contract, name: str, quarantine: QuarantineWriter) -> None:
        self.contract, self.name, self.quarantine = contract, name, quarantine
        self.set_aside = 0
        self.longest = 0
        self.keys: Counter[str] = Counter(dict.fromkeys((column.source_name for column in contract.columns), 0))
        self.unknown: Counter[str] = Counter()
        self.expected = {column.source_name for column in contract.columns}

    def row(self, line: int, raw: bytes, length: int) -> str | None:
        """The line as a row of the working copy, or ``None`` when it was quarantined."""
        reason = "structure:record_too_long" if length > MAX_RECORD else ""
        document: Any = None
        if not reason:
            try:
                document = parse_json(raw.decode("utf-8"))
            except UnicodeDecodeError:
                reason = "encoding:invalid"
            except (ValueError, RecursionError):
                reason = "encoding:nul" if b"\0" in raw else "structure:json"
        if not reason and not isinstance(document, dict):
            reason = "structure:not_an_object"
        if not reason:
            _count(self.keys, document.keys())
            if not self.contract.extra_columns and not document.keys() <= self.expected:
                _count(self.unknown, document.keys() - self.expected)
                reason = "structure:extra_field"
        if reason:
            self._aside(line, reason, raw, length)
            return None
        texts = [str(line)]
        for column in self.contract.columns:
            value = document.get(column.source_name)
            text = _text(value, column)
            if text is None:
                self._aside(line, f"type:{column.name}", raw, length)
                return None
            texts.append(text)
        row = ",".join(texts) + "\n"
        self.longest = max(self.longest, len(row))
        return row

    def _aside(self, line: int, reason: str, raw: bytes, length: int) -> None:
        self.set_aside += 1
        self.quarantine.add(self.name, line, (reason,), raw, length)

    def compare_keys(self, rows: int) -> tuple[str, ...]:
        """Drift of the whole file, of which ``rows`` lines were good: a key that is new in many lines, a required one
        that is in none."""
        total = rows + self.set_aside
        if not total:
            return ()
        many = [key for key, count in self.unknown.items() if count > max(self.contract.quarantine_limit * total, 0)]
        absent = {column.source_name for column in self.contract.columns if not self.keys[column.source_name]}
        required = {column.source_name for column in self.contract.columns if column.required}
        some = any(self.keys.values())
        if some and (many or absent & required):
            found = [name for name, count in self.keys.items() if count and (name in self.expected or name in many)]
            compare_columns(self.contract, found, self.name, ordered=False)
        warnings = (
            [f"{self.name}: the key {name!r} is in no line and was read as null" for name in sorted(absent)]
            if some
            else []
        )
        left_out = sorted(self.keys.keys() - self.expected) if self.contract.extra_columns else []
        warnings += [
            f"{self.name}: the key {name[:60]!r} is not in the contract and was left out"
            for name in left_out[:REPORTED]
        ]
        if len(left_out) > REPORTED:
            warnings.append(
                f"{self.name}: {len(left_out) - REPORTED} other keys are not in the contract and were left out"
            )
        return tuple(warnings)


def _count(counter: Counter[str], keys: Collection[str]) -> None:
    """Count the keys; new ones only while there are not very many of them, as there are where keys are values."""
    if len(counter) < MAX_KEYS:
        counter.update(keys)
    else:
        counter.update(key for key in keys if key in counter)


def _text(value: Any, column: Column) -> str | None:
    """The value as a field of the working copy; ``None`` when its JSON type is not one of the column's."""
    if value is None:
        return ""
    kind = column.type
    if kind is LogicalType.JSON:
        return text_field(dump_json(value)) if isinstance(value, dict | list) else None
    if isinstance(value, Number):
        return str(value) if kind in NUMERIC else None
    if isinstance(value, bool):
        return json.dumps(value) if kind is LogicalType.BOOLEAN else None
    if isinstance(value, str):
        return text_field(value)
    return None


def _refuse_arrays(file: PlainFile) -> None:
    with file.path.open("rb") as source:
        source.seek(file.skip)
        head = source.read(4096).lstrip()
    if head.startswith(b"["):
        raise DeliveryRejected(
            "structure:json_array", f"{file.name}: is one JSON array; deliver one object on each line"
        )
    if head.startswith(b"<"):
        raise DeliveryRejected(
            "structure:markup", f"{file.name}: is an HTML or XML page, not JSON lines; was an error page saved?"
        )
