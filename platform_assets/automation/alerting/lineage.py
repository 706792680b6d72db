"""What alerts have to know of the assets of a code location."""

from __future__ import annotations

import dagster as dg

from platform_assets._compat import AssetGraph
from platform_assets.alerts.lineage import Lineage
from platform_assets.alerts.signals import About


def lineage_of(graph: AssetGraph) -> Lineage:
    """Parents, owners, tags and groups of all assets."""
    parents: dict[str, tuple[str, ...]] = {}
    about: dict[str, About] = {}
    elsewhere: set[str] = set()
    for key in graph.get_all_asset_keys():
        node, name = graph.get(key), key.to_user_string()
        parents[name] = tuple(sorted(parent.to_user_string() for parent in node.parent_keys))
        about[name] = About(tuple(node.owners), dict(node.tags), node.group_name or "")
        if node.assets_def.is_auto_created_stub:
            elsewhere.add(name)
    return Lineage.of(parents, about, frozenset(elsewhere))


def assets_with_check(graph: AssetGraph, name: str) -> frozenset[str]:
    """The assets that have a check of that name."""
    return frozenset(key.asset_key.to_user_string() for key in graph.asset_check_keys if key.name == name)


def resolved(graph: AssetGraph, selection: str) -> frozenset[str]:
    """The names of the assets that a selection selects. Raises ``ValueError`` if it is none."""
    try:
        keys = dg.AssetSelection.from_string(selection).resolve(graph)
    except dg.DagsterError as error:
        raise ValueError(str(error)) from error
    return frozenset(key.to_user_string() for key in keys)
