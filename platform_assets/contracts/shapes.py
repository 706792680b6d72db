"""Shapes of values in a YAML file: mappings, lists of texts, known keys. What they mean is for the file's reader."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from platform_assets.contracts.problems import Findings, Path_, suggestion


def mapping(value: Any, path: Path_, findings: Findings) -> Mapping[str, Any]:
    """``value`` if it is a mapping; else an empty one, and a problem."""
    if not isinstance(value, dict):
        findings.problem(path, "must be a mapping of keys to values")
        return {}
    return value


def texts(value: Any, path: Path_, findings: Findings, example: str = "[raw, published]") -> list[str]:
    """``value`` if it is a list of texts that are not blank; else an empty one, and a problem that has ``example``."""
    if not isinstance(value, list) or not all(isinstance(word, str) and word.strip() for word in value):
        findings.problem(path, f"must be a list of texts, such as {example}")
        return []
    return value


def unknown_keys(data: Mapping[str, Any], known: Collection[str], path: Path_, findings: Findings) -> None:
    """A problem for each key of ``data`` that is not one of ``known``."""
    for key in data:
        if key not in known:
            findings.problem((*path, key), f"is not a key here{suggestion(key, known)}; they are {', '.join(known)}")
