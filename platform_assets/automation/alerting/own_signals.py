"""What is wrong with alerts themselves: the files they read, channels that take nothing, a watchdog that was killed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from platform_assets.alerts.routing.alerts_file import FILE
from platform_assets.alerts.routing.model import CONSOLE, Alerts
from platform_assets.alerts.sending import LATE_ATTEMPTS
from platform_assets.alerts.signals import Severity, Signal, Source
from platform_assets.alerts.store import WATCHDOG_SEEN, Transaction
from platform_assets.retry_file import FILE as RETRIES_FILE

WATCHDOG_SECONDS = 300.0
"""A watchdog that has looked once and does not look again for so long was killed."""


def own_signals(
    alerts: Alerts,
    problem: str,
    of_retries: str,
    transaction: Transaction,
    now: dt.datetime,
    *,
    foreign: Collection[str] = (),
) -> list[Signal]:
    """A signal for each channel, the watchdog, the alerts file, whose mistakes are ``problem``, and the retries file.

    What was meant for channels that are gone is given to another one. Channels that are ``foreign`` are those of other
    code locations, which say themselves how these are.
    """
    if not problem:
        transaction.reroute({*alerts.channels, CONSOLE, *foreign}, alerts.default[0])
    late = {name: why for name, why in transaction.problems(LATE_ATTEMPTS).items() if name not in foreign}
    found = [
        Signal(
            Source.ALERTS, name, now, good=name not in late, severity=Severity.ERROR, of_asset=False,
            actor="operator", message=late.get(name, ""),
            next_step="mend the channel; what it has not taken is kept, and sent then",
            command="platform-assets alerts test",
        )
        for name in sorted({*alerts.channels, *late})
    ]  # fmt: skip
    looked = transaction.state(WATCHDOG_SEEN)
    gone = looked is not None and now.timestamp() - looked > WATCHDOG_SECONDS
    meanwhile = "the last one without mistakes is used" if alerts.path else "everything goes to the console"
    return [
        *found,
        Signal(
            Source.WATCHDOG, "watchdog", now, good=not gone, of_asset=False, actor="operator",
            message="the watchdog was killed: nobody notices now if the daemon stops",
            next_step="start it again", command="platform-assets watchdog",
        ),
        _of_file(FILE, problem, meanwhile, now),
        _of_file(RETRIES_FILE, of_retries, "alerts use the last one without mistakes", now),
    ]  # fmt: skip


def _of_file(name: str, problem: str, meanwhile: str, now: dt.datetime) -> Signal:
    first, *lines = problem.splitlines() or [""]
    return Signal(
        Source.ALERTS, name, now, good=not problem, of_asset=False, actor="author", message=first,
        lines=tuple(lines[:5]), next_step=f"correct the file: until then {meanwhile}",
        command="platform-assets doctor",
    )  # fmt: skip
