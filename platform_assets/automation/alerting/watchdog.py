"""A look from outside of the daemon: whether it, its sensors, its schedules and the sensor `alerts` go on.

What has stopped is reported by the channels of alerts.yaml. When the daemon has stopped, nothing else is: the
others have stopped because of it.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import dagster as dg

from platform_assets._compat import last_heartbeats
from platform_assets.alerts.channels.making import Channels
from platform_assets.alerts.incidents import Incident
from platform_assets.alerts.lineage import Lineage
from platform_assets.alerts.locations import channels_of_others, known_locations
from platform_assets.alerts.messages import Writer
from platform_assets.alerts.router import Router
from platform_assets.alerts.routing.choosing import channels_for
from platform_assets.alerts.routing.last_good import alerts_used
from platform_assets.alerts.routing.model import Alerts
from platform_assets.alerts.sending import Sender, Sent
from platform_assets.alerts.signals import Severity, Signal, Source
from platform_assets.alerts.store import WATCHDOG_SEEN, AlertStore, Transaction
from platform_assets.automation.alerting.ends import with_ended
from platform_assets.automation.alerting.places import store_of
from platform_assets.automation.alerting.stopped import DOWN, location_signals
from platform_assets.automation.alerting.ticks import stopped
from platform_assets.environment import UI_VARIABLE
from platform_assets.instance.ticked import last_ticks

DAEMON = "dagster daemon"
SILENT_AFTER = dt.timedelta(seconds=90)
"""Some part of the daemon says every 30 seconds that it is alive."""
PART_SILENT_AFTER = dt.timedelta(minutes=5)
"""One part may be busy for longer."""


@dataclass(frozen=True)
class Watchdog:
    """Looks at ``instance``, and tells by the channels of the alerts file, which has the mistakes ``problem``."""

    instance: dg.DagsterInstance
    store: AlertStore
    alerts: Alerts
    router: Router
    problem: str = ""

    @classmethod
    def of(cls, instance: dg.DagsterInstance, file: Path) -> Watchdog:
        """Routes by assets are for assets, of which a watchdog tells nothing."""
        store = store_of(instance)
        with store.transaction() as transaction:
            used = alerts_used(transaction, file, resolve=lambda selection: {selection}, knows_assets=False)
        writer = Writer(Lineage(), os.environ.get(UI_VARIABLE, ""))
        return cls(instance, store, used.alerts, Router(writer, partial(channels_for, used.alerts)), used.problem)

    def look(
        self, clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC), *, seconds: float = 10.0
    ) -> tuple[list[Incident], Sent]:
        """Look once, and send what is due, of the sensor too."""
        now = clock()
        with self.store.transaction() as transaction:
            found = with_ended(self._signals(transaction, now), transaction.incidents(), now, Source.WATCHDOG)
            # what has failed downstream of others is left to the sensor, which knows the assets
            changed = self.router.take(transaction, list(found), now, release=False)
            transaction.keep_state(WATCHDOG_SEEN, now.timestamp())
            foreign = channels_of_others(known_locations(transaction), self.alerts.channels)
        sender = Sender(self.store, Channels(self.alerts.channels), clock=lambda: clock().timestamp(), without=foreign)
        return changed, sender.send(seconds=seconds)

    @staticmethod
    def ended(instance: dg.DagsterInstance) -> None:
        """It was ended on purpose: nobody is told that it has stopped."""
        with store_of(instance).transaction() as transaction:
            transaction.keep_state(WATCHDOG_SEEN, None)

    def _signals(self, transaction: Transaction, now: dt.datetime) -> Iterator[Signal]:
        beats = last_heartbeats(self.instance)
        newest = max(beats.values(), default=None)
        silent = newest is not None and now - newest > SILENT_AFTER
        yield stopped(
            DAEMON, now, bad=silent, message=f"it was alive last at {newest:%Y-%m-%d %H:%M:%S} UTC" if newest else "",
            next_step="start it again: runs, sensors and schedules wait for it", severity=Severity.CRITICAL,
        )  # fmt: skip
        if silent or newest is None:
            transaction.keep_state(DOWN, {**(transaction.state(DOWN) or {}), "": now.timestamp()})
            return
        for kind, beat in sorted(beats.items()):
            yield stopped(
                f"{DAEMON} {kind}", now, bad=now - beat > PART_SILENT_AFTER, severity=Severity.ERROR,
                message=f"this part of the daemon was alive last at {beat:%Y-%m-%d %H:%M:%S} UTC",
                next_step="read the log of the daemon, and start it again",
            )  # fmt: skip
        down: dict[str, float] = transaction.state(DOWN) or {}
        yield from location_signals(transaction, last_ticks(self.instance), down, now)
        transaction.keep_state(DOWN, down)
