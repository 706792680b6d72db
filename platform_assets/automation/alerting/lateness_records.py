"""The record of each asset with deadlines, from the event log: what is missing, and what was on time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from platform_assets.alerts.budget import Budget
from platform_assets.alerts.lateness import DAY, SPAN_DAYS, Due, Record, first_record, judged
from platform_assets.automation.alerting.expected import Expectation
from platform_assets.instance.reading import EventIndex
from platform_assets.logs import logger

log = logger(__name__)

SETTLE = 60.0
"""Seconds after a deadline at which it is looked at: a materialization may be committed some time after it was made."""


def budget_of(record: Record, expectation: Expectation) -> Budget:
    """The error budget of an asset."""
    return Budget(record.outcomes, expectation.objective)


def looked(
    records: Mapping[str, Record], expected: Mapping[str, Expectation], index: EventIndex, now: float, *, location: str
) -> dict[str, Record]:
    """The records of the ``expected`` assets as of now; of an asset without a record it is made from the event log.

    The record of an asset whose deadlines cannot be found out stays as it was.
    """
    until = now - SETTLE
    dues: dict[str, list[Due]] = {}
    before: dict[str, Record] = {}
    found: dict[str, Record] = {}
    for asset, expectation in expected.items():
        record = records.get(asset)
        try:
            if record is None:
                dues[asset] = expectation.due(now - SPAN_DAYS * DAY, until) or expectation.last_due(until)
                continue
            if record.rules != expectation.rules:
                record = _revised(record, expectation)
            over = record.next is not None and record.next <= until
            dues[asset] = expectation.due(record.until, until) if over else []
            before[asset] = record
        except Exception:
            # partitions and schedules are those of the project's code, and may raise anything: the others go on
            log.exception("the deadlines of %s cannot be found out", asset)
            if asset in records:
                found[asset] = records[asset]
    firsts = index.first_materialized([asset for asset in dues if asset not in before])
    wanted = {
        asset: {*(due.partition for due in of), *(before[asset].missing if asset in before else ())}
        for asset, of in dues.items()
    }  # fmt: skip
    published = index.first_published(wanted)
    for asset, of in dues.items():
        known, expectation = published.get(asset, {}), expected[asset]
        if asset in before:
            record = judged(before[asset], of, known, now)
        else:
            record = first_record(expectation.rules, location, of, known, now, firsts.get(asset))
        if asset not in before or (record.next is not None and record.next <= until):
            record = replace(record, until=until, next=expectation.next_deadline(until))
        found[asset] = record
    return found


def _revised(record: Record, expectation: Expectation) -> Record:
    """The record under other rules: what is not due any more is not missing, and other deadlines count."""
    oldest = min(record.missing.values(), default=record.until)
    due = {each.partition: each.deadline for each in expectation.due(oldest - SPAN_DAYS * DAY, record.until)}
    missing = {partition: due[partition] for partition in record.missing if partition in due}
    return replace(
        record, rules=expectation.rules, missing=missing, next=expectation.next_deadline(record.until)
    )  # fmt: skip
