"""A dg project of somebody else's, made in a folder: its defs, and runs through its own definitions."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import dagster as dg

from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from tests.support.recorded import Recorded

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
RESOURCES = """\
type: platform_assets.PlatformResources
attributes:
  landing: data/landing
  lake: data/lake
  warehouse: data/warehouse.duckdb
"""
DEFINITIONS = """\
from pathlib import Path

import dagster as dg


@dg.definitions
def defs():
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
"""
PYPROJECT = '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "{package}"\n'


def quick_instance(home: Path) -> dict[str, object]:
    """Overrides of dagster.yaml for the quick storage below ``home``, as in deploy/local."""
    return {
        "storage": {
            "custom": {
                "module": "platform_assets.instance.storage",
                "class": "QuickSqliteStorage",
                "config": {"base_dir": str(home / "dagster")},
            },
        },
        "telemetry": {"enabled": False},
    }


def write_project(root: Path, files: Mapping[str, str], package: str = "somebody") -> None:
    """A dg project with a ``package``; ``files`` are texts by path below its defs folder."""
    defs = root / package / "defs"
    for path, text in {"platform/defs.yaml": RESOURCES, **files}.items():
        (defs / path).parent.mkdir(parents=True, exist_ok=True)
        (defs / path).write_text(text)
    (root / package / "__init__.py").touch()
    (root / package / "definitions.py").write_text(DEFINITIONS)
    (root / "pyproject.toml").write_text(PYPROJECT.format(package=package))


@dataclass
class Project(Recorded):
    """A project that has been written, and an instance to run it on."""

    root: Path
    instance: dg.DagsterInstance

    @cached_property
    def definitions(self) -> dg.Definitions:
        tree = dg.ComponentTree.for_project(self.root)
        return tree.build_defs(tree.defs_module_path)

    @cached_property
    def job(self) -> dg.JobDefinition:
        return self.definitions.resolve_implicit_global_asset_job_def()

    @property
    def landing(self) -> Path:
        return self.root / "data" / "landing"

    @property
    def warehouse(self) -> DuckDBWarehouse:
        return DuckDBWarehouse(path=self.root / "data" / "warehouse.duckdb")

    def run(
        self, select: str, first: str | None = None, last: str | None = None, *, checks: bool = True
    ) -> dg.ExecuteInProcessResult:
        """One run of the assets that ``select`` names over ``first`` to ``last``, with or without their checks."""
        tags = {}
        if first is not None:
            tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last or first}
        graph = self.job.asset_layer.asset_graph
        keys = dg.AssetSelection.from_string(select).resolve(graph) & graph.executable_asset_keys
        job = self.job
        if not checks:
            wanted = dg.AssetSelection.assets(*keys).without_checks()
            chosen = dg.define_asset_job("without_checks", wanted, executor_def=dg.in_process_executor)
            job = dg.Definitions.merge(self.definitions, dg.Definitions(jobs=[chosen])).resolve_job_def(chosen.name)
        return job.execute_in_process(
            instance=self.instance,
            asset_selection=sorted(keys) if checks else None,
            tags=tags,
            run_config=QUIET,
            raise_on_error=False,
        )


@contextmanager
def opened(root: Path) -> Iterator[Project]:
    """The project in ``root`` with its package importable, on the instance in its folder `dagster`, made if need be."""
    (root / "dagster").mkdir(exist_ok=True)
    home = dg.instance_for_test(temp_dir=str(root / "dagster"), overrides=quick_instance(root))
    with home as instance, located(root, instance) as project:
        yield project


@contextmanager
def located(root: Path, instance: dg.DagsterInstance, package: str = "somebody") -> Iterator[Project]:
    """The project in ``root`` with its ``package`` importable, as a code location on an instance."""
    sys.path.insert(0, str(root))
    try:
        yield Project(root, instance)
    finally:
        sys.path.remove(str(root))
        for name in [name for name in sys.modules if name.split(".")[0] == package]:
            del sys.modules[name]
