"""Lake to raw on a DuckLake, with gates, against its own bare INSERT of the same rows, and against a DuckDB file.

    .venv/bin/python benchmarks/lake_to_ducklake.py [--rows 5000000] [--turns 3]

The floor inserts the same Parquet files by one statement into a table of a DuckLake, its catalog in SQLite. Then
partitions of a thousand rows are published one after the other, on a DuckDB file and on a DuckLake, where fixed costs
tell. Figures are of this process; extensions are loaded and the ledger is made before.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.lake_to_raw import COLUMNS, load, write_files
from platform_assets.publishing.migrations import ledger_session
from platform_assets.warehouse.ducklake.warehouse import open_ducklake
from platform_assets.warehouse.locations import open_warehouse
from platform_assets.warehouse.protocol import PARTITION_COLUMN, ColumnDef, TableName, Warehouse

SMALL = 30
"""Partitions that are published one after the other."""


def bare(warehouse: Warehouse, files: list[Path], _rows: int) -> None:
    table, columns = TableName("raw", "sales"), [ColumnDef(*column) for column in COLUMNS]
    with warehouse.session() as session:
        session.ensure_table(table, [*columns, ColumnDef(*PARTITION_COLUMN)])
        listed = ", ".join(f"'{file}'" for file in files)
        names = ", ".join(session.quote(column.name) for column in columns)
        session.execute(f"INSERT INTO raw.sales SELECT {names}, 'p' FROM read_parquet([{listed}])")


def prepare(warehouse: Warehouse) -> None:
    """Make the catalog and the ledger, and load the extensions."""
    for read_only in (False, True):
        with ledger_session(warehouse, read_only=read_only, purpose="a benchmark"):
            pass


def spent(work: Callable[[], object]) -> tuple[float, float]:
    """CPU and wall seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def size(place: Path) -> int:
    files = [place] if place.is_file() else place.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def compare(rows: int, partitions: int, turns: int) -> None:
    """Write the files, load them in each way by turns, and print the least of each."""
    print(f"{rows:,} rows in {partitions} partition{'s' if partitions > 1 else ''}")
    found: dict[str, list[tuple[float, float]]] = {"bare": [], "gated": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = write_files(folder, rows, partitions)
        for turn in range(turns):
            for way, loading in (("bare", bare), ("gated", load)):
                warehouse = open_ducklake(f"ducklake://{folder}/{way}{turn}", wait_seconds=600, memory_limit=None)
                prepare(warehouse)
                found[way].append(spent(lambda w=warehouse, do=loading: do(w, files, rows)))
        file = folder / "w.duckdb"
        load(open_warehouse(str(file)), files, rows)
        sizes = f"  on disk: {size(folder / 'gated0') / 1e6:.0f} MB, a DuckDB file {size(file) / 1e6:.0f} MB"
    least = {way: tuple(map(min, zip(*turns_, strict=True))) for way, turns_ in found.items()}
    for way, (cpu, wall) in least.items():
        print(f"  {way}: {wall:.2f} s wall, {cpu:.2f} s CPU")
    ratios = [bare_ / gated for bare_, gated in zip(least["bare"], least["gated"], strict=True)]
    print(f"  bare / gated: {ratios[0]:.2f} CPU, {ratios[1]:.2f} wall")
    print(sizes, flush=True)


def compare_small() -> None:
    """One partition after the other, on both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = write_files(folder, 1000 * SMALL, SMALL)
        for label, location in (("a DuckDB file", f"{folder}/w.duckdb"), ("a DuckLake", f"ducklake://{folder}/lake")):
            warehouse = open_warehouse(location)
            prepare(warehouse)
            load(warehouse, files[:1], 1000)
            cpu, wall = spent(lambda w=warehouse: [load(w, files[: i + 1], 1000 * (i + 1)) for i in range(1, SMALL)])
            count = SMALL - 1
            print(
                f"a publication of 1,000 rows on {label}: {wall / count:.3f} s wall, {cpu / count:.3f} s CPU",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    for partitions in (1, 365):
        compare(options.rows, partitions, options.turns)
    compare_small()


if __name__ == "__main__":
    main()
