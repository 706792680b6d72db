"""Ingestion under a full contract against DuckDB's own typed reading of the format -> zstd Parquet without checks.

    python benchmarks/ingestion.py --rows 5000000
    python benchmarks/ingestion.py --format json
    python benchmarks/ingestion.py --format parquet
    python benchmarks/ingestion.py --format parquet --clear
    python benchmarks/ingestion.py --format json --files 5000
    python benchmarks/ingestion.py --nested

Both read the same file in the same run, each in a process of its own, by turns. Printed is the ratio in CPU
seconds (all threads) and each one's peak memory; and the ratio to DuckDB hashing the same column on its way, which no
contract can be quicker than. The contract has exact types on ten columns, a unique key, one
hashed column, limits, allowed values and a row rule; the second file has 1 % bad rows of four kinds. With
``--nested`` the rows are JSON lines with an object and an array of objects, and seven rules inside of them.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import _claims
from _orders import FEW, OPTIONS, floor, reading, write_files, write_rows

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: bench
version: 1.0.0
servers: [{server: landing, type: local, path: orders, format: FORMAT}]
schema:
  - name: orders
    properties:
      - {name: id, logicalType: integer, primaryKey: true, required: true}
      - name: email
        logicalType: string
        classification: personal
        customProperties: [{property: protection, value: hash}]
      - {name: qty, logicalType: integer, required: true, logicalTypeOptions: {minimum: 0, maximum: 100000}}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(12,2)"}
      - {name: score, logicalType: number}
      - {name: status, logicalType: string, enum: [{value: new}, {value: paid}, {value: sent}, {value: back}]}
      - {name: active, logicalType: boolean}
      - {name: day, logicalType: date}
      - {name: at, logicalType: timestamp}
      - {name: name, logicalType: string, required: true}
    quality:
      - type: custom
        engine: platform-assets
        name: large_orders_are_known
        implementation: {rowExpression: "qty < 200000 OR status = 'new'"}
customProperties: [{property: quarantineLimit, value: 0.05}]
"""
HASHED = "value: hash"
FLOORS = {"floor": "*", "+ hash": "* REPLACE (left(sha256('a key of 22 characters' || email), 32) AS email)"}
"""What DuckDB makes of the rows by itself."""
NESTED = "nested"
"""In the place of a format: JSON lines of claims."""


def ours(form: str, files: Path, folder: Path, *, clear: bool) -> tuple[int, int]:
    """The platform's ingestion of a file, or of all in a folder; gives the rows quarantined and the files written."""
    from platform_assets.ingestion.ingestor import ingest
    from platform_assets.lake.deliveries import Delivery, FileVersion
    from platform_assets.partition_key import PartitionKey
    from platform_assets.sql.contract_file import read_contract

    path = folder / "contract.yaml"
    contract = _claims.CONTRACT if form == NESTED else CONTRACT.replace("FORMAT", form)
    path.write_text(contract.replace(HASHED, "value: none") if clear else contract)
    delivered = sorted(files.iterdir()) if files.is_dir() else [files]
    manifest = ingest(
        contract=read_contract(path),
        delivery=Delivery("orders", PartitionKey("2020-01-01"), tuple(map(FileVersion.of, delivered))),
        lake=folder / "lake",
        pseudonym_key=b"a key of the benchmark, 32 bytes",
        force=True,
    )
    return manifest.rows_quarantined, len(manifest.data_files)


def child(what: str, form: str, files: Path, folder: Path) -> None:
    """Run one and print: CPU seconds, wall seconds, peak MB, quarantined rows, written files."""
    import duckdb  # noqa: F401  imports are not what is measured

    import platform_assets.ingestion.ingestor
    import platform_assets.sql.contract_file  # noqa: F401
    from platform_assets.contracts.model import FileKind
    from platform_assets.formats.protocol import format_of

    format_of(FileKind.JSONL if form in (NESTED, "json") else form)
    before, started = os.times(), time.monotonic()
    quarantined, written = 0, 1
    if what in FLOORS:
        names = str(files / "*") if files.is_dir() else str(files)
        read = _claims.reading(names) if form == NESTED else reading(form, names)
        floor(read, folder / "floor.parquet", values=FLOORS[what])
    else:
        quarantined, written = ours(form, files, folder, clear=what == "clear")
    after = os.times()
    cpu = after.user + after.system - before.user - before.system
    scale = 1 << 20 if sys.platform == "darwin" else 1 << 10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
    print(cpu, time.monotonic() - started, peak, quarantined, written)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, help="2,000,000 by default, 200,000 of nested ones")
    parser.add_argument("--turns", type=int, default=2, help="runs of each; the lowest CPU time counts")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--format", choices=OPTIONS, default="csv")
    shape.add_argument("--nested", action="store_true", help="JSON lines, seven rules inside an object and an array")
    parser.add_argument("--files", type=int, default=0, help="so many files of 100 rows, in place of one large one")
    parser.add_argument("--clear", action="store_true", help="hash no column: what DuckDB's hash costs is left out")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        what, form, file, folder = arguments.child
        child(what, form, Path(file), Path(folder))
        return
    if arguments.nested and (arguments.files or arguments.clear):
        parser.error("--nested has one file and no hashed column: leave --files and --clear away")
    with tempfile.TemporaryDirectory() as name:
        measure(arguments, Path(name))


def measure(arguments: argparse.Namespace, folder: Path) -> None:
    """Write the files, run both by turns and print."""
    form = NESTED if arguments.nested else arguments.format
    rows = arguments.files * FEW or arguments.rows or (200_000 if arguments.nested else 2_000_000)
    suffix = "json" if arguments.nested else form
    files = {"clean": folder / f"clean.{suffix}"}
    if arguments.files:
        files["clean"].mkdir()
        write_files(form, arguments.files, files["clean"])
    else:
        files["1 % bad"] = folder / f"dirty.{suffix}"
        if arguments.nested:
            _claims.write_rows(rows, *files.values())
        else:
            write_rows(form, rows, *files.values())
    found: dict[tuple[str, str], tuple[float, ...]] = {}
    hashes = not (arguments.clear or arguments.nested)
    floors, way = list(FLOORS) if hashes else ["floor"], "clear" if arguments.clear else "ours"
    for _ in range(arguments.turns):
        for what, label in (*((each, "clean") for each in floors), *((way, each) for each in files)):
            command = [sys.executable, __file__, "--child", what, form, str(files[label]), str(folder)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            figures = tuple(float(word) for word in output.split())
            found[what, label] = min(found.get((what, label), figures), figures)
    base, hashing = found["floor", "clean"][0], found.get(("+ hash", "clean"), (0.0,))[0]
    columns = f"3 columns of JSON, seven {NESTED} rules," if arguments.nested else f"10 columns of {form}"
    print(f"{rows:,} rows x {columns} in {arguments.files or 1:,} file(s)")
    for (what, label), (cpu, wall, peak, quarantined, written) in found.items():
        ratios = f"ratio {base / cpu:4.2f}" + (f" ({hashing / cpu:4.2f} with the hash)" if hashing else "")
        print(
            f"{what:>6} {label:>8}: {cpu:6.1f} CPU-s  {wall:6.1f} s  peak {peak:6.0f} MB  {ratios}  "
            f"quarantined {quarantined:,.0f}  files {written:.0f}"
        )


if __name__ == "__main__":
    main()
