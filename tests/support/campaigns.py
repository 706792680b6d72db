"""How large random campaigns are: modest by default, PLATFORM_CAMPAIGN=20 multiplies their counts by 20."""

from __future__ import annotations

import os

CAMPAIGN = float(os.environ.get("PLATFORM_CAMPAIGN", "1"))


def times(count: int) -> int:
    """``count`` repeats or examples of a default run, as many more as the campaign asks for."""
    return max(1, round(count * CAMPAIGN))


REPEATS = times(1)
"""By how much the counts of campaigns are multiplied, as a whole number."""
