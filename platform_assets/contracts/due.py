"""Partitions on which a contract says that nothing is due."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from platform_assets.contracts.model import Contract, NotDue
from platform_assets.partition_key import PartitionKey


def reason_not_due(contract: Contract, partition: PartitionKey) -> str | None:
    """Why nothing is due for the partition, or ``None``.

    Rules speak of days: nothing is due for a partition if a rule fits each of its days, and the reason is that of the
    first. A partition of no time (a snapshot, a static or dynamic key) is always due.
    """
    return reason_by(contract.not_due, partition)


def reason_by(rules: Sequence[NotDue], partition: PartitionKey) -> str | None:
    """:func:`reason_not_due` by the rules of a contract alone."""
    reasons = [_reason(rules, day) for day in partition.days]
    return reasons[0] if reasons and None not in reasons else None


def _reason(rules: Sequence[NotDue], day: dt.date) -> str | None:
    for rule in rules:
        if rule.date == day or (rule.after is not None and day > rule.after) or rule.weekday == day.weekday():
            return rule.reason
    return None
