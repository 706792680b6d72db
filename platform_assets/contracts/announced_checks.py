"""Rules of a contract that another package measures: ``type: custom`` with the name of its check as ``engine``.

Which checks there are is known by their entry points alone; nothing of them is imported to read a contract. They are
called in ``publishing``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from platform_assets.announced import CHECKS, announced
from platform_assets.contracts.model import AnnouncedCheck
from platform_assets.contracts.problems import Findings, Path_, suggestion

BUILT_IN = "platform-assets"
"""The engine of the platform's own custom rules."""

ELSEWHERE = frozenset({"soda", "greatexpectations", "great-expectations", "montecarlo", "monte-carlo", "dbt"})
"""Engines whose rules are carried out by tools of their own, and noted."""


def read_announced(rule: Mapping[str, Any], path: Path_, findings: Findings) -> AnnouncedCheck | None:
    """The check that a rule names, with its arguments; None if there is none, which is added to ``findings``."""
    engine, known = str(rule.get("engine")), announced(CHECKS)
    if engine not in known:
        names = [BUILT_IN, *sorted(known)]
        if engine.lower() not in ELSEWHERE and (hint := suggestion(engine, names)):
            findings.problem((*path, "engine"), f"{engine!r} must be one of {', '.join(names)}{hint}")
        else:
            findings.note(path, f"a rule of the engine {engine!r} is not carried out by the platform")
        return None
    arguments = dict(rule.get("arguments") or {})
    if rule.get("implementation") is not None:
        arguments["implementation"] = rule["implementation"]
    return AnnouncedCheck(engine, json.dumps(arguments, sort_keys=True, default=str))
