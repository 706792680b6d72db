"""The section `limits` of the file `retries.yaml`, in the defs folder of a project:

    limits:
      default: 2h
      learned: {factor: 10, least: 30m}
      assets:
        raw/orders: 90s
        marts/*: 1h

`learned: false` takes no account of usual durations. The other sections are read by whoever they are for.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from platform_assets.contracts.document import mapping_of
from platform_assets.contracts.problems import Findings, InvalidFile, Path_
from platform_assets.contracts.shapes import mapping, unknown_keys
from platform_assets.contracts.yaml_files import text_of, while_unchanged
from platform_assets.limits.clock import Limit
from platform_assets.limits.durations import seconds_of
from platform_assets.limits.policy import Limits

FILE = "retries.yaml"
SECTION = "limits"
MOST_FACTOR = 1000


class LimitsError(InvalidFile):
    """A section `limits` that cannot be used; the text has every mistake, each with file, line and key."""

    code = "limits"


def read_limits(path: Path | None) -> Limits:
    """The limits of the file at ``path``; the defaults where there is no such file or section. Raises LimitsError."""
    return _read(path) or Limits()


@while_unchanged
def _read(path: Path) -> Limits:
    findings = Findings(path, {})
    text = text_of(path, findings)
    section = None if text is None else mapping_of(text, findings).get(SECTION)
    limits = Limits() if section is None else limits_of(section, findings)
    if findings.problems:
        raise LimitsError(findings.problems)
    return limits


def limits_of(section: Any, findings: Findings) -> Limits:
    """What the section says; every mistake of it is added to ``findings``."""
    data = mapping(section, (SECTION,), findings)
    unknown_keys(data, ("default", "learned", "assets"), (SECTION,), findings)
    said: dict[str, Any] = {}
    if "default" in data:
        said["default"] = _limit(data["default"], (SECTION, "default"), findings)
    by_pattern = [
        (str(pattern), _limit(value, (SECTION, "assets", pattern), findings))
        for pattern, value in mapping(data.get("assets", {}), (SECTION, "assets"), findings).items()
    ]
    said |= _learned(data.get("learned", True), findings)
    return Limits(by_pattern=tuple(by_pattern), **said)


def _limit(value: object, path: Path_, findings: Findings) -> Limit:
    return Limit(_seconds(value, path, findings), f"{FILE}: {'.'.join(map(str, path))}")


def _seconds(value: object, path: Path_, findings: Findings) -> float:
    try:
        return seconds_of(value)
    except ValueError as error:
        findings.problem(path, str(error))
        return 1.0


def _learned(value: object, findings: Findings) -> Mapping[str, Any]:
    path: Path_ = (SECTION, "learned")
    if isinstance(value, bool):
        return {"learned": value}
    data = mapping(value, path, findings)
    unknown_keys(data, ("factor", "least"), path, findings)
    said: dict[str, Any] = {}
    if "factor" in data:
        factor = data["factor"]
        if isinstance(factor, bool) or not isinstance(factor, (int, float)) or not 1 < factor <= MOST_FACTOR:
            findings.problem((*path, "factor"), f"{factor!r} must be a number above 1, at most {MOST_FACTOR}")
        else:
            said["factor"] = float(factor)
    if "least" in data:
        said["least_seconds"] = _seconds(data["least"], (*path, "least"), findings)
    return said
