"""Relationships of the standard: foreign keys into other published tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from platform_assets.contracts.model import Reference
from platform_assets.contracts.problems import Findings, Path_
from platform_assets.contracts.properties import mappings, words


@dataclass(frozen=True)
class Relationship:
    """``columns`` have to be found in ``reference``; ``options`` are custom properties: severity, an operator."""

    columns: list[str]
    reference: Reference
    options: dict[str, Any]


def read_relationship(
    relation: dict[str, Any], column: str | None, data: dict[str, Any], path: Path_, findings: Findings
) -> Relationship | None:
    """The foreign key of ``column``, or of the columns in ``from`` where it stands below the table.

    What is named by ids is looked for in ``data``, the whole contract.
    """
    if relation.get("type", "foreignKey") != "foreignKey":
        findings.note(path, f"a relationship of type {relation['type']!r} is not carried out by the platform")
        return None
    if any("#" in word for word in words(relation.get("to"))):
        findings.note((*path, "to"), "a column of another contract file is not looked for by the platform")
        return None
    named = [by_name(word, data) for word in words(relation.get("from"))]
    sources = [column] if column else [word.rsplit(".", 1)[-1].rsplit("/", 1)[-1] for word in named]
    wanted = [by_name(word, data) for word in words(relation.get("to"))]
    if any(word.count("/properties/") > 1 for word in wanted):
        findings.note((*path, "to"), "a value inside an object is not looked for by the platform")
        return None
    targets = [_target(word) for word in wanted]
    found = [target for target in targets if target is not None]
    if not sources or not len(sources) == len(targets) == len(found) or len({asset for asset, _ in found}) != 1:
        message = "must name a column of one other table for each column, such as planes.tailnum"
        findings.problem((*path, "to"), message)
        return None
    options = {str(item.get("property")): item.get("value") for _, item in mappings(relation, "customProperties")}
    return Relationship(sources, Reference(found[0][0], tuple(name for _, name in found)), options)


def by_name(word: str, data: dict[str, Any]) -> str:
    """``schema/<id>/properties/<id>`` with names in place of the ids that the contract has."""
    steps = word.lstrip("/").split("/")
    if steps[0] != "schema":
        return word
    level: dict[str, Any] | None = data
    for place in range(0, len(steps) - 1, 2):
        found = [item for _, item in mappings(level or {}, steps[place])]
        level = next((item for key in ("id", "name") for item in found if item.get(key) == steps[place + 1]), None)
        steps[place + 1] = str((level or {}).get("name") or steps[place + 1])
    return "/".join(steps)


def _target(word: str) -> tuple[str, str] | None:
    """``planes.tailnum``, ``published.planes.tailnum`` or ``schema/planes/properties/tailnum`` as asset and column."""
    parts = word.split("/")
    if len(parts) >= 4 and parts[-4] == "schema" and parts[-2] == "properties":
        return f"raw/{parts[-3]}", parts[-1]
    names = word.split(".")
    if len(names) == 2:
        return f"raw/{names[0]}", names[1]
    if len(names) == 3:
        return f"{names[0]}/{names[1]}", names[2]
    return None
