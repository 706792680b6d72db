"""Partitions on which a contract says that nothing is due."""

from __future__ import annotations

import datetime as dt

from platform_assets.contracts.model import Contract
from platform_assets.partition_key import PartitionKey


def reason_not_due(contract: Contract, partition: PartitionKey) -> str | None:
    """Why nothing is due for the partition, or ``None``.

    Rules speak of days: nothing is due for a partition if a rule fits each of its days, and the reason is that of the
    first. A partition of no time (a snapshot, a static or dynamic key) is always due.
    """
    reasons = [_reason(contract, day) for day in partition.days]
    return reasons[0] if reasons and None not in reasons else None


def _reason(contract: Contract, day: dt.date) -> str | None:
    for rule in contract.not_due:
        if rule.date == day or (rule.after is not None and day > rule.after) or rule.weekday == day.weekday():
            return rule.reason
    return None
