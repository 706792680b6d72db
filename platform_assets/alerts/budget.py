"""How many partitions may be late: the error budget of an asset over 30 days, and how fast it is being spent.

An asset gives one result for each partition, so windows are counted in partitions and not in hours: an hour of a daily
asset holds no result, or one.
"""

from __future__ import annotations

from dataclasses import dataclass

from platform_assets.alerts.lateness import LATE, SPAN_DAYS

LONG, SHORT = 7, 2
"""The partitions of the window that tells that a budget is spent fast, and of the one that tells that it still is."""
FAST = 6.0
"""The burn rate from which it is reported: six times as fast as the budget lasts for 30 days."""
FEWEST = 2
"""Late partitions from which anything is reported: one alone is a missed deadline, reported as that."""


@dataclass(frozen=True)
class Budget:
    """``outcomes`` has a sign for each partition of the last 30 days; ``objective`` is the share to be on time."""

    outcomes: str
    objective: float

    @property
    def late(self) -> int:
        """Partitions that were late."""
        return self.outcomes.count(LATE)

    @property
    def on_time(self) -> float | None:
        """The share that was on time; None if nothing was due."""
        return 1 - self.late / len(self.outcomes) if self.outcomes else None

    @property
    def allowed(self) -> float:
        """Partitions that may be late; at least one, as a part of a partition cannot be."""
        return max(1.0, (1 - self.objective) * len(self.outcomes))

    @property
    def left(self) -> float:
        """The share of the budget that is left, from 0 to 1."""
        return max(0.0, 1 - self.late / self.allowed)

    def burn_rate(self, partitions: int) -> float:
        """How much faster than allowed the latest ``partitions`` have spent the budget; 1 spends it in 30 days."""
        latest = self.outcomes[-partitions:]
        return latest.count(LATE) / len(latest) / (1 - self.objective) if latest else 0.0

    @property
    def problem(self) -> str:
        """What is to be told; empty if the budget holds, or before there are enough partitions to tell."""
        if len(self.outcomes) < LONG:
            return ""
        latest = self.outcomes[-LONG:]
        late = latest.count(LATE)
        if late >= FEWEST and self.burn_rate(LONG) >= FAST and self.burn_rate(SHORT) >= FAST:
            rate = self.burn_rate(LONG)
            return f"{late} of its last {len(latest)} partitions were late, {rate:.0f} times as many as it may be"
        if self.late >= FEWEST and self.late > self.allowed:
            return (
                f"{self.late} of {len(self.outcomes)} partitions of the last {SPAN_DAYS} days were late, "
                f"with an objective of {self.objective:.4g}"
            )
        return ""
