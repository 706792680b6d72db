"""A project of small feeds for benchmarks: a package `feeds`, its landing folder, lake and warehouse."""

from pathlib import Path

MODULE = "feeds.definitions"
CONTRACT = """
apiVersion: v3.0.2
kind: DataContract
id: {name}
name: {name}
version: 1.0.0
status: active
servers: [{{server: landing, type: local, path: {name}, format: csv}}]
schema:
  - name: {name}
    logicalType: object
    properties: [{{name: id, logicalType: integer}}]
"""
FEED = """
type: platform_assets.FileFeed
attributes:
  files: {name}/{name}_%Y-%m-%d.csv
  partitions: {{type: daily, start_date: "2024-01-01", timezone: UTC}}
"""
RESOURCES = """
type: platform_assets.PlatformResources
attributes: {landing: data/landing, lake: data/lake, warehouse: data/warehouse.duckdb}
"""
DEFINITIONS = """
import warnings
from pathlib import Path

import dagster as dg


@dg.definitions
def defs():
    warnings.simplefilter("ignore")
    tree = dg.ComponentTree.for_project(Path(__file__).parent)
    loaded = tree.build_defs(tree.defs_module_path)
    return dg.Definitions.merge(loaded, dg.Definitions(executor=dg.in_process_executor))
"""


def write_project(root: Path, feeds: dict[str, str]) -> Path:
    """The project with these feeds, each with further attributes as YAML; its landing folder."""
    package = root / "feeds"
    texts = {"definitions.py": DEFINITIONS, "__init__.py": "", "defs/platform/defs.yaml": RESOURCES}
    for name, more in feeds.items():
        texts[f"defs/{name}/contract.yaml"] = CONTRACT.format(name=name)
        texts[f"defs/{name}/defs.yaml"] = FEED.format(name=name) + (f"  {more}\n" if more else "")
    for path, text in texts.items():
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_text(text)
    (root / "pyproject.toml").write_text(
        '[project]\nname = "feeds"\n[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "feeds"\n'
    )
    landing = root / "data" / "landing"
    for name in feeds:
        (landing / name).mkdir(parents=True)
    return landing
