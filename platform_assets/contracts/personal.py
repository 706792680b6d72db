"""Which values are personal, and how a contract has them protected: whole columns, and values inside JSON."""

from __future__ import annotations

import re
from typing import Any

from platform_assets.contracts.model import NestedProtection, Protection
from platform_assets.contracts.number_form import PROPERTIES
from platform_assets.contracts.problems import Findings, Path_, suggestion
from platform_assets.contracts.properties import custom, mappings, texts

PERSONAL = frozenset(
    {"personal", "pii", "phi", "spi", "sensitive", "sensitive personal", "personal data", "special category"}
)
"""Classifications of a value that may not be written in clear outside the quarantine."""

SENSITIVE = ("restricted", "confidential", "secret")
"""Classifications of a value that may be personal: somebody has to decide."""

COLUMN_PROPERTIES = (
    frozenset({"protection", "precision", "scale", "rounding", "trueValues", "falseValues"}) | PROPERTIES
)
"""Custom properties that a property of the schema may have."""


def read_protection(item: dict[str, Any], properties: dict[str, Any], path: Path_, findings: Findings) -> Protection:
    given = properties.get("protection")
    if given is not None:
        words = [str(word) for word in Protection]
        if given[0] not in words:
            findings.problem(
                given[1],
                f"protection must be one of {', '.join(words)}, not {given[0]!r}{suggestion(str(given[0]), words)}",
            )
            return Protection.DROP
        return Protection(given[0])
    label = str(item.get("classification") or "").lower()
    nested_below = any(True for _ in read_nested(item, (), path, Findings(findings.file, findings.lines)))
    if label in PERSONAL and not nested_below:
        findings.problem(
            (*path, "classification"),
            f"column {item.get('name')!r} is {label}: say how it is protected, "
            "with the custom property 'protection': hash, mask or drop",
        )
        return Protection.DROP
    sign = label if label in SENSITIVE else next((tag for tag in texts(item, "tags") if is_personal_tag(tag)), None)
    if sign is not None and label not in PERSONAL and not nested_below:
        key = "classification" if label in SENSITIVE else "tags"
        findings.undecide(
            (*path, key),
            f"{item.get('name') or 'a value'!r} is {sign!r} and written in clear: decide with the custom property "
            "'protection': hash, mask or drop, or none for clear values",
        )
    return Protection.NONE


def is_personal_tag(tag: str) -> bool:
    """Whether a tag such as `PII`, `pii:email` or `personal-data` says that a value is personal."""
    return re.split(r"[:/=.]", tag.lower())[0].strip().replace("_", " ").replace("-", " ") in (*PERSONAL, "gdpr")


def read_nested(
    item: dict[str, Any], inside: tuple[str, ...], path: Path_, findings: Findings
) -> list[NestedProtection]:
    """Protections of values inside an object or array column, with their paths below the column."""
    children = [
        (f"{entry.get('physicalName') or entry.get('name')}", entry, (*path, "properties", index))
        for index, entry in mappings(item, "properties")
    ]
    items = item.get("items")
    if isinstance(items, dict):
        children.append(("*", items, (*path, "items")))
    found: list[NestedProtection] = []
    for step, child, place in children:
        below = (*inside, step)
        properties = custom(child, place, COLUMN_PROPERTIES, findings)
        protection = read_protection(child, properties, place, findings)
        if protection is not Protection.NONE:
            found.append(NestedProtection(below, protection))
            continue
        found.extend(read_nested(child, below, place, findings))
    return found


def classified_inside(item: dict[str, Any], path: Path_, findings: Findings) -> list[str]:
    """The classifications of values inside an object or array column that are written in clear."""
    items = item.get("items")
    children = [entry for _, entry in mappings(item, "properties")] + ([items] if isinstance(items, dict) else [])
    found: list[str] = []
    for child in children:
        # what is wrong with them is found where they are carried out
        properties = custom(child, path, COLUMN_PROPERTIES, Findings(findings.file, findings.lines))
        if properties.get("protection", (str(Protection.NONE), ()))[0] != str(Protection.NONE):
            continue
        found += [str(child["classification"])] if child.get("classification") else []
        found += ["personal"] if any(map(is_personal_tag, texts(child, "tags"))) else []
        found += classified_inside(child, path, findings)
    return list(dict.fromkeys(found))


def declared_paths(item: dict[str, Any], inside: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Every path that the contract names inside an object or array column."""
    children = [
        (f"{entry.get('physicalName') or entry.get('name')}", entry) for _, entry in mappings(item, "properties")
    ]
    items = item.get("items")
    if isinstance(items, dict):
        children.append(("*", items))
    if not children:
        return [(*inside, "**")] if item.get("logicalType") in ("object", "array") else []
    found: list[tuple[str, ...]] = []
    for step, child in children:
        below = (*inside, step)
        found += [below, *declared_paths(child, below)]
    return found
