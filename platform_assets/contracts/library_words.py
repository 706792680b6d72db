"""The names of library rules, those of 3.0 in the words of 3.1."""

from __future__ import annotations

import difflib
from typing import Any

from platform_assets.contracts.bounds import OPERATORS
from platform_assets.contracts.problems import Findings, Path_, suggestion

LIBRARY = ("rowCount", "nullValues", "missingValues", "invalidValues", "duplicateValues")
OLD = {
    "nullCheck": "nullValues",
    "notNull": "nullValues",
    "duplicateCount": "duplicateValues",
    "uniqueCheck": "duplicateValues",
    "validValues": "invalidValues",
    "countCheck": "rowCount",
}
"""Rules of 3.0, which named none of them for good, and what they measure."""
NONE_ALLOWED = ("nullCheck", "notNull", "uniqueCheck", "validValues")
"""Rules whose name says all: without a limit, no row may break them."""
NEARLY = 0.8


def in_words_of_today(rule: dict[str, Any], path: Path_, findings: Findings) -> dict[str, Any] | None:
    """The rule with a ``metric`` of 3.1; None for one that is not carried out, which is added to ``findings``."""
    metric = rule.get("metric")
    if metric is not None:
        if metric in LIBRARY:
            return rule
        message = f"{metric!r} is not a metric of the standard{suggestion(str(metric), LIBRARY)}"
        findings.problem((*path, "metric"), message)
        return None
    old = str(rule.get("rule"))
    known = (*LIBRARY, *OLD)
    if old not in known:
        if difflib.get_close_matches(old, known, n=1, cutoff=NEARLY):
            findings.problem((*path, "rule"), f"{old!r} is not a rule{suggestion(old, known)}")
        else:
            message = f"the rule {old!r} of 3.0 is not carried out; limits of a value are logicalTypeOptions"
            findings.note((*path, "rule"), message)
        return None
    if old == "validValues" and not (rule.get("validValues") or rule.get("arguments")):
        findings.note(path, "the rule 'validValues' names no values, so it is not carried out")
        return None
    today = {**rule, "metric": OLD.get(old, old)}
    if old == "validValues" and rule.get("validValues") is not None:
        today["arguments"] = {**(rule.get("arguments") or {}), "validValues": rule["validValues"]}
    if not any(rule.get(key) is not None for key in OPERATORS):
        if old not in NONE_ALLOWED:
            findings.note(path, f"the rule {old!r} names no limit, so it is not carried out")
            return None
        today["mustBe"] = 0
    return today
