"""Loading the lake's objects from a stage over its root: no file is written or put.

The name of the object that a row comes from is loaded beside it; a table of the objects has the partition of each.
Whether names in the stage begin at the bucket or at the stage makes no difference: as many parts at the end of a name
are compared as a key below the root of the lake has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from platform_assets.warehouse.errors import StatementFailed, WarehouseUnreadable
from platform_assets.warehouse.protocol import PARTITION, ColumnDef, StagedFile
from platform_assets.warehouse.snowflake.locating import STAGE_VARIABLE
from platform_assets.warehouse.snowflake.statements import Statements

OBJECT = ColumnDef("_OBJECT", "VARCHAR")
"""In upper case: ``INCLUDE_METADATA`` has it without quotes. No column of a contract begins with ``_``."""
AT_ONCE = 1000
"""Files that one COPY may name."""
_MISSING = ("was not found", "does not exist")


def copies(session: Statements, table: str, stage: str, files: Sequence[StagedFile], form: str) -> list[str]:
    """The statements that load ``table``, a quoted name, which has :data:`OBJECT` beside its columns."""
    return [
        f"COPY INTO {table} FROM @{stage}/ FILES = ({', '.join(session.text(file.key) for file in some)}) "
        f"FILE_FORMAT = ({form}) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE "
        f"INCLUDE_METADATA = ({OBJECT.name} = METADATA$FILENAME) ON_ERROR = ABORT_STATEMENT"
        for some in _in_turn(files)
    ]


def fill_partitions(session: Statements, table: str, files: Sequence[StagedFile]) -> None:
    """Make ``table``, a quoted name: the partition of each object."""
    names = f"{session.quote(OBJECT.name)} VARCHAR, {session.quote(PARTITION)} VARCHAR"
    session.execute(f"CREATE TRANSIENT TABLE {table} ({names})")
    for some in _in_turn(files):
        rows = ", ".join(f"({session.text(file.key)}, {session.text(file.partition)})" for file in some)
        session.execute(f"INSERT INTO {table} VALUES {rows}")


def relation(session: Statements, rows: str, partitions: str, columns: Sequence[ColumnDef], key: str) -> str:
    """What is in the table ``rows``, with the partition from the table ``partitions``; ``key`` is one of the keys."""
    listed = ", ".join(f"r.{session.quote(column.name)}" for column in columns)
    name, ending = session.quote(OBJECT.name), session.text(f"([^/]+/){{{key.count('/')}}}[^/]+$")
    return (
        f"(SELECT {listed}, p.{session.quote(PARTITION)} FROM {rows} AS r JOIN {partitions} AS p "
        f"ON p.{name} = REGEXP_SUBSTR(r.{name}, {ending}))"
    )


def explained(error: StatementFailed, stage: str) -> Exception:
    """The error of a COPY: the stage's own fault where it lacks a file that was read from the lake before."""
    if not any(sign in str(error) for sign in _MISSING):
        return error
    return WarehouseUnreadable(
        f"the stage {stage} gave no file of the lake: {error}. {STAGE_VARIABLE} has to name a stage over the root of "
        "the lake (the URL of PLATFORM_LAKE) that the role may use."
    )


def _in_turn(files: Sequence[StagedFile]) -> Iterator[Sequence[StagedFile]]:
    return (files[start : start + AT_ONCE] for start in range(0, len(files), AT_ONCE))
