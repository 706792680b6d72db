"""Which assets are downstream of which, and what of it people read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from platform_assets.alerts.signals import About


@dataclass(frozen=True)
class Lineage:
    """``parents`` has every asset with those directly upstream of it; ``published`` are the tables that people read."""

    parents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    about: Mapping[str, About] = field(default_factory=dict)
    published: frozenset[str] = frozenset()

    def ancestors(self, asset: str) -> frozenset[str]:
        """All assets upstream, however far; without the asset itself."""
        return _reached([asset], self.parents)

    def descendants(self, assets: Iterable[str]) -> frozenset[str]:
        """All assets downstream, however far; without the assets themselves."""
        children: dict[str, list[str]] = {}
        for child, parents in self.parents.items():
            for parent in parents:
                children.setdefault(parent, []).append(child)
        return _reached(assets, children)

    def depth(self, asset: str) -> int:
        """How many assets are upstream: of two that depend on each other, the root has fewer."""
        return len(self.ancestors(asset))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "parents": {asset: list(parents) for asset, parents in sorted(self.parents.items())},
            "published": sorted(self.published),
            "about": {
                asset: {"owners": list(of.owners), "tags": of.tags, "group": of.group}
                for asset, of in sorted(self.about.items())
            },
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Lineage:
        """What :meth:`to_dict` gave."""
        return cls(
            {asset: tuple(parents) for asset, parents in data["parents"].items()},
            {asset: About(tuple(of["owners"]), of["tags"], of["group"]) for asset, of in data["about"].items()},
            frozenset(data["published"]),
        )


def _reached(start: Iterable[str], edges: Mapping[str, Iterable[str]]) -> frozenset[str]:
    begun = frozenset(start)
    found: set[str] = set()
    waiting = list(begun)
    while waiting:
        for other in edges.get(waiting.pop(), ()):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return frozenset(found - begun)
