"""Partitions on which a contract says that nothing is due."""

from __future__ import annotations

import datetime as dt
import re

from platform_assets.contracts.model import Contract


def reason_not_due(contract: Contract, partition: str) -> str | None:
    """Why nothing is due for the partition, or ``None``.

    Rules speak of days, so a partition key that begins with no date (``2013-01-31``, ``2013-01``) is always due.
    A month is not due only where a rule fits its first day and it ends after ``after``.
    """
    match = re.match(r"(\d{4})-(\d{2})(?:-(\d{2}))?", partition)
    if match is None:
        return None
    try:
        day = dt.date(int(match[1]), int(match[2]), int(match[3] or 1))
    except ValueError:
        return None
    for rule in contract.not_due:
        if rule.date == day or (rule.after is not None and day > rule.after):
            return rule.reason
        if rule.weekday is not None and match[3] is not None and day.weekday() == rule.weekday:
            return rule.reason
    return None
