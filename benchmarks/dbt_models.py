"""Many dbt models over many days in one run, and how long the definitions of a large dbt project take to load.

    python benchmarks/dbt_models.py [--models 100] [--days 365] [--large 500]

A run of all models for all days, by a process of its own in a fresh instance, against one plain `dbt build` of the same
models and tests; CPU seconds of both processes, without what each takes to import and to parse (which is printed).
Then the seconds in which the definitions of a large project load, beyond the loading of its manifest. The aims: 1.3
times, and 2 s.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.backfill import CONFIG, PARTITIONS, deliver, write_project

FIRST = date(2024, 1, 1)
LAYERS = 4
"""A model of each layer reads one of the layer before; those of the first read the raw table."""


def write_models(root: Path, models: int, last: str) -> None:
    """The project of :mod:`benchmarks.backfill`, with so many models of two tests each in the place of its mart."""
    write_project(root)
    partitions = PARTITIONS.replace("2024-06-01", last)
    for path in ("orders", "mart"):
        file = root / "shop/defs" / path / "defs.yaml"
        file.write_text(file.read_text().replace(PARTITIONS, partitions))
    (root / "dbt/models/daily_orders.sql").unlink()
    described = []
    across = max(1, models // LAYERS)
    for number in range(models):
        layer = min(number // across, LAYERS - 1)
        parent = f"ref('m{number - across:03}')" if layer else "source('raw', 'orders')"
        sql = (
            f"select _partition, country, status, sum(amount) as amount, sum(quantity)::bigint as quantity\n"
            f"from {{{{ {parent} }}}} where {{{{ in_partitions() }}}} group by all"
        )
        (root / f"dbt/models/m{number:03}.sql").write_text(CONFIG + sql)
        columns = [{"name": name, "data_tests": ["not_null"]} for name in ("country", "amount")]
        described.append({"name": f"m{number:03}", "columns": columns})
    about = {"sources": [{"name": "raw", "tables": [{"name": "orders"}]}], "models": described}
    (root / "dbt/models/models.yml").write_text(json.dumps(about))


def cpu() -> float:
    """CPU seconds of this process so far, and of its children that have ended."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in spent)


def through_dagster(root: Path, select: str, first: str, last: str) -> float:
    """A run of the selected assets in this process; CPU seconds from the loaded definitions to the end of the run."""
    import dagster as dg

    from tests.support.projects import QUIET, quick_instance

    for module in ("dbt.cli.main", "dbt.task.build", "platform_assets.definitions"):
        importlib.import_module(module)
    definitions = loaded(root)
    job = definitions.resolve_implicit_global_asset_job_def()
    graph = job.asset_layer.asset_graph
    keys = dg.AssetSelection.from_string(select).resolve(graph) & graph.executable_asset_keys
    home = root / "dagster"
    home.mkdir(exist_ok=True)
    with dg.instance_for_test(temp_dir=str(home), overrides=quick_instance(home)) as instance:
        began = cpu()
        result = job.execute_in_process(
            instance=instance,
            asset_selection=sorted(keys),
            tags={"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last},
            run_config=QUIET,
        )
        assert result.success
        return cpu() - began


def loaded(root: Path) -> Any:
    sys.path.insert(0, str(root))
    warnings.simplefilter("ignore")
    return importlib.import_module("shop.definitions").defs()


def plain_dbt(root: Path, warehouse: Path) -> float:
    """`dbt build` of everything in this process, once it is parsed; CPU seconds of it."""
    from dbt.cli.main import dbtRunner

    os.environ["PLATFORM_WAREHOUSE"] = str(warehouse)
    folder = str(root / "dbt")
    options = ["--project-dir", folder, "--profiles-dir", folder, "--quiet"]
    parsed = dbtRunner().invoke(["parse", *options])
    assert parsed.success, parsed.exception
    began = cpu()
    built = dbtRunner(manifest=parsed.result).invoke(["build", *options])  # type: ignore[arg-type]
    assert built.success, built.exception
    return cpu() - began


def in_a_process(*words: str) -> float:
    """What a part of this benchmark measures, run by a process of its own."""
    environment = {**os.environ, "DO_NOT_TRACK": "1"}
    command = [sys.executable, "-m", "benchmarks.dbt_models", "--part", *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(done.stdout.splitlines()[-1])


def load_seconds(root: Path) -> tuple[float, float]:
    """Seconds to read the manifest, and to load the definitions of it when it is parsed already."""
    from platform_assets.dbt.project import DbtProjectFiles

    os.environ["PLATFORM_WAREHOUSE"] = str(root / "data/warehouse.duckdb")
    began = time.perf_counter()
    DbtProjectFiles(root / "dbt", root / "dbt").parsed().manifest()
    manifest = time.perf_counter() - began
    for module in ("dagster", "platform_assets.components.dbt_models", "platform_assets.definitions"):
        importlib.import_module(module)
    began = time.perf_counter()
    definitions = loaded(root)
    definitions.resolve_asset_graph()
    return manifest, time.perf_counter() - began


PARTS: dict[str, Callable[..., float]] = {
    "run": lambda root, select, first, last: through_dagster(Path(root), select, first, last),
    "plain": lambda root, warehouse: plain_dbt(Path(root), Path(warehouse)),
}


def models_by_days(models: int, days: int, rows: int) -> None:
    root = Path(tempfile.mkdtemp(prefix="dbt-models-"))
    keys = [str(FIRST + timedelta(days=n)) for n in range(days)]
    write_models(root, models, str(FIRST + timedelta(days=days)))
    deliver(root, keys, rows)
    (root / "data/landing").mkdir(parents=True)
    (root / "files").rename(root / "data/landing/orders")
    os.environ["PLATFORM_HOME"] = str(root / "data")
    try:
        in_a_process("run", str(root), "key:*/orders", keys[0], keys[-1])
        plain = root / "plain.duckdb"
        shutil.copy(root / "data/warehouse.duckdb", plain)
        floor = in_a_process("plain", str(root), str(plain))
        print(f"plain dbt build of {models} models, {2 * models} tests, {days * rows:,} rows: {floor:.1f} CPU seconds")
        found = in_a_process("run", str(root), "key:m*", keys[0], keys[-1])
        print(f"one run of them for {days} days: {found:.1f} CPU seconds, {found / floor:.2f} times it", flush=True)
        print(f"  {1000 * (found - floor) / models / days:.2f} ms for each partition of a model beyond it")
    finally:
        shutil.rmtree(root, ignore_errors=True)


def large_project(models: int) -> None:
    root = Path(tempfile.mkdtemp(prefix="dbt-large-"))
    os.environ["PLATFORM_HOME"] = str(root / "data")
    try:
        write_models(root, models, "2024-06-01")
        words = [sys.executable, "-m", "benchmarks.dbt_models", "--part", "load", str(root)]
        for _ in range(2):  # the first parses the project
            done = subprocess.run(words, check=True, capture_output=True, text=True)
        manifest, seconds = map(float, done.stdout.split()[-2:])
        print(
            f"{models} models: manifest read in {manifest:.2f} s, definitions loaded in {seconds:.2f} s after imports"
        )
    finally:
        shutil.rmtree(root, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--rows", type=int, default=200, help="of each day")
    parser.add_argument("--large", type=int, default=500, help="models of the large project")
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        part, *words = options.part
        print(*(load_seconds(Path(words[0])) if part == "load" else [PARTS[part](*words)]))
        return
    models_by_days(options.models, options.days, options.rows)
    large_project(options.large)


if __name__ == "__main__":
    main()
