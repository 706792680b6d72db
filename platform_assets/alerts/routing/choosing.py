"""The channels of one incident at one moment."""

from __future__ import annotations

import datetime as dt

from platform_assets.alerts.routing.hours import is_business
from platform_assets.alerts.routing.model import Alerts, Condition, Hours, Routed
from platform_assets.alerts.signals import About


def channels_for(alerts: Alerts, routed: Routed, about: About, at: dt.datetime) -> tuple[str, ...]:
    """The names of the channels in the order of the file, each once; never empty.

    ``at`` has a timezone. What no route fits goes to the file's default.
    """
    found: list[str] = []
    for route in alerts.routes:
        if _fits(route.when, alerts, routed, about, at):
            found += route.to
            if route.stop:
                break
    return tuple(dict.fromkeys(found or alerts.default))


def _fits(when: Condition, alerts: Alerts, routed: Routed, about: About, at: dt.datetime) -> bool:
    if when.severities and routed.severity not in when.severities:
        return False
    if when.sources and routed.source not in when.sources:
        return False
    if when.owners and when.owners.isdisjoint(about.owners):
        return False
    if when.assets is not None and not (routed.of_asset and routed.subject in when.assets):
        return False
    if any(about.tags.get(key) != value for key, value in when.tags.items()):
        return False
    # last: only this one may have to import the holidays
    return when.hours is None or is_business(alerts.business, at.astimezone(alerts.timezone)) is (
        when.hours is Hours.BUSINESS
    )
