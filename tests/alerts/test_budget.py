"""Error budgets: how many partitions may be late, and from when it is told that too many are."""

from __future__ import annotations

import pytest

from platform_assets.alerts.budget import Budget


@pytest.mark.parametrize(
    ("outcomes", "objective", "left", "told"),
    [
        ("." * 30, 0.95, 1.0, ""),
        ("." * 29 + "x", 0.95, 1 / 3, ""),
        ("." * 28 + "xx", 0.95, 0.0, "2 of 30 partitions of the last 30 days were late, with an objective of 0.95"),
        ("." * 26 + "xx.x", 0.95, 0.0, "3 of its last 7 partitions were late, 9 times as many as it may be"),
        ("x" * 3 + "." * 27, 0.95, 0.0, "3 of 30 partitions of the last 30 days were late, with an objective of 0.95"),
        ("." * 29 + "x", 0.99, 0.0, ""),
        ("." * 28 + "xx", 0.99, 0.0, "2 of its last 7 partitions were late, 29 times as many as it may be"),
        ("x" * 6, 0.95, 0.0, ""),
        ("." * 700 + "xxx" + "." * 17, 0.95, 1 - 3 / 36, ""),
        ("." * 713 + "xxx....", 0.95, 1 - 3 / 36, ""),
        ("." * 717 + "xxx", 0.95, 1 - 3 / 36, "3 of its last 7 partitions were late, 9 times as many as it may be"),
        ("", 0.95, 1.0, ""),
    ],
)
def test_what_is_left_and_what_is_told(outcomes: str, objective: float, left: float, told: str) -> None:
    budget = Budget(outcomes, objective)
    assert budget.left == pytest.approx(left)
    assert budget.problem == told
