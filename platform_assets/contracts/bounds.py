"""The comparison of a quality rule (``mustBe`` and its kin), read into an interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from platform_assets.contracts.model import Bounds
from platform_assets.contracts.problems import Findings, Path_

OPERATORS: dict[str, Callable[[Any], Bounds]] = {
    "mustBe": lambda v: Bounds(v, v),
    "mustNotBe": lambda v: Bounds(v, v, negated=True),
    "mustBeGreaterThan": lambda v: Bounds(low=v, low_open=True),
    "mustBeGreaterOrEqualTo": lambda v: Bounds(low=v),
    "mustBeLessThan": lambda v: Bounds(high=v, high_open=True),
    "mustBeLessOrEqualTo": lambda v: Bounds(high=v),
    "mustBeBetween": lambda v: Bounds(v[0], v[1]),
    "mustNotBeBetween": lambda v: Bounds(v[0], v[1], negated=True),
}


def read_bounds(rule: dict[str, Any], path: Path_, findings: Findings) -> Bounds | None:
    given = [key for key in OPERATORS if rule.get(key) is not None]
    if len(given) != 1:
        findings.problem(
            path, f"needs exactly one of {', '.join(OPERATORS)}" + (f", not {' and '.join(given)}" if given else "")
        )
        return None
    key = given[0]
    value = rule[key]
    numbers = value if isinstance(value, list) else [value]
    if not all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers) or len(numbers) != (
        2 if key.endswith("Between") else 1
    ):
        findings.problem(
            (*path, key), f"must be {'two numbers' if key.endswith('Between') else 'a number'}, not {value!r}"
        )
        return None
    if len(numbers) == 2 and numbers[0] > numbers[1]:
        findings.problem((*path, key), f"the smaller number comes first, not {value!r}")
        return None
    return OPERATORS[key](value)


def scaled(bounds: Bounds, factor: float) -> Bounds:
    low = None if bounds.low is None else bounds.low * factor
    high = None if bounds.high is None else bounds.high * factor
    return replace(bounds, low=low, high=high)
