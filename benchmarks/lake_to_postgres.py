"""Lake to raw on PostgreSQL, with gates, against a bare COPY of the same rows.

    .venv/bin/python benchmarks/lake_to_postgres.py [--rows 2000000] [--turns 3]

The floor reads the same Parquet files with DuckDB and streams them, by the same pipe, into a table without index in one
transaction. The server is one of its own on loopback, with its default settings. Figures are wall seconds: the work of
the server is no CPU time of this process. The ledger is made before.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import psycopg2

from benchmarks.lake_to_ducklake import prepare
from benchmarks.lake_to_raw import COLUMNS, load, write_files
from demo.postgres_server import postgres_server
from platform_assets.warehouse.postgres.copying import copied
from platform_assets.warehouse.postgres.warehouse import PostgresWarehouse, open_postgres
from platform_assets.warehouse.protocol import PARTITION_COLUMN, ColumnDef, StagedFile, TableName
from tests.support.postgres import clear

BARE = TableName("bare", "sales")


def bare(warehouse: PostgresWarehouse, files: list[Path], _rows: int) -> None:
    columns = [ColumnDef(*column) for column in COLUMNS]
    staged = [StagedFile(str(file), f"p{i:05}") for i, file in enumerate(files)]
    with warehouse.session() as session:
        session.ensure_table(BARE, [*columns, ColumnDef(*PARTITION_COLUMN)])
        with session.transaction():
            copied(session, session.quote(BARE.schema, BARE.name), staged, columns, None, frozen=False)


def compare(url: str, rows: int, partitions: int, turns: int) -> None:
    """Write the files, load them in each way by turns, and print the least of each."""
    print(f"{rows:,} rows in {partitions} partition{'s' if partitions > 1 else ''}")
    warehouse = open_postgres(url, wait_seconds=600, memory_limit=None)
    found: dict[str, list[float]] = {"bare": [], "gated": []}
    with tempfile.TemporaryDirectory() as name:
        files = write_files(Path(name), rows, partitions)
        for _ in range(turns):
            for way, loading in (("bare", bare), ("gated", load)):
                clear(url)
                with psycopg2.connect(url) as connection:
                    connection.autocommit = True
                    connection.cursor().execute("CHECKPOINT")
                prepare(warehouse)
                started = time.monotonic()
                loading(warehouse, files, rows)
                found[way].append(time.monotonic() - started)
    least = {way: min(seconds) for way, seconds in found.items()}
    for way, seconds in least.items():
        print(f"  {way}: {seconds:.2f} s wall, {rows / seconds:,.0f} rows a second")
    print(f"  bare / gated: {least['bare'] / least['gated']:.2f} wall", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    with postgres_server() as url:
        for partitions in (1, 365):
            compare(url, options.rows, partitions, options.turns)


if __name__ == "__main__":
    main()
