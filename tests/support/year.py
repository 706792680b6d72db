"""A few days of the real year in a platform of its own: files, an instance, and runs through real definitions."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import dagster as dg

from demo import landing
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from tests.support.recorded import Recorded

ROOT = Path(__file__).resolve().parents[2]
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@cache
def daily_files() -> dict[tuple[str, str], str]:
    """Text of every daily delivery, by feed and day."""
    return {(feed, day): text for feed, day, text in landing.daily_files(landing.data_folder())}


@dataclass
class Platform(Recorded):
    """One environment below ``home``; ``location`` is that of its warehouse, if it is none of DuckDB."""

    home: Path
    instance: dg.DagsterInstance
    location: str = ""

    @cached_property
    def job(self) -> dg.JobDefinition:
        """The job of all assets of the project's own definitions."""
        from platform_assets.definitions import build
        from platform_assets.environment import read_environment

        places = {"PLATFORM_HOME": str(self.home), "PLATFORM_WAREHOUSE": self.location}
        environment = read_environment({**places, "PLATFORM_ENV": "test"}, cwd=self.home)
        return build(environment).resolve_implicit_global_asset_job_def()

    @property
    def landing(self) -> Path:
        return self.home / "landing"

    @property
    def warehouse(self) -> DuckDBWarehouse:
        return DuckDBWarehouse(path=self.home / "warehouse.duckdb")

    def land(self, *days: str) -> None:
        """Deliver flights and weather of ``days``, and the reference data."""
        for name in landing.SNAPSHOTS:
            landing.put(self.landing / f"{name}.csv", (landing.data_folder() / f"{name}.csv").read_bytes())
        for (feed, day), text in daily_files().items():
            if day in days:
                landing.put(self.landing / feed / f"{feed}_{day}.csv", text.encode())

    def flights(self, day: str) -> Path:
        """The file of one day's flights."""
        return self.landing / "flights" / f"flights_{day}.csv"

    def run(
        self, first: str | None = None, last: str | None = None, *, select: str | None = None
    ) -> dg.ExecuteInProcessResult:
        """One run over ``first`` to ``last`` (of the snapshots, if left out) of the selected assets."""
        graph = self.job.asset_layer.asset_graph
        if select is None:
            wanted = {
                k for k in graph.executable_asset_keys if (graph.get(k).partitions_def is None) == (first is None)
            }
        else:
            wanted = dg.AssetSelection.from_string(select).resolve(graph)
        tags = {}
        if first is not None:
            tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last or first}
        return self.job.execute_in_process(
            instance=self.instance,
            asset_selection=sorted(wanted),
            tags=tags,
            run_config=QUIET,
            raise_on_error=False,
        )


def failures(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Message of each failed step."""
    found = {}
    for event in result.all_events:
        if event.event_type is dg.DagsterEventType.STEP_FAILURE and event.step_key:
            error = event.step_failure_data.error
            found[event.step_key] = json.dumps((error.cause or error).message) if error else ""
    return found


@contextmanager
def platform(home: Path) -> Iterator[Platform]:
    """A fresh platform below ``home`` on an instance of its own."""
    (home / "dagster").mkdir(parents=True)
    overrides = {
        "storage": {
            "custom": {
                "module": "platform_assets.instance.storage",
                "class": "QuickSqliteStorage",
                "config": {"base_dir": str(home / "dagster")},
            },
        },
        "telemetry": {"enabled": False},
    }
    with dg.instance_for_test(temp_dir=str(home / "dagster"), overrides=overrides) as instance:
        yield Platform(home, instance)
