"""What counts as unusually long: few false alarms over many normal runs, and a run of twice the time is one."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest

from platform_assets.alerts.durations import FEWEST, MOST, Run, usual

WEEKS = {
    "flat": [1, 1, 1, 1, 1, 1, 1],
    "a long Monday": [2, 1, 1, 1, 1, 1, 1],
    "short weekends": [1, 1, 1, 1, 1, 0.4, 0.4],
    "all differ": [3, 1.2, 1, 1, 1.1, 0.5, 0.3],
}
RUNS = 1000


def alarms(sigma: float, week: Sequence[float], *, seed: int = 1, drift: float = 0.01, rows: bool = False) -> int:
    """How many of 1,000 normal runs of ten minutes, one a day, are alarmed, with a drift for each week."""
    chance = random.Random(seed)
    runs: list[Run] = []
    found = 0
    for day in range(RUNS):
        amount = int(100_000 * math.exp(chance.gauss(0, 0.5))) if rows else None
        seconds = 600 * week[day % 7] * (1 + drift) ** (day / 7) * (amount or 100_000) / 100_000
        seconds *= math.exp(chance.gauss(0, sigma))
        known = usual(runs, partitions=1, weekday=day % 7, rows=amount)
        found += known is not None and seconds > known.limit
        runs = [*runs, Run(day * 86_400.0, seconds, 1, day % 7, amount)][-MOST:]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("sigma", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("week", WEEKS.values(), ids=WEEKS)
def test_of_1000_normal_runs_at_most_5_are_alarmed(sigma: float, week: Sequence[float]) -> None:
    assert alarms(sigma, week) <= 5


def test_of_1000_runs_whose_rows_differ_at_most_5_are_alarmed() -> None:
    assert alarms(0.2, WEEKS["flat"], rows=True) <= 5


def steady(number: int, seconds: float = 600.0, sigma: float = 0.05) -> list[Run]:
    chance = random.Random(1)
    return [Run(day * 86_400.0, seconds * math.exp(chance.gauss(0, sigma)), 1, day % 7) for day in range(number)]


@pytest.mark.parametrize("number", [5, 7, 14, 60])
def test_a_run_of_ten_minutes_is_alarmed_before_it_reaches_twenty(number: int) -> None:
    known = usual(steady(number), partitions=1, weekday=2)
    assert known is not None
    assert known.typical == pytest.approx(600, rel=0.1)
    assert 900 * 0.95 < known.limit < 1200


@pytest.mark.parametrize(
    ("runs", "partitions"),
    [(FEWEST - 1, 1), (60, 30), (0, 1)],
    ids=["too few runs", "runs of another size", "none"],
)
def test_nothing_is_usual_of_what_is_not_known(runs: int, partitions: int) -> None:
    assert usual(steady(runs), partitions=partitions, weekday=0) is None


def test_an_odd_run_moves_nothing() -> None:
    runs = steady(20)
    odd = [*runs, Run(0.0, 40_000.0, 1, 3)]
    before, after = usual(runs, partitions=1, weekday=3), usual(odd, partitions=1, weekday=3)
    assert before is not None
    assert after is not None
    assert after.limit == pytest.approx(before.limit, rel=0.1)
