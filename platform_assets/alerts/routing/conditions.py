"""What stands under ``when`` of a route: which incidents it is for."""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import StrEnum
from typing import Any, TypeVar

from platform_assets.alerts.routing.model import Condition, Hours
from platform_assets.alerts.signals import Severity, Source
from platform_assets.contracts.problems import Findings, Path_, suggestion
from platform_assets.contracts.shapes import mapping, texts, unknown_keys

KEYS = ("severity", "at_least", "owner", "assets", "tags", "source", "hours")
Resolve = Callable[[str], Collection[str]]
"""The names of the assets of a selection, such as ``group:sales``. Raises ``ValueError`` for one that is none."""

Word = TypeVar("Word", bound=StrEnum)


def read_condition(value: Any, path: Path_, findings: Findings, *, resolve: Resolve, has_hours: bool) -> Condition:
    """The condition of one route; ``has_hours`` says whether the file has business hours."""
    data = mapping(value, path, findings)
    unknown_keys(data, KEYS, path, findings)
    hours = _one("hours", data, path, findings, Hours)
    if hours is not None and not has_hours:
        findings.problem((*path, "hours"), "the file has no business_hours at its top")
    return Condition(
        severities=_severities(data, path, findings),
        owners=frozenset(_list("owner", data, path, findings, "[team:sales]")),
        assets=_assets(data, path, findings, resolve),
        tags=_tags(data.get("tags", {}), (*path, "tags"), findings),
        sources=frozenset(_words("source", data, path, findings, Source)),
        hours=hours,
    )


def _severities(data: Any, path: Path_, findings: Findings) -> frozenset[Severity]:
    named = frozenset(_words("severity", data, path, findings, Severity))
    least = _one("at_least", data, path, findings, Severity)
    if least is None:
        return named
    if "severity" in data:
        findings.problem((*path, "at_least"), "cannot stand beside severity: keep one of the two")
    return frozenset(severity for severity in Severity if severity.rank >= least.rank)


def _assets(data: Any, path: Path_, findings: Findings, resolve: Resolve) -> frozenset[str] | None:
    if "assets" not in data:
        return None
    path, selection = (*path, "assets"), data["assets"]
    if not isinstance(selection, str) or not selection.strip():
        findings.problem(path, "must be a selection of assets as one text, such as group:sales")
        return None
    try:
        names = frozenset(resolve(selection.strip()))
    except ValueError as error:
        findings.problem(path, str(error))
        return None
    if not names:
        findings.problem(path, f"{selection!r} selects no asset")
    return names


def _tags(value: Any, path: Path_, findings: Findings) -> dict[str, str]:
    tags = mapping(value, path, findings)
    for key, text in tags.items():
        if not isinstance(text, str):
            findings.problem((*path, key), "must be a text; put numbers, yes and no in quotes")
    return {key: text for key, text in tags.items() if isinstance(text, str)}


def _list(key: str, data: Any, path: Path_, findings: Findings, example: str) -> list[str]:
    """A text, or a list of texts, of which one has to fit."""
    if key not in data:
        return []
    value = [data[key]] if isinstance(data[key], str) else data[key]
    found = texts(value, (*path, key), findings, example)
    if value == []:
        findings.problem((*path, key), f"is empty: leave it out, or name one, such as {example}")
    return found


def _words(key: str, data: Any, path: Path_, findings: Findings, known: type[Word]) -> list[Word]:
    given = _list(key, data, path, findings, f"[{next(iter(known))}]")
    return [word for text in given if (word := _word(text, (*path, key), findings, known)) is not None]


def _one(key: str, data: Any, path: Path_, findings: Findings, known: type[Word]) -> Word | None:
    return _word(data[key], (*path, key), findings, known) if key in data else None


def _word(value: Any, path: Path_, findings: Findings, known: type[Word]) -> Word | None:
    try:
        return known(value)
    except ValueError:
        words = [str(word) for word in known]
        hint = suggestion(value, words) if isinstance(value, str) else ""
        findings.problem(path, f"{value!r} is not known{hint}; the words are {', '.join(words)}")
        return None
