"""JSON lines as a format: one object on each line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from platform_assets.formats.json.items import open_json_items
from platform_assets.formats.json.reader import open_json_lines
from platform_assets.formats.json.uniform import LARGE, open_uniform
from platform_assets.formats.plain_files import PlainFile
from platform_assets.formats.protocol import Place, Prepared, TextFormat
from platform_assets.formats.source import Source


class JsonLines(TextFormat):
    """Files with a JSON object on each line."""

    def ways(self, place: Place, group: Sequence[Prepared], copy: Path) -> Sequence[Callable[[], Source]]:
        """As they lie, where all lines are of one shape; else line by line, into a copy whose columns are texts."""
        files: list[PlainFile] = [prepared.opened for prepared in group]
        if place.contract.rows_path:
            return [lambda: open_json_items(place, files, copy)]
        line_by_line = [lambda: open_json_lines(place.contract, files, copy, place.quarantine)]
        if len(files) > 1 or files[0].size < LARGE:
            return line_by_line
        return [lambda: open_uniform(place.contract, files[0]), *line_by_line]


FORMAT = JsonLines()
