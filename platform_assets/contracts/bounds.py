"""The comparison of a quality rule (``mustBe`` and its kin), read into an interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from platform_assets.contracts.model import Bounds, Metric
from platform_assets.contracts.problems import Findings, Path_

FRACTIONS = (Metric.NULL_FRACTION, Metric.DUPLICATE_FRACTION)
COUNTED = ("null_values", "missing_values", "invalid_values", "duplicate_values")
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
    if not all(map(_is_number, numbers)) or len(numbers) != (2 if key.endswith("Between") else 1):
        findings.problem(
            (*path, key), f"must be {'two numbers' if key.endswith('Between') else 'a number'}, not {value!r}"
        )
        return None
    if len(numbers) == 2 and numbers[0] > numbers[1]:
        findings.problem((*path, key), f"the smaller number comes first, not {value!r}")
        return None
    return OPERATORS[key](value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def can_hold(bounds: Bounds, lowest: float, highest: float = math.inf, *, whole: bool = False) -> bool:
    """Whether a value from ``lowest`` to ``highest`` is within the bounds; a ``whole`` one, if it is a count."""
    near = {lowest, highest, lowest + min(1.0, (highest - lowest) / 2)}
    for limit in (bounds.low, bounds.high):
        if limit is not None:
            shifts = (-1, 0, 1) if whole else (-math.ulp(limit), 0, math.ulp(limit))
            near |= {(math.floor(limit) if whole else limit) + shift for shift in shifts}
    return any(
        bounds.holds(value)
        for value in near
        if lowest <= value <= highest and (not whole or math.isinf(value) or value == int(value))
    )


def check_reach(
    metric: Metric, bounds: Bounds, history: int | None, label: str, path: Path_, findings: Findings
) -> None:
    """Refuse bounds that no delivery can be within, and note those that every one is."""
    counted = label.split(":")[0] in COUNTED and metric is Metric.SQL
    count = metric in (Metric.ROW_COUNT, Metric.UNREFERENCED_ROWS)
    if history is not None or not (count or counted or metric in FRACTIONS):
        return
    highest = 1.0 if metric in FRACTIONS else math.inf
    # what is counted by SQL may be a share in percent
    if not can_hold(bounds, 0, highest, whole=count):
        findings.problem(path, f"no delivery can be within {bounds}: it would always be rejected")
    elif not can_hold(replace(bounds, negated=not bounds.negated), 0, highest, whole=count):
        findings.note(path, f"every delivery is within {bounds}: the rule never fails")


def scaled(bounds: Bounds, factor: float) -> Bounds:
    low = None if bounds.low is None else bounds.low * factor
    high = None if bounds.high is None else bounds.high * factor
    return replace(bounds, low=low, high=high)
