"""How much of a large test belongs to the default run.

Random campaigns are modest by default, PLATFORM_CAMPAIGN=20 multiplies their counts by 20. Of a table of pairs the
default run takes each value once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pytest

CAMPAIGN = float(os.environ.get("PLATFORM_CAMPAIGN", "1"))


def times(count: int) -> int:
    """``count`` repeats or examples of a default run, as many more as the campaign asks for."""
    return max(1, round(count * CAMPAIGN))


REPEATS = times(1)
"""By how much the counts of campaigns are multiplied, as a whole number."""


def pairs(first: Iterable[Any], second: Iterable[Any]) -> list[Any]:
    """Every pair of the two, for `parametrize`; all are slow but a few in which each value is there once at least."""
    lefts, rights = list(first), list(second)
    count = max(len(lefts), len(rights))
    quick = {(number % len(lefts), number % len(rights)) for number in range(count)}
    return [
        pytest.param(left, right, marks=() if (i, j) in quick else pytest.mark.slow)
        for i, left in enumerate(lefts)
        for j, right in enumerate(rights)
    ]
