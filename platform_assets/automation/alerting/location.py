"""What alerts have to know of a code location; it stays as it is for as long as its code is loaded."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import dagster as dg

from platform_assets._compat import AssetGraph
from platform_assets.alerts.lineage import Lineage
from platform_assets.alerts.locations import KeptLocation, KnownLocation
from platform_assets.alerts.store import Transaction
from platform_assets.automation.alerting.expected import ON_TIME, Expectation, expectations
from platform_assets.automation.alerting.lineage import assets_with_check, lineage_of
from platform_assets.automation.alerting.ticks import Cron
from platform_assets.publishing.verdicts import VERDICT


@dataclass(frozen=True)
class Location:
    """The assets, ``schedules`` and ``sensors`` of the code location ``name``."""

    name: str
    graph: AssetGraph
    schedules: Mapping[str, Cron]
    sensors: tuple[str, ...]

    @classmethod
    def of(cls, repository: dg.RepositoryDefinition, name: str = "") -> Location:
        """Of the definitions of a code location."""
        crons = {schedule.name: Cron.of(schedule) for schedule in repository.schedule_defs}
        sensors = sorted(sensor.name for sensor in repository.sensor_defs)
        return cls(name, repository.asset_graph, crons, tuple(sensors))

    @cached_property
    def lineage(self) -> Lineage:
        return lineage_of(self.graph)

    @cached_property
    def gated(self) -> frozenset[str]:
        """The assets whose runs fail by the verdict check."""
        return assets_with_check(self.graph, VERDICT)

    @cached_property
    def on_time_checks(self) -> frozenset[str]:
        """The assets that have the check `on_time`."""
        return assets_with_check(self.graph, ON_TIME)

    @cached_property
    def expected(self) -> Mapping[str, Expectation]:
        """The assets with partitions that are due at some time."""
        return expectations(self.graph)

    @cached_property
    def roots(self) -> frozenset[str]:
        """Those of them that somebody else delivers."""
        return frozenset(name for name in self.expected if not self.lineage.parents[name])

    @cached_property
    def _kept(self) -> KeptLocation:
        crons = {name: (schedule.cron, schedule.timezone) for name, schedule in self.schedules.items()}
        return KeptLocation.of(self.name, KnownLocation(self.lineage, crons, self.sensors))

    def keep(self, transaction: Transaction, channels: Sequence[str] = ()) -> None:
        """Let other code locations, commands and the watchdog, which load no definitions, know what there is now."""
        self._kept.keep(transaction, channels, time.time())
