"""What is looked at every half minute of a code location's assets: their deadlines, and runs in progress."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import partial

import dagster as dg

from platform_assets.alerts.signals import Signal
from platform_assets.alerts.store import Transaction
from platform_assets.automation.alerting.deadlines import Deadlines
from platform_assets.automation.alerting.location import Location
from platform_assets.automation.alerting.long_runs import LongRuns
from platform_assets.automation.alerting.on_time import report_changes
from platform_assets.instance.reading import EventIndex


@dataclass(frozen=True)
class Polled:
    """The assets of a code location, on ``instance``."""

    instance: dg.DagsterInstance
    deadlines: Deadlines
    runs: LongRuns

    @classmethod
    def of(cls, instance: dg.DagsterInstance, location: Location) -> Polled:
        """For the assets of a code location."""
        report = partial(report_changes, instance, location.expected, location.on_time_checks)
        deadlines = Deadlines(location.expected, location.roots, location.name, report)
        return cls(instance, deadlines, LongRuns(instance, location.graph, location.name))

    def signals(self, transaction: Transaction, now: dt.datetime) -> list[Signal]:
        """What has changed since the last look."""
        index = EventIndex(self.instance)
        return [*self.deadlines.signals(transaction, index, now), *self.runs.signals(transaction, index, now)]
