"""The audit of a batch of candidates: every batch rule on every partition, before anything is published.

A rule fails closed: a value that is null, not a number, or could not be measured because the rule's SQL failed
is a failure of that rule on that partition, and of no other partition. One that could not be measured is a failure of
the kind that ``metrics`` says.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Collection, Mapping, Sequence

from platform_assets.contracts.model import BatchRule, Metric
from platform_assets.failures import Kind
from platform_assets.publishing.metrics import Measured
from platform_assets.publishing.verdicts import CheckResult

MIN_HISTORY = 3
"""With fewer earlier partitions than this, a rule relative to history passes and says so."""

Order = Callable[[str], float]
"""The place of a partition key among all of an asset's; of those with one place the keys decide."""


def by_key(_: str) -> float:
    """The :data:`Order` of keys that are ordered by their text alone."""
    return 0.0


Measure = Callable[[Sequence[BatchRule], Sequence[str]], list[Measured]]
"""Measures rules on partitions; one such function reads the candidates, another what is published."""


def audit(
    rules: Sequence[BatchRule],
    candidates: Sequence[str],
    *,
    refused: Mapping[str, CheckResult],
    published: Collection[str],
    measure_candidates: Measure,
    measure_published: Measure,
    order: Order,
) -> dict[str, tuple[CheckResult, ...]]:
    """Check results for each of the ``candidates`` (partition keys), in the order of the rules.

    ``refused`` holds candidates that are lost before any rule, with the reason. ``published`` are all partitions
    of the asset that have published rows now; they, and the candidates that pass, are the history of the
    candidates after them by ``order``, and by their keys where that is the same.
    """
    audited = [partition for partition in candidates if partition not in refused]
    results: dict[str, list[CheckResult]] = {p: [refused[p]] if p in refused else [] for p in candidates}
    measured = measure_candidates(rules, audited)
    in_order = sorted({*published, *candidates}, key=lambda partition: (order(partition), partition))
    past = _Past(rules, published, in_order, set(candidates), measure_published)
    for partition in in_order:
        if partition in results:
            for i, rule in enumerate(rules):
                if partition not in refused:
                    results[partition].append(_check(rule, measured[i], partition, past.values(i)))
            if not any(check.blocks for check in results[partition]):
                past.add_candidate(partition, [m.values.get(partition) for m in measured])
                continue
        past.add_published(partition)
    return {partition: tuple(checks) for partition, checks in results.items()}


class _Past:
    """The values of earlier partitions, measured on the published table only as far back as a rule looks."""

    def __init__(
        self,
        rules: Sequence[BatchRule],
        published: Collection[str],
        in_order: Sequence[str],
        batch: set[str],
        measure: Measure,
    ) -> None:
        self._rules, self._published, self._measure = rules, frozenset(published), measure
        self._windows: dict[int, int] = {i: rule.history for i, rule in enumerate(rules) if rule.history}
        self._earlier: list[str] = []
        self._values: dict[str, list[float | None]] = {}
        self._batch = batch
        self._order = in_order
        self._reach = max(self._windows.values(), default=0)

    def values(self, rule: int) -> list[float]:
        """The latest earlier values of one rule, newest first, at most as many as it asks for."""
        window = self._windows.get(rule, 0)
        if not window:
            return []
        recent = self._earlier[-window:]
        self._load([p for p in recent if p not in self._values])
        found = [self._values[p][rule] for p in reversed(recent)]
        return [value for value in found if value is not None and math.isfinite(value)]

    def add_candidate(self, partition: str, values: list[float | None]) -> None:
        if self._reach:
            self._earlier.append(partition)
            self._values[partition] = values

    def add_published(self, partition: str) -> None:
        if self._reach and partition in self._published:
            self._earlier.append(partition)

    def _load(self, missing: list[str]) -> None:
        if not missing:
            return
        # one statement for all that any later candidate can still look back to, rather than one a candidate; what a
        # candidate of the batch would replace is only asked for once one of them was rejected
        needed: set[str] = set(missing)
        if not needed.isdisjoint(self._batch):
            needed |= self._batch & self._published
        window: list[str] = []
        for partition in self._order:
            if partition in self._batch:
                needed.update(window[-self._reach :])
            elif partition in self._published:
                window.append(partition)
        wanted = sorted(needed - self._values.keys())
        relative = list(self._windows)
        measured = self._measure([self._rules[i] for i in relative], wanted)
        for partition in wanted:
            row: list[float | None] = [None] * len(self._rules)
            for position, i in enumerate(relative):
                row[i] = measured[position].values.get(partition)
            self._values[partition] = row


def _check(rule: BatchRule, measured: Measured, partition: str, past: list[float]) -> CheckResult:
    def result(passed: bool, value: float | None, message: str, kind: Kind = Kind.REJECTED) -> CheckResult:
        return CheckResult(rule.name, rule.severity, passed, value, str(rule.bounds), message, kind)

    if partition in measured.errors:
        failure = measured.errors[partition]
        return result(False, None, f"the rule could not be measured: {failure.message}", failure.kind)
    value = measured.values[partition]
    if value is None or not math.isfinite(value):
        shown = "null" if value is None else str(value)
        return result(False, None, f"{_what(rule)} is {shown}, which is no number; it {rule.bounds.in_words()}")
    if rule.history is None:
        passed = rule.bounds.holds(value)
        return result(passed, value, "" if passed else f"{_what(rule)} is {value:g}; it {rule.bounds.in_words()}")
    if len(past) < MIN_HISTORY:
        few = f"passed without an audit: {len(past)} earlier partitions, {MIN_HISTORY} are needed"
        return result(True, value, few)
    median = statistics.median(past)
    ratio = _ratio(value, median)
    passed = rule.bounds.holds(ratio)
    compared = f"{_what(rule)} is {value:g}, {ratio:g} times the median {median:g} of {len(past)} earlier partitions"
    return result(passed, value, "" if passed else f"{compared}; the ratio {rule.bounds.in_words()}")


def _ratio(value: float, median: float) -> float:
    if median == 0:
        return 1.0 if value == 0 else math.copysign(math.inf, value)
    return value / median


def _what(rule: BatchRule) -> str:
    if rule.metric is Metric.SQL:
        return "the result of its query"
    if rule.check is not None:
        return f"the value of the check {rule.check.name!r}"
    return f"{rule.metric.value}({', '.join(rule.columns)})" if rule.columns else rule.metric.value
