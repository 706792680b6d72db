"""Lake -> raw with gates, against a bare INSERT from the same Parquet files, in two shapes.

``python benchmarks/lake_to_raw.py [--rows 20000000]`` loads one partition of two million rows, where fixed costs
tell, and then ``--rows`` in ``--partitions`` files. Each way runs in child processes by turns, each time into a
warehouse of its own: ``gated`` is ``publish`` (eight rules, ledger, lease, one transaction), ``bare`` is DuckDB's
``INSERT INTO ... SELECT ... FROM read_parquet([...])`` into a file of DuckDB's default format, ``same format`` the
same into one of the warehouse's format. The least of each counts. The aim is a ratio of 0.7 in CPU seconds and in
wall seconds. Also shown: ``again``, when everything is published already, and the memory of each way.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from platform_assets.contracts.model import BatchRule, Bounds, Metric
from platform_assets.contracts.severity import Severity
from platform_assets.publishing.from_files import publish
from platform_assets.publishing.verdicts import Candidate
from platform_assets.warehouse.duckdb.opening import STORAGE
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from platform_assets.warehouse.protocol import TableName, Warehouse

COLUMNS = [
    ("id", "BIGINT", "Key"),
    ("shop", "VARCHAR", "Where"),
    ("amount", "DECIMAL(12,2)", "How much"),
    ("weight", "DOUBLE", "How heavy"),
    ("day", "DATE", "When"),
    ("at", "TIMESTAMP", "When exactly"),
    ("person", "VARCHAR", "Pseudonym"),
    ("items", "BIGINT", "How many"),
    ("paid", "BOOLEAN", "Whether"),
    ("note", "VARCHAR", "Text"),
]
RULES = [
    BatchRule("not_empty", Metric.ROW_COUNT, Bounds(1)),
    BatchRule("usual_size", Metric.ROW_COUNT, Bounds(0.5, 2), history=14),
    BatchRule("note_filled", Metric.NULL_FRACTION, Bounds(0, 0.2), columns=("note",)),
    BatchRule("shop_filled", Metric.NULL_FRACTION, Bounds(0, 0), columns=("shop",)),
    BatchRule("mean_weight", Metric.MEAN, Bounds(0.8, 1.2), columns=("weight",), history=14),
    BatchRule("turnover", Metric.SUM, Bounds(0.5, 2), columns=("amount",), history=14, severity=Severity.WARNING),
    BatchRule("mean_items", Metric.MEAN, Bounds(1, 9), columns=("items",)),
    BatchRule("weights", Metric.SUM, Bounds(0), columns=("weight",)),
]


def write_files(folder: Path, rows: int, partitions: int) -> list[Path]:
    """One Parquet file a partition, zstd, as ingestion writes them."""
    connection = duckdb.connect(config={"threads": 2})
    files = []
    for i in range(partitions):
        file = folder / f"{i:05}.parquet"
        start, end = rows * i // partitions, rows * (i + 1) // partitions
        connection.execute(
            f"""COPY (SELECT i AS id, 'shop ' || i % 300 AS shop, CAST(i % 99991 AS DECIMAL(12,2)) AS amount,
            (i * 7919 % 10007) / 101.0::DOUBLE AS weight, DATE '2024-01-01' + {i} AS day,
            TIMESTAMP '2024-01-01' + INTERVAL (i % 86400) SECOND AS at, substr(sha256(CAST(i AS VARCHAR)), 1, 32)
            AS person, i % 10 AS items, i % 3 = 0 AS paid, CASE WHEN i % 10 > 0 THEN 'note ' || i % 1000 END AS note
            FROM range({start}, {end}) AS t(i)) TO '{file}' (COMPRESSION zstd)"""
        )
        files.append(file)
    return files


def bare(folder: Path, files: list[Path], _rows: int, config: dict[str, str | int] | None = None) -> None:
    connection = duckdb.connect(str(folder / "bare.duckdb"), config={"threads": 2, **(config or {})})
    body = ", ".join(f'"{name}" {type_}' for name, type_, _ in COLUMNS)
    connection.execute(f"CREATE TABLE raw ({body})")
    listed = ", ".join(f"'{file}'" for file in files)
    names = ", ".join(f'"{name}"' for name, _, _ in COLUMNS)
    connection.execute(f"INSERT INTO raw SELECT {names} FROM read_parquet([{listed}])")
    connection.close()


def same_format(folder: Path, files: list[Path], rows: int) -> None:
    bare(folder, files, rows, {"storage_compatibility_version": STORAGE})


def gated(folder: Path, files: list[Path], rows: int) -> None:
    load(DuckDBWarehouse(folder / "gated.duckdb", threads=2), files, rows)


def load(warehouse: Warehouse, files: list[Path], rows: int) -> None:
    """Publish the files, one partition each, with gates."""
    count = len(files)
    candidates = [
        Candidate(f"p{i:05}", "v1", (str(file),), rows * (i + 1) // count - rows * i // count)
        for i, file in enumerate(files)
    ]
    verdicts = publish(
        warehouse,
        asset="raw/sales",
        table=TableName("raw", "sales"),
        columns=COLUMNS,
        candidates=candidates,
        rules=RULES,
        run_id="benchmark",
    )
    rejected = [verdict for verdict in verdicts if not verdict.published]
    assert not rejected, rejected[0]


WAYS = {"bare": bare, "same format": same_format, "gated": gated, "again": gated}


def compare(rows: int, partitions: int, turns: int) -> None:
    """Write the files, load them in each way by turns, and print the least of each."""
    print(f"{rows:,} rows in {partitions} partition{'s' if partitions > 1 else ''}")
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as name:
        write_files(Path(name), rows, partitions)
        for way in [*WAYS] * turns:
            if way != "again":
                for database in Path(name).glob("*.duckdb*"):
                    database.unlink()
            command = [sys.executable, __file__, "--child", way, "--folder", name, "--rows", str(rows)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            found[way].append(json.loads(done.stdout.splitlines()[-1]))
    kinds = ("cpu", "wall", "peak")
    least = {way: {kind: min(turn[kind] for turn in all_) for kind in kinds} for way, all_ in found.items()}
    for way, spent in least.items():
        print(f"  {way}: {spent['wall']:.2f} s wall, {spent['cpu']:.2f} s CPU, {spent['peak']:.0f} MB at its peak")
    for floor in ("bare", "same format"):
        ratios = ", ".join(f"{least[floor][kind] / least['gated'][kind]:.2f} {kind}" for kind in ("cpu", "wall"))
        print(f"  {floor} / gated: {ratios}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--partitions", type=int, default=365)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--child", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        files = sorted(arguments.folder.glob("*.parquet"))
        wall, cpu = time.perf_counter(), time.process_time()
        WAYS[arguments.child](arguments.folder, files, arguments.rows)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        spent = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "peak": peak}
        sys.stdout.write(json.dumps(spent) + "\n")
        return
    compare(2_000_000, 1, arguments.turns + 2)
    compare(arguments.rows, arguments.partitions, arguments.turns)


if __name__ == "__main__":
    main()
