"""Which assets are downstream of which, and what of it people read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from platform_assets.alerts.signals import About

PUBLISHED = "published"
"""What the keys of tables that people read begin with."""


@dataclass(frozen=True)
class Lineage:
    """``parents`` has every asset with those directly upstream of it; ``published`` are the tables that people read.

    Assets ``elsewhere`` are read here, and made by another code location if at all.
    """

    parents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    about: Mapping[str, About] = field(default_factory=dict)
    published: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        parents: Mapping[str, tuple[str, ...]],
        about: Mapping[str, About],
        elsewhere: frozenset[str] = frozenset(),
    ) -> Lineage:
        """Where no asset's key begins with ``PUBLISHED``, what has nothing downstream counts as what people read."""
        published = {name for name in parents if name.startswith(f"{PUBLISHED}/")}
        inner = {parent for of in parents.values() for parent in of}
        return cls(parents, about, frozenset(published or parents.keys() - inner), elsewhere)

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
            "elsewhere": sorted(self.elsewhere),
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
            frozenset(data["elsewhere"]),
        )


def joined(lineages: Iterable[Lineage]) -> Lineage:
    """The assets of several code locations as one graph: each as the one that makes it knows it."""
    parents: dict[str, tuple[str, ...]] = {}
    about: dict[str, About] = {}
    made: set[str] = set()
    for lineage in lineages:
        for asset, above in lineage.parents.items():
            is_made = asset not in lineage.elsewhere
            if asset not in parents or (is_made and asset not in made):
                parents[asset], about[asset] = above, lineage.about[asset]
            if is_made:
                made.add(asset)
    return Lineage.of(parents, about, frozenset(parents.keys() - made))


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
