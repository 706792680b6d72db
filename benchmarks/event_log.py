"""A year over one asset in one run: the quick event log against Dagster's own, on SQLite and on PostgreSQL.

``python benchmarks/event_log.py [--partitions 365]`` runs each storage in a child process of its own, on a fresh
instance on disk, and prints seconds (wall and CPU) of the whole: planning, materializations and partitioned
checks, start and end of the run; how many events were stored, and the bytes of their texts. The aim is a ratio of 5 on
SQLite. PostgreSQL is one of its own on loopback.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dagster as dg
from dagster._serdes import serialize_value

from demo.postgres_server import postgres_server

STORAGES = {
    "SQLite stock": ("dagster._core.storage.event_log", "SqliteEventLogStorage"),
    "SQLite quick": ("platform_assets.instance.event_log", "QuickSqliteEventLogStorage"),
    "PostgreSQL stock": ("dagster_postgres.event_log", "PostgresEventLogStorage"),
    "PostgreSQL quick": ("platform_assets.instance.postgres", "QuickPostgresEventLogStorage"),
}


def measure(storage: str, partitions: int, home: Path) -> dict[str, float]:
    """One run over all partitions; seconds by wall and CPU, and how much of it the storage's own calls took."""
    module, name = STORAGES[storage]
    with postgres_server() if storage.startswith("PostgreSQL") else contextlib.nullcontext() as url:
        place = {"postgres_url": url} if url else {"base_dir": str(home / "events")}
        return run_of_a_year({"module": module, "class": name, "config": place}, partitions, home)


def run_of_a_year(config: dict[str, object], partitions: int, home: Path) -> dict[str, float]:
    days = dg.StaticPartitionsDefinition([f"day-{i:05}" for i in range(partitions)])
    check = dg.AssetCheckSpec("verdict", asset="raw", partitions_def=days)

    @dg.multi_asset(
        specs=[dg.AssetSpec("raw", partitions_def=days)],
        check_specs=[check],
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def raw(context: dg.AssetExecutionContext):
        for key in context.partition_keys:
            metadata = {"rows": 900, "quarantined": 3, "seconds": 0.02}
            yield dg.AssetMaterialization("raw", partition=key, metadata=metadata, tags={"dagster/data_version": key})
            yield dg.AssetCheckEvaluation(
                asset_key=dg.AssetKey("raw"), check_name="verdict", passed=True, partition=key, metadata={}
            )
        yield dg.Output(None, output_name="raw", metadata={"__source_asset_observation__": True})
        yield dg.Output(None, output_name="raw_verdict")

    spent = [0.0, 0, 0]
    with dg.instance_for_test(overrides={"event_log_storage": config}, temp_dir=str(home)) as instance:
        log = instance.event_log_storage
        assert type(log).__name__ == config["class"]
        for method in ("store_event", "store_event_batch"):
            _clock(log, method, spent)
        tags = {
            "dagster/asset_partition_range_start": "day-00000",
            "dagster/asset_partition_range_end": f"day-{partitions - 1:05}",
        }
        wall, cpu = time.perf_counter(), time.process_time()
        result = dg.materialize([raw], instance=instance, tags=tags)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        assert result.success
        counted = len(instance.get_materialized_partitions(dg.AssetKey("raw")))
        assert counted == partitions, counted
    return {"wall": wall, "cpu": cpu, "storage": spent[0], "events": spent[1], "bytes": spent[2]}


def _clock(log: object, method: str, spent: list[float]) -> None:
    """Count the outermost calls of ``method`` and their wall seconds."""
    inner = getattr(log, method)

    def clocked(argument: object) -> object:
        if spent[0] < 0:
            return inner(argument)
        before, started = spent[0], time.perf_counter()
        spent[0] = -1.0
        try:
            return inner(argument)
        finally:
            spent[0] = before + time.perf_counter() - started
            events = argument if isinstance(argument, list) else [argument]
            spent[1] += len(events)
            spent[2] += sum(len(serialize_value(event)) for event in events)

    setattr(log, method, clocked)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partitions", type=int, default=365)
    parser.add_argument("--child", choices=STORAGES)
    arguments = parser.parse_args()
    if arguments.child:
        with tempfile.TemporaryDirectory() as home:
            sys.stdout.write(json.dumps(measure(arguments.child, arguments.partitions, Path(home))) + "\n")
        return
    found = {}
    for storage in STORAGES:
        command = [sys.executable, __file__, "--child", storage, "--partitions", str(arguments.partitions)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
        found[storage] = json.loads(done.stdout.splitlines()[-1])
        shown = "  ".join(f"{name} {value:.2f}" for name, value in found[storage].items())
        print(f"{storage}: {shown}", flush=True)
    for engine in ("SQLite", "PostgreSQL"):
        stock, quick = found[f"{engine} stock"], found[f"{engine} quick"]
        ratios = ", ".join(f"{name} {stock[name] / quick[name]:.1f}" for name in ("wall", "cpu", "storage"))
        print(f"{engine}, stock / quick: {ratios}")


if __name__ == "__main__":
    main()
