"""Items of an array in JSON lines as rows: each with its line, and with what its document says beside the array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from platform_assets.contracts.model import Contract
from platform_assets.contracts.paths import DOCUMENT, INDEX, ITEM, key_of
from platform_assets.formats.json.fields import value_text
from platform_assets.formats.json.lifting import MISPLACED, items_of, value_in
from platform_assets.formats.json.quick import Blank, Faulty, documents
from platform_assets.formats.json.reader import refuse_arrays
from platform_assets.formats.json.writing import dump_json
from platform_assets.formats.lines import MAX_RECORD, line_blocks
from platform_assets.formats.plain_files import PlainFile
from platform_assets.formats.protocol import Place
from platform_assets.formats.source import Source
from platform_assets.formats.text_copy import text_field
from platform_assets.formats.text_rows import Record, text_rows


def open_json_items(place: Place, files: Sequence[PlainFile], copy: Path) -> Source:
    """The items of the files' lines as rows; a line that is no JSON object is one row of the quarantine."""
    for file in files:
        refuse_arrays(file)
    return text_rows(place, [(file.name, _Items(place.contract).records(file)) for file in files], copy)


class _Items:
    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._nothing: dict[str, str | None] = {column.source_name: None for column in contract.columns}
        own = [column for column in contract.columns if key_of(column) not in (DOCUMENT, INDEX)]
        self._keys = {key_of(column) for column in own} - {ITEM}
        self._whole = any(key_of(column) == ITEM for column in own)
        steps = contract.rows_path
        self._path = "".join("[]" if step == "*" else f".{step}" for step in steps).removeprefix(".")

    def records(self, file: PlainFile) -> Iterator[Record]:
        """A record for each item, and for each line that has none because it is no document."""
        for block in line_blocks(file.path, file.skip, MAX_RECORD):
            lines = block.lines()
            if block.length:
                yield self._bad(block.first, lines[0], "structure:record_too_long")
                continue
            for at, document in enumerate(documents(lines, block.data)[0]):
                line, raw = block.first + at, lines[at].removesuffix(b"\r")
                if type(document) is dict:
                    yield from self._of(document, line, raw)
                elif document is not Blank:
                    why = str(document) if type(document) is Faulty else "structure:not_an_object"
                    yield self._bad(line, raw, why)

    def _bad(self, line: int, raw: bytes, reason: str) -> Record:
        return Record(line, raw, self._nothing, reason)

    def _of(self, document: dict[str, Any], line: int, raw: bytes) -> Iterator[Record]:
        for index, item in enumerate(items_of(document, self._contract.rows_path), 1):
            if item is MISPLACED:
                yield self._bad(line, raw, f"type:{self._path}")
                continue
            text = dump_json(item).encode("utf-8", "backslashreplace")
            if not isinstance(item, dict) and self._keys and not self._whole:
                yield self._bad(line, text, "structure:not_an_object")
            elif isinstance(item, dict) and not self._contract.extra_columns and self._refuses(item):
                yield self._bad(line, text, "structure:extra_field")
            else:
                yield self._row(document, item, index, line, text)

    def _refuses(self, item: dict[str, Any]) -> bool:
        return not self._whole and not item.keys() <= self._keys

    def _row(self, document: dict[str, Any], item: Any, index: int, line: int, text: bytes) -> Record:
        values = dict(self._nothing)
        for column in self._contract.columns:
            value = value_in(column, item, index, document)
            if value is None:
                continue
            found = value_text(column, value)
            if found is None or text_field(found) is None:
                return self._bad(line, text, f"type:{column.name}")
            values[column.source_name] = found
        return Record(line, text, values)
