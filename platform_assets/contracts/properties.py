"""``customProperties`` and ``tags``, which the standard gives to nearly everything, read in one way.

What the properties mean is said where they are used: ``columns``, ``quality`` and ``terms``.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import Any

from platform_assets.contracts.problems import Findings, Path_


def custom(
    owner: dict[str, Any], path: Path_, known: Collection[str], findings: Findings
) -> dict[str, tuple[Any, Path_]]:
    """The custom properties of ``owner`` that are among ``known``, each with its place in the file.

    Anyone may add custom properties, so an unknown one is a note; one that is nearly ``known`` is a mistake.
    """
    found: dict[str, tuple[Any, Path_]] = {}
    for index, item in enumerate(_list(owner.get("customProperties"))):
        if not isinstance(item, dict):
            continue
        place = (*path, "customProperties", index)
        name = str(item.get("property", ""))
        if not name:
            findings.problem(place, "needs the key 'property'")
        elif name in known:
            if "value" not in item:
                findings.problem(place, f"property {name!r} needs the key 'value'")
            elif name in found:
                findings.problem(place, f"property {name!r} is given twice")
            else:
                found[name] = (item["value"], (*place, "value"))
        elif item.get("vendor") in (None, "platform-assets"):
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
            if close:
                findings.problem(place, f"property {name!r} is not known here; did you mean {close[0]!r}?")
            else:
                findings.note(place, f"custom property {name!r} is kept, and not carried out")
    return found


def texts(owner: dict[str, Any], key: str) -> tuple[str, ...]:
    """A list of texts such as ``tags``; anything else in it was reported by the standard's own model."""
    return tuple(str(item) for item in _list(owner.get(key)))


def mappings(owner: dict[str, Any], key: str) -> list[tuple[int, dict[str, Any]]]:
    """The mappings in the list ``key``, each with its index."""
    return [(index, item) for index, item in enumerate(_list(owner.get(key))) if isinstance(item, dict)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def words(value: Any) -> list[str]:
    """One word or a list of them, as a list."""
    return [str(word) for word in value] if isinstance(value, list) else [] if value is None else [str(value)]
