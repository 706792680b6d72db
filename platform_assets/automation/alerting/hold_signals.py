"""Assets that the circuit breaker holds. What somebody holds by hand is no news to anybody."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

import dagster as dg

from platform_assets.alerts.incidents import Incident
from platform_assets.alerts.signals import Severity, Signal, Source
from platform_assets.holds.holds import HoldsUnreadable, held

HOLDS = "holds"


def hold_signals(instance: dg.DagsterInstance, incidents: Sequence[Incident], now: dt.datetime) -> Iterator[Signal]:
    """A signal for each asset that the breaker holds, and for each that it has held by ``incidents`` and no longer."""
    try:
        holds = held(instance, now.timestamp()).holds
    except HoldsUnreadable as error:
        yield _signal(HOLDS, now, bad=True, message=str(error), command="platform-assets holds", of_asset=False)
        return
    troubles = [trouble for each in incidents for trouble in (*each.troubled, *each.affected)]
    known = {subject for source, subject, _, _ in troubles if source == Source.HOLD}
    for asset in sorted({*known, *(asset for asset, each in holds.items() if each.by_breaker)}):
        failure = holds[asset].failure if asset in holds else None
        yield _signal(
            asset, now, bad=failure is not None, message=holds[asset].why if asset in holds else "",
            command=f"platform-assets release {asset} --why TEXT", of_asset=asset != HOLDS,
        )  # fmt: skip


def _signal(subject: str, now: dt.datetime, *, bad: bool, message: str, command: str, of_asset: bool) -> Signal:
    return Signal(
        Source.HOLD, subject, now, good=not bad, severity=Severity.ERROR, kind="held", actor="operator",
        message=message, next_step="nothing materializes it until it is released: mend its cause first",
        command=command, of_asset=of_asset,
    )  # fmt: skip
