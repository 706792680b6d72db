"""Delimited text as a format: read as it lies, or record by record where its structure is in doubt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from platform_assets.formats.csv.reader import Table, open_delimited, open_repaired, survey_delimited
from platform_assets.formats.protocol import Place, Prepared, TextFormat
from platform_assets.formats.source import Source
from platform_assets.lake.deliveries import FileVersion


class Csv(TextFormat):
    """CSV, TSV and their kin, as the contract's ``servers`` entry describes them."""

    def prepare(self, place: Place, file: FileVersion) -> Prepared:
        """The file with its header read and its records counted."""
        plain = self.plain(place, file)
        table = survey_delimited(place.contract, plain)
        return Prepared(file, plain.size, table.kind, plain.content_hash, table)

    def ways(self, place: Place, group: Sequence[Prepared], copy: Path) -> Sequence[Callable[[], Source]]:
        """By DuckDB's reader, then by the own grammar into a clean copy."""
        tables: list[Table] = [prepared.opened for prepared in group]
        return [
            lambda: open_delimited(place.contract, tables, copy),
            lambda: open_repaired(place.contract, tables, copy, place.quarantine),
        ]


FORMAT = Csv()
