"""Lake -> raw with gates, against a bare INSERT from the same Parquet files.

``python benchmarks/lake_to_raw.py [--rows 20000000] [--partitions 365]`` writes the files once, then loads them in
child processes, each into a warehouse of its own: with ``publish`` (eight rules, ledger, lease, one transaction)
and with DuckDB's ``INSERT INTO ... SELECT ... FROM read_parquet([...])``. The aim is a ratio of 0.7 in CPU seconds
and in wall seconds. Also shown: the same again when everything is published already.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from platform_assets.contracts.model import BatchRule, Bounds, Metric, Severity
from platform_assets.publishing.publisher import publish
from platform_assets.publishing.verdicts import Candidate
from resources.warehouse.duckdb import DuckDBWarehouse
from resources.warehouse.protocol import TableName

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


def bare(folder: Path, files: list[Path], _rows: int) -> None:
    connection = duckdb.connect(str(folder / "bare.duckdb"), config={"threads": 2})
    body = ", ".join(f'"{name}" {type_}' for name, type_, _ in COLUMNS)
    connection.execute(f"CREATE TABLE raw ({body})")
    listed = ", ".join(f"'{file}'" for file in files)
    names = ", ".join(f'"{name}"' for name, _, _ in COLUMNS)
    connection.execute(f"INSERT INTO raw SELECT {names} FROM read_parquet([{listed}])")
    connection.close()


def gated(folder: Path, files: list[Path], rows: int) -> None:
    count = len(files)
    candidates = [
        Candidate(f"p{i:05}", "v1", (str(file),), rows * (i + 1) // count - rows * i // count)
        for i, file in enumerate(files)
    ]
    verdicts = publish(
        DuckDBWarehouse(folder / "gated.duckdb", threads=2),
        asset="raw/sales",
        table=TableName("raw", "sales"),
        columns=COLUMNS,
        candidates=candidates,
        rules=RULES,
        run_id="benchmark",
    )
    rejected = [verdict for verdict in verdicts if not verdict.published]
    assert not rejected, rejected[0]


WAYS = {"bare": bare, "gated": gated, "again": gated}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--partitions", type=int, default=365)
    parser.add_argument("--child", choices=WAYS)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    if arguments.child:
        files = sorted(arguments.folder.glob("*.parquet"))
        wall, cpu = time.perf_counter(), time.process_time()
        WAYS[arguments.child](arguments.folder, files, arguments.rows)
        spent = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        sys.stdout.write(json.dumps(spent) + "\n")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder, arguments.rows, arguments.partitions)
        found = {}
        for way in WAYS:
            command = [sys.executable, __file__, "--child", way, "--folder", name, "--rows", str(arguments.rows)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            found[way] = json.loads(done.stdout.splitlines()[-1])
            print(f"{way}: {found[way]['wall']:.2f} s wall, {found[way]['cpu']:.2f} s CPU", flush=True)
    for kind in ("cpu", "wall"):
        print(f"bare / gated, {kind}: {found['bare'][kind] / found['gated'][kind]:.2f}")


if __name__ == "__main__":
    main()
