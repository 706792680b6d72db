"""The lake's Parquet files, read by DuckDB: whether their types fit, and written as Snowflake is to load them."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from platform_assets.sql.literals import literal
from platform_assets.warehouse.duckdb.in_memory import reading_session
from platform_assets.warehouse.duckdb.session import DuckDBSession
from platform_assets.warehouse.duckdb.staging import create_from_parquet
from platform_assets.warehouse.errors import StorageFault
from platform_assets.warehouse.protocol import PARTITION, ColumnDef, StagedFile
from platform_assets.warehouse.snowflake.types import type_of, word_of

FILE_SIZE = "128MB"


def check(files: Sequence[StagedFile], columns: Sequence[ColumnDef], memory_limit: str | None) -> None:
    """Read the schema of each file; ``StatementFailed`` if a column's type does not fit, or a file cannot be read."""
    with _viewed(files, _typed(columns), memory_limit):
        pass


@contextlib.contextmanager
def written(files: Sequence[StagedFile], columns: Sequence[ColumnDef], memory_limit: str | None) -> Iterator[Path]:
    """A folder with the rows and the partition of each, as Parquet files of the size that is loaded best."""
    typed = _typed(columns)
    try:
        with tempfile.TemporaryDirectory(prefix="platform-assets-") as folder:
            with _viewed(files, typed, memory_limit) as session:
                _write(session, Path(folder), typed)
            yield Path(folder)
    except OSError as error:
        text = f"the lake's files cannot be copied: {error}. Nothing was changed; run again."
        raise StorageFault(text) from error


def _typed(columns: Sequence[ColumnDef]) -> list[ColumnDef]:
    return [ColumnDef(column.name, word_of(type_of(column.type))) for column in columns]


@contextlib.contextmanager
def _viewed(
    files: Sequence[StagedFile], columns: Sequence[ColumnDef], memory_limit: str | None
) -> Iterator[DuckDBSession]:
    """A session of DuckDB with the rows of the files in the view ``staged``."""
    with reading_session(len(columns), memory_limit) as (_, session):
        create_from_parquet(session, "staged", files, columns)
        yield session


def _write(session: DuckDBSession, folder: Path, columns: Sequence[ColumnDef]) -> None:
    names = ", ".join(
        # Parquet has no whole numbers of 38 digits
        f"CAST({session.quote(c.name)} AS DECIMAL(38,0)) AS {session.quote(c.name)}"
        if c.type == "HUGEINT"
        else session.quote(c.name)
        for c in columns
    )
    session.execute(
        f"COPY (SELECT {names}, {session.quote(PARTITION)} FROM staged) TO {literal(str(folder))} (FORMAT parquet, "
        f"COMPRESSION snappy, FILE_SIZE_BYTES {literal(FILE_SIZE)}, FILENAME_PATTERN 'part_{{i}}', OVERWRITE_OR_IGNORE)"
    )
