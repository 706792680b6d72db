"""An arrival sensor of a project, driven by hand: ticks by a clock that a test moves on, and the runs they ask for."""

from __future__ import annotations

from dataclasses import dataclass, field

import dagster as dg
import pytest

from platform_assets.publishing.readers import ledger_history
from tests.support.projects import QUIET, Project

SECOND = 10**9


@dataclass
class Sensor:
    """The sensor of one feed: ticks one after the other, each from the cursor of the one before."""

    project: Project
    feed: str
    clock_ns: int
    cursor: str | None = None
    runs: list[dg.ExecuteInProcessResult] = field(default_factory=list)

    def tick(self, monkeypatch: pytest.MonkeyPatch) -> list[dg.RunRequest]:
        """What a tick asks for, after its dynamic keys were added."""
        sensor = next(s for s in self.project.definitions.sensors or () if s.name == f"{self.feed}_arrivals")
        instance = self.project.instance
        with (
            monkeypatch.context() as patch,
            dg.build_sensor_context(
                instance=instance,
                cursor=self.cursor,
                resources=self.project.definitions.resources,
            ) as context,
        ):
            patch.setattr("platform_assets.automation.arrival_sensor.time.time_ns", lambda: self.clock_ns)
            result = sensor(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        for request in result.dynamic_partitions_requests or ():
            instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        return list(result.run_requests or ())

    def run(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """Carry a request out as the daemon would: a run key that is known starts nothing."""
        tags = {**request.tags, "dagster/run_key": str(request.run_key)}
        assert not self.is_known(request)
        result = self.project.job.execute_in_process(
            instance=self.project.instance,
            asset_selection=[dg.AssetKey(["lake", self.feed]), dg.AssetKey(["raw", self.feed])],
            partition_key=request.partition_key,
            tags=tags,
            run_config=QUIET,
            raise_on_error=False,
        )
        self.runs.append(result)
        return result

    def is_known(self, request: dg.RunRequest) -> bool:
        """Whether there is a run of its run key already."""
        return bool(self.project.instance.get_runs(dg.RunsFilter(tags={"dagster/run_key": str(request.run_key)})))

    def published(self) -> list[str]:
        entries = ledger_history(self.project.warehouse, asset=f"raw/{self.feed}")
        return [entry.partition for entry in entries if entry.published]
