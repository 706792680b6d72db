"""A summary of the last day, once a day: what is open, and what has ended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from platform_assets.alerts.incidents import Incident
from platform_assets.alerts.messages import Writer
from platform_assets.alerts.notice_json import to_json
from platform_assets.alerts.notices import Event, Link, Notice
from platform_assets.alerts.rendering.parts import MOST_LINES
from platform_assets.alerts.routing.model import Alerts
from platform_assets.alerts.signals import Severity
from platform_assets.alerts.store import Transaction
from platform_assets.wording import counted

DAY = dt.timedelta(days=1)
SHOWN = MOST_LINES
ENDED_SHOWN = 4
"""Lines that are left for what has ended, however much is open."""


def add_digest(transaction: Transaction, alerts: Alerts, writer: Writer, now: dt.datetime) -> bool:
    """Put the digest of the present day into the outbox, if its time has come and it is not there; whether it was put.

    A deployment that was down at that time sends it when it is up again, on the same day.
    """
    if alerts.digest is None:
        return False
    local = now.astimezone(alerts.timezone)
    name = f"digest-{local:%Y-%m-%d}"
    if local.time() < alerts.digest.at or transaction.told(name):
        return False
    body = to_json(_notice(name, transaction.incidents(resolved_since=now - DAY), writer, now))
    transaction.add_to_outbox(
        {"incident": name, "number": 1, "channel": channel, "event": Event.OPENED.value, "body": body,
         "due": now.timestamp(), "attempts": 0, "claimed_until": 0.0, "problem": ""}
        for channel in alerts.digest.to
    )  # fmt: skip
    return True


def _notice(name: str, incidents: Sequence[Incident], writer: Writer, now: dt.datetime) -> Notice:
    still = sorted((each for each in incidents if each.is_open), key=lambda each: (-each.severity.rank, each.opened))
    ended = [each for each in incidents if not each.is_open and not each.part_of]
    new = [each for each in incidents if now - each.opened <= DAY and not each.part_of]
    ended.sort(key=lambda each: each.resolved or each.changed, reverse=True)
    room = SHOWN - min(len(ended), ENDED_SHOWN)
    lines = [writer.line(each) for each in (*still[:room], *ended)][:SHOWN]
    return Notice(
        incident=name, number=1, event=Event.OPENED, severity=still[0].severity if still else Severity.INFO,
        subject="alerts", title=f"The last day: {counted(len(still), 'incident')} open, {len(ended)} resolved",
        since=now - DAY, at=now,
        facts=(
            ("Open", str(len(still))), ("Acknowledged", str(sum(bool(each.acknowledged_by) for each in still))),
            ("New", str(len(new))), ("Resolved", str(len(ended))),
        ),
        lines=tuple(lines), next_step="acknowledge what somebody works on" if still else "",
        command="platform-assets alerts list", links=(Link("Dagster", writer.ui),) if writer.ui else (),
    )  # fmt: skip
