"""Short words for the tests of publishing: candidates with real files, publishing them, reading them back."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from platform_assets.contracts.model import BatchRule, Bounds, Metric
from platform_assets.publishing.from_files import publish
from platform_assets.publishing.owners import registered
from platform_assets.publishing.verdicts import Candidate, Verdict
from platform_assets.warehouse.protocol import TableName, Warehouse

ASSET = "raw/sales"
TABLE = TableName("raw", "sales")
COLUMNS = [("id", "BIGINT", "Key"), ("v", "VARCHAR", "Version of the content"), ("x", "DOUBLE", "")]
NOT_EMPTY = BatchRule("not_empty", Metric.ROW_COUNT, Bounds(1))
BEFORE_COMMIT = [
    "publish.leased",
    "publish.staged",
    "publish.audited",
    "publish.fenced",
    "publish.deleted",
    "publish.inserted",
    "publish.recorded",
    "publish.before_commit",
]
AFTER_COMMIT = ["publish.committed", "publish.closed"]
"""The failpoints that a batch reaches, in order, before and after the commit that publishes it."""


@dataclass(frozen=True)
class Lake:
    """A folder of Parquet files; every row of a candidate carries its version in the column ``v``."""

    folder: Path

    def candidate(self, partition: str, version: str, rows: int = 3, *, select: str = "", files: int = 1) -> Candidate:
        """``select`` replaces the columns made from the row number ``i``."""
        columns = select or f"CAST(i AS BIGINT) AS id, '{version}' AS v, CAST(i AS DOUBLE) AS x"
        paths = []
        for part in range(files):
            path = self.folder / f"{partition}-{version}-{part}.parquet"
            if not path.exists():
                bounds = f"{rows * part // files}, {rows * (part + 1) // files}"
                duckdb.cursor().execute(f"COPY (SELECT {columns} FROM range({bounds}) AS r(i)) TO '{path}'")
            paths.append(str(path))
        return Candidate(partition, version, tuple(paths), rows)


def load(
    warehouse: Warehouse,
    *candidates: Candidate,
    rules: Sequence[BatchRule] = (NOT_EMPTY,),
    run: str = "run",
    columns: Sequence[tuple[str, str, str]] = COLUMNS,
    asset: str = ASSET,
    table: TableName = TABLE,
    lease_seconds: float = 60,
    wait_seconds: float = 30,
) -> list[Verdict]:
    return publish(
        warehouse,
        asset=asset,
        table=table,
        columns=columns,
        candidates=candidates,
        rules=rules,
        run_id=run,
        lease_seconds=lease_seconds,
        wait_seconds=wait_seconds,
    )


def content(warehouse: Warehouse, table: TableName = TABLE) -> dict[str, list[str]]:
    """The versions found in the rows of each partition, one entry a row."""
    with warehouse.session(read_only=True) as session:
        if session.describe(table) is None:
            return {}
        rows = session.execute(f"SELECT _partition, v FROM {table} ORDER BY 1, 2")
    found: dict[str, list[str]] = {}
    for partition, version in rows:
        found.setdefault(partition, []).append(version)
    return found


def session_class(warehouse: Warehouse) -> type[Any]:
    """The class of its sessions."""
    with warehouse.session() as session:
        return type(session)


def copies_staged(warehouse: Warehouse) -> bool:
    """Whether the lake's files are read once, when they are staged."""
    with warehouse.session() as session:
        return session.capabilities.copies_staged


class _Nothing:
    """Knows nothing of any lease owner."""

    def is_alive(self, owner: str) -> bool | None:
        return None


def unknown_here() -> AbstractContextManager[None]:
    """For the length of the block this process sees lease owners as another machine does: nothing is known of them."""
    return registered("", _Nothing())


def states(verdicts: Sequence[Verdict]) -> list[str]:
    return [("un" if verdict.unchanged else "") + verdict.state.value for verdict in verdicts]
