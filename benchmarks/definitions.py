"""How long the definitions of many feeds take to load, beyond the imports.

    python benchmarks/definitions.py [--feeds 200 1000]

Prints seconds for each number of feeds, and the ratio of the time per feed at the largest number to that at the
smallest: 1 is linear. The floor of the same run is the import of Dagster and of the component.
"""

import argparse
import importlib
import sys
import tempfile
import time
import warnings
from pathlib import Path

CONTRACT = """apiVersion: v3.0.2
kind: DataContract
id: {name}
name: {name}
version: 1.0.0
status: active
domain: bench
team: [{{username: "team:bench", role: owner}}]
servers: [{{server: landing, type: local, path: {name}, format: csv}}]
slaProperties: [{{property: latency, value: 24, unit: h}}]
schema:
  - name: {name}
    logicalType: object
    properties:
      - {{name: id, logicalType: integer, description: key, required: true, primaryKey: true}}
{columns}
    quality:
      - {{name: row_count, type: library, metric: rowCount, mustBeGreaterThan: 0}}
"""
COLUMN = "      - {{name: c{n}, logicalType: string, description: column {n}, logicalTypeOptions: {{maxLength: 100}}}}"
PYPROJECT = """[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "bench"
"""
DEFS = """type: platform_assets.FileFeed
attributes:
  files: {name}/{name}_%Y-%m-%d.csv
  partitions: {{type: daily, start_date: "2024-01-01", timezone: UTC}}
"""


def write_project(root: Path, feeds: int) -> None:
    """A dg project with so many feeds of twelve columns each."""
    (root / "pyproject.toml").write_text(PYPROJECT)
    package = root / "bench"
    (package / "defs").mkdir(parents=True)
    (package / "__init__.py").touch()
    columns = "\n".join(COLUMN.format(n=n) for n in range(11))
    for number in range(feeds):
        name = f"feed_{number:04}"
        folder = package / "defs" / f"domain_{number % 20:02}" / name
        folder.mkdir(parents=True)
        (folder / "defs.yaml").write_text(DEFS.format(name=name))
        (folder / "contract.yaml").write_text(CONTRACT.format(name=name, columns=columns))


def load_seconds(feeds: int) -> float:
    """Seconds to load that many feeds into a resolved repository, imports not counted."""
    dg = importlib.import_module("dagster")
    compat = importlib.import_module("platform_assets._compat")
    with tempfile.TemporaryDirectory() as folder:
        write_project(Path(folder), feeds)
        sys.path.insert(0, folder)
        for name in [name for name in sys.modules if name == "bench" or name.startswith("bench.")]:
            del sys.modules[name]
        started = time.perf_counter()
        tree = compat.component_tree(Path(folder))
        definitions = dg.Definitions.merge(
            tree.build_defs(tree.defs_module_path), dg.Definitions(resources={"platform": object()})
        )
        count = len(definitions.resolve_asset_graph().get_all_asset_keys())
        seconds = time.perf_counter() - started
        sys.path.remove(folder)
    assert count == 3 * feeds
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, nargs="+", default=[50, 200, 1000])
    sizes = parser.parse_args().feeds
    warnings.simplefilter("ignore")
    started = time.perf_counter()
    importlib.import_module("dagster")
    importlib.import_module("platform_assets.components.file_feed")
    print(f"imports (floor)        {time.perf_counter() - started:6.2f} s")
    load_seconds(2)
    per_feed = []
    for size in sizes:
        seconds = load_seconds(size)
        per_feed.append(seconds / size)
        print(f"{size:5} feeds            {seconds:6.2f} s  {1000 * seconds / size:.1f} ms a feed")
    growth = per_feed[-1] / per_feed[0]
    print(f"growth of the time per feed, {sizes[0]} to {sizes[-1]} feeds: {growth:.2f} (1 is linear)")


if __name__ == "__main__":
    main()
