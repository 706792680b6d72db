"""Parquet as a format: typed, so that its own schema decides how each value is read."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from platform_assets.formats.parquet.footer import Footer
from platform_assets.formats.parquet.reader import columns_at_fault, footer_of, open_parquet
from platform_assets.formats.plain_files import check_version, file_hash
from platform_assets.formats.protocol import Place, Prepared
from platform_assets.formats.source import Source
from platform_assets.lake.deliveries import FileVersion
from platform_assets.lake.errors import DeliveryRejected


class Parquet:
    """Parquet files of any writer."""

    def prepare(self, place: Place, file: FileVersion) -> Prepared:
        """The file with its footer read; files of one schema are of one kind."""
        check_version(file)
        content_hash = file_hash(file)
        footer = footer_of(Path(file.path))
        footer = dataclasses.replace(footer, for_sql=place.for_sql(footer.path))
        return Prepared(file, file.size, (footer.schema,), content_hash, footer)

    def ways(self, place: Place, group: Sequence[Prepared], copy: Path) -> Sequence[Callable[[], Source]]:
        """By DuckDB's reader, through an amended footer where that reads a type otherwise than the file has it."""
        footers: list[Footer] = [prepared.opened for prepared in group]
        return [lambda: open_parquet(place.contract, footers, place.engine, copy)]

    def fault(self, place: Place, prepared: Prepared, source: Source, why: str) -> DeliveryRejected | None:
        """The columns whose values cannot be read."""
        check_version(prepared.file)
        path = prepared.file.path
        names = columns_at_fault(place.engine, place.contract, source)
        if not names:
            message = f"{path}: its rows cannot be read: {why}; deliver it again"
            return DeliveryRejected("structure:parquet", message)
        listed = ", ".join(repr(name[:60]) for name in names[:10])
        return DeliveryRejected(
            "structure:values",
            f"{path}: the column {listed} has values that are none of its type, such as text that is not UTF-8 or "
            f"a time past all years ({why}); nothing of it was used",
        )


FORMAT = Parquet()
