"""How long a run usually takes, and whether one takes unusually long: by the median and the spread of earlier ones.

Times of runs are skewed and multiply: a day with twice the rows takes twice as long. So their logarithms are
compared, by a median and a spread that a few odd runs do not move.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Any

FEWEST = 5
"""Runs of a similar size that are needed to tell anything."""
MOST = 60
"""Runs that are kept: of a daily asset two months, in which a drift of 1 % a week is 4 % from their middle."""
SIMILAR = 2.0
"""Runs of up to twice as many partitions, or half as many, are compared."""
LEAST_FACTOR = 1.5
"""What takes less than so many times its usual time is not told, however steady it was."""
LEAST_SECONDS = 60.0
"""What takes not so many seconds longer than usual is not told."""
DEVIATIONS = 4.0
_FEW = 8.0
_PRIOR_SPREAD, _PRIOR_RUNS = 0.18, 3
"""The spread that is assumed before there are runs, and how many runs it counts for."""
_WEEKDAY_RUNS = 2
_SCALED_RUNS = 10
_CHANCE = 3.0
_TOO_HIGH = 2.6
_NORMAL = 2.2219
"""The standard deviation of a normal distribution in units of the lower quarter of its distances."""


@dataclass(frozen=True)
class Run:
    """A run that ended well: when (a timestamp), its seconds, its partitions, and its rows if they are known."""

    ended: float
    seconds: float
    partitions: int
    weekday: int
    rows: int | None = None

    def to_list(self) -> list[Any]:
        """Plain values, for JSON."""
        return [self.ended, self.seconds, self.partitions, self.weekday, self.rows]


@dataclass(frozen=True)
class Usual:
    """The ``typical`` seconds of a run, and those from which it takes unusually long; ``runs`` is how many tell so.

    With ``by_weekday`` these are the runs of its weekday, which differs from others.
    """

    typical: float
    limit: float
    runs: int
    by_weekday: bool = False


def usual(runs: Sequence[Run], *, partitions: int, weekday: int, rows: int | None = None) -> Usual | None:
    """What is usual for a run of so many partitions and rows that begins on ``weekday`` (0 is Monday).

    ``runs`` are the earlier runs of the same assets. None if fewer than five of them are of a similar size.
    """
    similar = [
        run for run in runs
        if run.seconds > 0 and 1 / SIMILAR <= max(run.partitions, 1) / max(partitions, 1) <= SIMILAR
    ]  # fmt: skip
    if len(similar) < FEWEST:
        return None
    slope, usual_rows = _by_rows(similar) if rows else (0.0, 0.0)
    logs = [math.log(run.seconds) - slope * _size(run.rows, usual_rows) for run in similar]
    middle = median(logs)
    shifts = _by_weekday(similar, logs, middle)
    left = [log - middle - shifts.get(run.weekday, 0.0) for run, log in zip(similar, logs, strict=True)]
    spread = _spread(left)
    deviations = DEVIATIONS + _FEW / len(similar)
    typical = math.exp(middle + shifts.get(weekday, 0.0) + slope * _size(rows, usual_rows))
    limit = max(typical * math.exp(deviations * spread), LEAST_FACTOR * typical, typical + LEAST_SECONDS)
    by_weekday = weekday in shifts
    number = sum(run.weekday == weekday for run in similar) if by_weekday else len(similar)
    return Usual(typical, limit, number, by_weekday)


def _spread(left: Sequence[float]) -> float:
    """The spread of what is left; with few runs it leans on what is assumed, as a few may be alike by chance."""
    number = len(left)
    return math.sqrt((number * _scale(left) ** 2 + _PRIOR_RUNS * _PRIOR_SPREAD**2) / (number + _PRIOR_RUNS))


def _scale(values: Sequence[float]) -> float:
    """The standard deviation by the lower quarter of all distances (Rousseeuw's and Croux's Qn).

    Half of the values may be odd, as with the median absolute deviation, which is half as precise.
    """
    half = len(values) // 2 + 1
    distances = sorted(abs(first - second) for first, second in combinations(values, 2))
    # of a few values it is too high
    return _NORMAL * distances[half * (half - 1) // 2 - 1] * len(values) / (len(values) + _TOO_HIGH)


def _by_weekday(runs: Sequence[Run], logs: Sequence[float], middle: float) -> dict[int, float]:
    """By how much each weekday differs, of those with two runs at least that differ by more than chance."""
    of_day: dict[int, list[float]] = {}
    for run, log in zip(runs, logs, strict=True):
        of_day.setdefault(run.weekday, []).append(log - middle)
    chance = _CHANCE * _scale([log - middle - median(of_day[run.weekday]) for run, log in zip(runs, logs, strict=True)])
    return {
        day: median(values) for day, values in of_day.items()
        if len(values) >= _WEEKDAY_RUNS and abs(median(values)) > chance / math.sqrt(len(values))
    }  # fmt: skip


def _by_rows(runs: Sequence[Run]) -> tuple[float, float]:
    """How the logarithm of the time grows with that of the rows, from 0 to 1, and the usual number of rows.

    The slope is the median of those between pairs of runs (Theil and Sen).
    """
    sized = [run for run in runs if run.rows]
    if len(sized) < max(_SCALED_RUNS, 0.8 * len(runs)):
        return 0.0, 0.0
    points = [(math.log(run.rows or 1), math.log(run.seconds)) for run in sized]
    slopes = [
        (second[1] - first[1]) / (second[0] - first[0])
        for place, first in enumerate(points)
        for second in points[place + 1 :]
        if abs(second[0] - first[0]) > 0.1
    ]
    slope = min(1.0, max(0.0, median(slopes))) if len(slopes) >= _SCALED_RUNS else 0.0
    return slope, math.exp(median(rows for rows, _ in points))


def _size(rows: int | None, usual_rows: float) -> float:
    return math.log(rows / usual_rows) if rows and usual_rows else 0.0
