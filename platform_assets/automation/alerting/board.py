"""How every asset stands now: its newest partition, how late it is, its error budget and its open incidents.

It is made of the event log and the incidents, so it is right also where the sensor `alerts` is off.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import dagster as dg

from platform_assets._compat import AssetGraph
from platform_assets.alerts.rendering.status import Status
from platform_assets.alerts.store import AlertStore
from platform_assets.automation.alerting.expected import Expectation, expectations
from platform_assets.automation.alerting.lateness_records import budget_of, looked
from platform_assets.feeds.partition_keys import PartitionKeys
from platform_assets.instance.reading import EventIndex

QUARANTINED = "rows_quarantined"
"""The metadata of a lake asset with the rows of a partition that were quarantined."""
NEWEST = 60
"""Partitions among which the newest one is looked for first."""


def board(instance: dg.DagsterInstance, graph: AssetGraph, store: AlertStore, now: dt.datetime) -> list[Status]:
    """All assets of ``graph``: those that are late first, then by name."""
    index, at = EventIndex(instance), now.timestamp()
    expected = expectations(graph)
    records = looked({}, expected, index, at, location="")
    newest = _newest(instance, index, expected, at)
    last = index.last_materialized([key.to_user_string() for key in graph.get_all_asset_keys()])
    quarantined = index.numbers(newest, QUARANTINED)
    with store.transaction() as transaction:
        incidents = transaction.incidents()
    open_: dict[str, list[str]] = {}
    for incident in incidents:
        for subject in sorted({trouble[1] for trouble in (*incident.troubled, *incident.affected)}):
            open_.setdefault(subject, []).append(incident.id)
    found = []
    for key in graph.get_all_asset_keys():
        name = key.to_user_string()
        record, expectation = records.get(name), expected.get(name)
        budget = budget_of(record, expectation) if record and expectation and record.outcomes else None
        partition = newest.get(name, "")
        lag = at - last[name] if name in last else None
        if expectation is not None:
            lag = max(0.0, expectation.lag_of(partition, at)) if partition else None
        missing = dict(record.missing) if record is not None else {}
        found.append(
            Status(
                name, partition, lag, min(missing.values(), default=record.next if record is not None else None),
                tuple(missing), expectation.objective if expectation is not None else None,
                budget.on_time if budget is not None else None, budget.left if budget is not None else None,
                budget.outcomes if budget is not None else "", tuple(open_.get(name, ())), quarantined.get(name),
            )
        )  # fmt: skip
    return sorted(found, key=lambda status: (not status.missing, status.asset))


def _newest(
    instance: dg.DagsterInstance, index: EventIndex, expected: Mapping[str, Expectation], now: float
) -> dict[str, str]:
    """The newest partition of each asset that was published, by the partitions' time and not by that of the run."""
    recent = {name: expectation.recent(now, NEWEST) for name, expectation in expected.items()}
    published = index.first_published(recent)
    found = {}
    for name, expectation in expected.items():
        known = [key for key in recent[name] if key in published.get(name, {})]
        if not known:
            order = PartitionKeys(expectation.partitions).order
            known = sorted(instance.get_materialized_partitions(dg.AssetKey.from_user_string(name)), key=order)
        if known:
            found[name] = known[-1]
    return found
