"""Assets with deadlines, their instance, and a clock that a test sets."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import dagster as dg
from dagster._core.test_utils import freeze_time

from platform_assets.alerts.incidents import Incident
from platform_assets.alerts.lateness import GRACE_SECONDS
from platform_assets.automation.alerting.expected import expected_metadata
from platform_assets.automation.alerting.location import Location
from platform_assets.automation.alerting.places import store_of
from platform_assets.automation.alerting.rounds import AlertRound
from platform_assets.contracts.model import Freshness, NotDue
from tests.support.projects import quick_instance

DAILY = dg.DailyPartitionsDefinition(start_date="2026-01-01")


def moment(text: str) -> dt.datetime:
    """Such as ``03-02 08:00``, of 2026 in UTC."""
    return dt.datetime.fromisoformat(f"2026-{text}:00+00:00")


def days(first: str, number: int) -> list[str]:
    """The keys of days that follow each other."""
    start = dt.date.fromisoformat(first)
    return [(start + dt.timedelta(days=shift)).isoformat() for shift in range(number)]


@dataclass
class Punctual:
    """``now`` is the time of the next look."""

    root: Path
    instance: dg.DagsterInstance
    assets: Sequence[dg.AssetSpec | dg.AssetsDefinition]
    now: dt.datetime = field(default_factory=lambda: moment("03-02 08:00"))
    was_looked_at: bool = False

    @cached_property
    def definitions(self) -> dg.Definitions:
        return dg.Definitions(self.assets, resources={"platform": dg.ResourceDefinition.none_resource()})

    def publish(self, asset: str, *partitions: str | None, at: str, rows: int | None = None) -> None:
        metadata = {} if rows is None else {"dagster/row_count": rows}
        with freeze_time(moment(at)):
            for partition in partitions:
                event = dg.AssetMaterialization(
                    dg.AssetKey.from_user_string(asset), partition=partition, metadata=metadata
                )
                self.instance.report_runless_asset_event(event)

    def look(self, at: str) -> list[Incident]:
        """The incidents that are open after a look at a time, in the order in which they began.

        Before the first one there is another, so long ago that nothing is taken for being on its way.
        """
        if not self.was_looked_at:
            self.look_once(moment(at) - dt.timedelta(seconds=GRACE_SECONDS))
        return self.look_once(moment(at))

    def look_once(self, at: dt.datetime) -> list[Incident]:
        """As ``look``, without one before it."""
        self.now, self.was_looked_at = at, True
        location = Location.of(self.definitions.get_repository_def())
        alerts = AlertRound.of(self.instance, location, self.root / "alerts.yaml", {})
        list(alerts.observer.look(lambda: self.now))
        with store_of(self.instance).transaction() as transaction:
            return transaction.incidents()


def spec(
    name: str, deps: Sequence[str] = (), *, partitions: dg.PartitionsDefinition = DAILY, deadline: str = "",
    latency: dt.timedelta | None = None, not_due: Sequence[NotDue] = (), objective: float | None = None,
    zone: str = "UTC",
) -> dg.AssetSpec:  # fmt: skip
    """An asset with a contract's deadlines."""
    freshness = Freshness(latency, deadline or None, zone, objective)
    return dg.AssetSpec(
        dg.AssetKey.from_user_string(name), deps=[dg.AssetKey.from_user_string(dep) for dep in deps],
        partitions_def=partitions, metadata=expected_metadata(freshness, not_due),
    )  # fmt: skip


@contextmanager
def punctual(root: Path, assets: Sequence[dg.AssetSpec | dg.AssetsDefinition]) -> Iterator[Punctual]:
    """The assets on an instance below ``root``."""
    (root / "dagster").mkdir(parents=True, exist_ok=True)
    with dg.instance_for_test(temp_dir=str(root / "dagster"), overrides=quick_instance(root)) as instance:
        yield Punctual(root, instance, assets)
