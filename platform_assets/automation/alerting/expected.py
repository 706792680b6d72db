"""Until when each partition of an asset is to be published: from its contract, or from its freshness policy."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import dagster as dg

from platform_assets._compat import AssetGraph, next_time, partition_windows, previous_time
from platform_assets.alerts.lateness import DAY, Due
from platform_assets.contracts.due import reason_by
from platform_assets.contracts.model import Freshness, NotDue
from platform_assets.partition_key import PartitionKey

EXPECTED = "platform/expected"
"""The metadata of an asset with what its contract says of deadlines."""
ON_TIME = "on_time"
"""The name of the check that says whether a partition of an asset is late now."""
OBJECTIVE = 0.95
"""The share of partitions to be published by their deadlines where no contract says it."""


def expected_metadata(freshness: Freshness, not_due: Sequence[NotDue] = ()) -> dict[str, Any]:
    """The metadata of a spec from which :func:`expectations` reads."""
    rules = [
        {name: str(value) for name, value in vars(rule).items() if value not in (None, "")} for rule in not_due
    ]  # fmt: skip
    latency = freshness.latency.total_seconds() if freshness.latency is not None else None
    given = {
        "latency_seconds": latency, "deadline_cron": freshness.deadline_cron, "timezone": freshness.timezone,
        "objective": freshness.objective, "not_due": rules,
    }  # fmt: skip
    return {EXPECTED: dg.MetadataValue.json({name: value for name, value in given.items() if value})}


@dataclass(frozen=True)
class Expectation:
    """When each partition of ``asset`` is due: at the first of the deadlines after its end, or ``latency`` after it.

    A ``latency`` of None is the length of a partition. ``objective`` is the share that has to be on time.
    """

    asset: str
    partitions: dg.TimeWindowPartitionsDefinition
    latency: dt.timedelta | None = None
    cron: str | None = None
    timezone: str = "UTC"
    objective: float = OBJECTIVE
    not_due: tuple[NotDue, ...] = ()

    @cached_property
    def rules(self) -> str:
        """12 hex digits that change with what is expected."""
        bounds = self.partitions.start.timestamp(), self.partitions.end and self.partitions.end.timestamp()
        words = (self.partitions.get_cron_schedule(), self.partitions.timezone, self.partitions.fmt, bounds,
                 str(self.latency), self.cron, self.timezone, repr(self.not_due))  # fmt: skip
        return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:12]

    @cached_property
    def longest(self) -> float:
        """The seconds of the longest partition: months, and days around a clock change, differ."""
        windows = islice(partition_windows(self.partitions, self.partitions.start.timestamp()), 13)
        return max((window.end.timestamp() - window.start.timestamp() for window, _ in windows), default=DAY)

    def due(self, after: float, until: float) -> list[Due]:
        """The partitions whose deadline is later than ``after`` and not later than ``until``, by deadline."""
        first, last = self._end(after), self._end(until)
        return [
            Due(key, self.deadline(window))
            for window, key in self._ending(first, last)
            if not self.not_due or reason_by(self.not_due, PartitionKey(key, window.start, window.end)) is None
        ]

    def last_due(self, now: float) -> list[Due]:
        """The partition that was due last, in a list; empty if there is none. Looks at 60 partitions."""
        return self.due(now - 60 * self.longest - self._latency, now)[-1:]

    def recent(self, now: float, number: int) -> list[str]:
        """The latest partitions that have begun, about so many of them, the oldest first."""
        return [key for _, key in self._ending(now - number * self.longest, now + self.longest)]

    def next_deadline(self, after: float) -> float | None:
        """The first deadline after ``after``, be anything due then or not; None if there is none."""
        window = next(iter(self._ending(self._end(after), math.inf)), None)
        return None if window is None else self.deadline(window[0])

    def deadline(self, window: dg.TimeWindow) -> float:
        """The deadline of the partition of a window."""
        if self.cron is None:
            return window.end.timestamp() + self._latency
        found = next_time(self.cron, self.timezone, window.end)
        return window.end.timestamp() if found is None else found.timestamp()

    def lag_of(self, partition: str, now: float) -> float:
        """The seconds since the end of a partition: how old the newest data of the asset is."""
        return now - self.partitions.time_window_for_partition_key(partition).end.timestamp()

    @property
    def _latency(self) -> float:
        if self.cron is not None:
            return 0.0
        return self.latency.total_seconds() if self.latency is not None else self.longest

    def _end(self, moment: float) -> float:
        """The latest end of a partition whose deadline is not after ``moment``."""
        if self.cron is None:
            return moment - self._latency
        found = previous_time(self.cron, self.timezone, dt.datetime.fromtimestamp(moment, dt.UTC))
        return found.timestamp() if found is not None else 0.0

    def _ending(self, after: float, until: float) -> Iterator[tuple[dg.TimeWindow, str]]:
        """The partitions that end later than ``after`` and not later than ``until``."""
        start = self.partitions.start.timestamp()
        end = self.partitions.end.timestamp() if self.partitions.end is not None else math.inf
        for window, key in partition_windows(self.partitions, max(start, after - self.longest - DAY)):
            ends = window.end.timestamp()
            if ends > min(until, end):
                return
            if ends > after and window.start.timestamp() >= start:
                yield window, key


def expectations(graph: AssetGraph) -> dict[str, Expectation]:
    """What is expected of each asset with partitions of time that has a contract, a latency or a freshness policy."""
    found = {key.to_user_string(): expectation_of(graph, key) for key in graph.get_all_asset_keys()}
    return {name: expectation for name, expectation in found.items() if expectation is not None}


def expectation_of(graph: AssetGraph, key: dg.AssetKey) -> Expectation | None:
    """What is expected of one asset."""
    node = graph.get(key)
    if not isinstance(node.partitions_def, dg.TimeWindowPartitionsDefinition):
        return None
    name, given = key.to_user_string(), node.metadata.get(EXPECTED)
    if isinstance(given, dg.JsonMetadataValue) and isinstance(given.data, Mapping):
        return _of_metadata(name, node.partitions_def, given.data)
    if node.freshness_policy is not None:
        return _of_policy(name, node.partitions_def, node.freshness_policy)
    return None


def _of_metadata(
    asset: str, partitions: dg.TimeWindowPartitionsDefinition, given: Mapping[str, Any]
) -> Expectation:  # fmt: skip
    latency = given.get("latency_seconds")
    return Expectation(
        asset, partitions, dt.timedelta(seconds=latency) if latency else None, given.get("deadline_cron"),
        given.get("timezone") or "UTC", given.get("objective") or OBJECTIVE,
        tuple(map(_rule, given.get("not_due", ()))),
    )  # fmt: skip


def _of_policy(asset: str, partitions: dg.TimeWindowPartitionsDefinition, policy: Any) -> Expectation:
    """Of somebody else's asset. The window of a policy begins with the previous materialization, a partition ago."""
    plain = Expectation(asset, partitions)
    cron = getattr(policy, "deadline_cron", None)
    if cron is not None:
        return Expectation(asset, partitions, cron=cron, timezone=policy.timezone)
    window = policy.fail_window.to_timedelta().total_seconds()
    return Expectation(asset, partitions, dt.timedelta(seconds=max(window - plain.longest, 60.0)))


def _rule(given: Mapping[str, str]) -> NotDue:
    dates = {name: dt.date.fromisoformat(given[name]) if name in given else None for name in ("date", "after")}
    weekday = int(given["weekday"]) if "weekday" in given else None
    return NotDue(given["reason"], weekday, dates["date"], dates["after"])
