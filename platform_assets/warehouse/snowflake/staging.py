"""Staging tables: transient, in a schema of their own, named after the process that has them.

The lake's Parquet files are read by DuckDB, which checks that their types fit, adds the partition of each row, and
writes files of the size that Snowflake loads best. These are put into the stage that belongs to the staging table, and
copied into it by one statement. Where a stage over the lake is named, the objects themselves are copied, and DuckDB
reads no more than their schemas. What a session has staged is dropped at its end, files and all; what a process of this
machine left that was killed, by the next one that stages; what others left, after a day.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from platform_assets.logs import logger
from platform_assets.warehouse.errors import SessionMisused, StatementFailed, WarehouseError
from platform_assets.warehouse.protocol import PARTITION_COLUMN, ColumnDef, StagedFile
from platform_assets.warehouse.snowflake import lake_files, lake_stage, loads, ownership
from platform_assets.warehouse.snowflake.locating import named_stage
from platform_assets.warehouse.snowflake.statements import SCHEMA, Statements
from platform_assets.warehouse.snowflake.types import type_of

log = logger(__name__)

_FORMAT = "TYPE = PARQUET USE_LOGICAL_TYPE = TRUE USE_VECTORIZED_SCANNER = TRUE NULL_IF = ()"
"""Times are what the files say they are, and no text stands for a null."""


class Staging:
    """The staging tables of one session."""

    def __init__(self, session: Statements, memory_limit: str | None) -> None:
        self._session, self._memory_limit = session, memory_limit
        self._made: list[str] = []
        self._saved: list[str] = []

    def from_query(self, query: str) -> str:
        """A relation with the rows of ``query`` as they are now."""
        table = self._next()
        self._session.execute(f"CREATE TRANSIENT TABLE {self._named(table)} AS {query}")
        return self._named(table)

    def from_parquet(self, files: Sequence[StagedFile], columns: Sequence[ColumnDef]) -> str:
        """A relation with the rows of Parquet files, and the partition of each."""
        stage = named_stage() if files and all(file.key for file in files) else ""
        table, session = self._next(), self._session
        key = loads.key_of(files, columns, stage) if loads.is_long(files) else ""
        if key and loads.taken_over(session, key, table):
            self._saved.append(table)
        else:
            beside = lake_stage.OBJECT if stage else ColumnDef(*PARTITION_COLUMN)
            body = ", ".join(f"{session.quote(c.name)} {type_of(c.type)}" for c in [*columns, beside])
            session.execute(f"CREATE TRANSIENT TABLE {self._named(table)} ({body})")
            if stage:
                self._copy_objects(table, stage, files, columns, key)
            elif files:
                self._put(table, files, columns, key)
        if not stage:
            return self._named(table)
        partitions = self._named(self._next())
        lake_stage.fill_partitions(session, partitions, files)
        return lake_stage.relation(session, self._named(table), partitions, columns, files[0].key)

    def _put(self, table: str, files: Sequence[StagedFile], columns: Sequence[ColumnDef], key: str) -> None:
        """Load the files by way of the stage of ``table``."""
        session, stage = self._session, f"@{SCHEMA}.%{table}"
        with lake_files.written(files, columns, self._memory_limit) as folder:
            written = session.text(f"file://{folder}/*.parquet")
            session.execute(f"PUT {written} {stage} AUTO_COMPRESS = FALSE SOURCE_COMPRESSION = NONE")
        copy = (
            f"COPY INTO {self._named(table)} FROM {stage} FILE_FORMAT = ({_FORMAT}) "
            "MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE ON_ERROR = ABORT_STATEMENT"
        )
        self._copy([copy], table, key)

    def _copy_objects(
        self, table: str, stage: str, files: Sequence[StagedFile], columns: Sequence[ColumnDef], key: str
    ) -> None:
        """Load the objects that the files were fetched from."""
        lake_files.check(files, columns, self._memory_limit)
        try:
            self._copy(lake_stage.copies(self._session, self._named(table), stage, files, _FORMAT), table, key)
        except StatementFailed as error:
            raise lake_stage.explained(error, stage) from None

    def _copy(self, statements: Sequence[str], table: str, key: str) -> None:
        """Of several statements none can be taken over: each has a part of the rows."""
        if key and len(statements) == 1:
            loads.load(self._session, key, table, statements[0])
            self._saved.append(table)
            return
        for statement in statements:
            self._session.execute(statement)

    def drop(self) -> None:
        """Drop what this session has staged; what cannot be dropped now is swept by another session."""
        made, self._made = self._made, []
        with contextlib.suppress(WarehouseError):
            loads.forget(self._session, self._saved)
            for table in made:
                self._session.execute(f"DROP TABLE IF EXISTS {self._named(table)}")

    def _named(self, table: str) -> str:
        return self._session.quote(SCHEMA, table)

    def _next(self) -> str:
        session = self._session
        if session.in_transaction:
            raise SessionMisused("nothing is staged inside a transaction: it would be created there")
        if not self._made:
            session.execute(f"CREATE SCHEMA IF NOT EXISTS {session.quote(SCHEMA)}")
            self._sweep()
        table = ownership.new_name()
        self._made.append(table)
        return table

    def _sweep(self) -> None:
        session = self._session
        rows = session.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = ?", [SCHEMA])
        names = [name for (name,) in rows if name not in self._made]
        old = {name for name in names if ownership.is_abandoned(name)}
        dead = {name for name in names if ownership.is_dead(name)} - old
        left = sorted(old | (dead - loads.saved(session) if dead else dead))
        for name in left:
            try:
                session.execute(f"DROP TABLE IF EXISTS {self._named(name)}")
            except WarehouseError as error:
                # of another role, for example: they are in nobody's way
                log.warning("a staging table that a dead session left could not be dropped: %s", error)
        if left:
            log.info("dropped %d staging tables that dead sessions left", len(left))
