"""Blocks of lines as rows of the working copy: most lines by a template, the others as documents."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any

from platform_assets.contracts.model import Contract
from platform_assets.formats.json.fields import column_fields, field
from platform_assets.formats.json.keys import Keys
from platform_assets.formats.json.lifting import values_of
from platform_assets.formats.json.quick import Blank, Faulty, documents, strict_document
from platform_assets.formats.json.template import Templates
from platform_assets.formats.lines import Block

Rows = tuple[Sequence[str | None], dict[int, str]]
"""Each line as a row, without its number but with a comma before it, or None; and why a line is no row, by its place.

A blank line is no row, and has no reason."""


class RowReader:
    """Reads the blocks of one file."""

    def __init__(self, contract: Contract, keys: Keys, templates: Templates) -> None:
        self._contract, self._keys, self._templates = contract, keys, templates

    def rows(self, block: Block) -> Rows:
        """The block's lines."""
        return self._by_template(block) or self._as_documents(block.lines(), block.data)

    def _by_template(self, block: Block) -> Rows | None:
        template = self._templates.template()
        if template is None:
            return None
        try:
            found, others = template.rows(block.data.decode())
        except UnicodeDecodeError:
            return None
        self._keys.count(self._templates.shape, len(found) - len(others))
        if not others:
            return found, {}
        lines = block.lines()
        wanted = [lines[at] for at in others]
        read, bad = self._as_documents(wanted, b"\n".join(wanted) + b"\n", len(lines))
        rows: list[str | None] = [*found]
        for at, row in zip(others, read, strict=True):
            rows[at] = row
        return rows, {others[at]: why for at, why in bad.items()}

    def _as_documents(self, lines: list[bytes], data: bytes, total: int = 0) -> Rows:
        """The rows of lines, which are all of a block or those of its ``total`` that fit no template."""
        read, doubtful = documents(lines, data)
        bad = {at: _why(document) for at, document in enumerate(read) if type(document) is not dict}
        places = [at for at in range(len(read)) if at not in bad]
        found: list[dict[str, Any]] = [read[at] for at in places] if bad else read
        if found:
            self._templates.learn(found, lines[places[0]], total or len(lines))
        refused = self._keys.refused(found)
        if refused:
            bad.update((places[at], "structure:extra_field") for at in refused)
            found = [document for at, document in enumerate(found) if at not in refused]
            places = [place for at, place in enumerate(places) if at not in refused]
        try:
            fields = [
                column_fields(column, values_of(column, found), doubtful=doubtful) for column in self._contract.columns
            ]
        except ValueError:
            # an integer that this Python writes no text of
            return self._strictly(lines)
        return self._joined(len(lines), places, fields, bad)

    def _strictly(self, lines: Sequence[bytes]) -> Rows:
        """The rows of lines whose keys were counted before."""
        read = [strict_document(line) for line in lines]
        bad: dict[int, str] = {}
        for at, document in enumerate(read):
            if type(document) is not dict:
                bad[at] = _why(document)
            elif self._keys.refuses(document):
                bad[at] = "structure:extra_field"
        places = [at for at in range(len(read)) if at not in bad]
        found = [read[at] for at in places]
        columns = self._contract.columns
        fields = [[field(column, value) for value in values_of(column, found)] for column in columns]
        return self._joined(len(lines), places, fields, bad)

    def _joined(
        self, count: int, places: Sequence[int], fields: Sequence[Sequence[str | None]], bad: dict[int, str]
    ) -> Rows:
        """The rows of ``count`` lines, from the ``fields`` of the columns for the lines at ``places``."""
        for column, each in zip(self._contract.columns, fields, strict=True):
            if None in each:
                for place, text in zip(places, each, strict=True):
                    if text is None:
                        bad.setdefault(place, f"type:{column.name}")
        joined = [None if None in row else ",".join(row) for row in zip(repeat(""), *fields, strict=False)]
        bad = {at: why for at, why in bad.items() if why}
        if len(joined) == count:
            return joined, bad
        rows: list[str | None] = [None] * count
        for place, row in zip(places, joined, strict=True):
            rows[place] = row
        return rows, bad


def _why(document: Any) -> str:
    """Why the line of a document that is no object is no row; empty for a blank one."""
    if document is Blank:
        return ""
    return str(document) if type(document) is Faulty else "structure:not_an_object"
