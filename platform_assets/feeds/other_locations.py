"""Assets of other code locations, as these announce them on the instance that they share.

A code location loads its own assets alone. Of a table that another one publishes it knows the key and no more: not
which partitions it has, nor what is upstream of it. So whoever publishes an asset announces both, before the first
event of it, and whoever reads it asks here.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import dagster as dg

from platform_assets._compat import AssetGraph, partitions_from_text, partitions_to_text
from platform_assets.instance.values import read_values, write_values
from platform_assets.logs import logger

log = logger(__name__)

PREFIX = "platform_assets/asset/"
"""What the keys of values begin with; the key of the asset follows, with slashes."""
FORMAT = 1
TABLE_NAME = "dagster/table_name"
UNIQUE_ID = "dagster_dbt/unique_id"
"""Metadata of the nodes of a dbt project."""


@dataclass(frozen=True)
class Announced:
    """An asset as its own code location has announced it: its partitions, and the keys directly upstream.

    One that is written ``in_place`` does not keep the last good version. ``table`` is the name of its table; empty if
    nothing says it.
    """

    key: dg.AssetKey
    partitions: dg.PartitionsDefinition | None
    parents: tuple[dg.AssetKey, ...]
    in_place: bool
    table: str


def announce(instance: dg.DagsterInstance, graph: AssetGraph, keys: Collection[dg.AssetKey]) -> None:
    """Let other code locations know those of the assets ``keys`` of ``graph`` that can be materialized in this one.

    What is known already is not written again.
    """
    nodes = [graph.get(key) for key in keys]
    texts = {PREFIX + node.key.to_user_string(): _text(graph, node.key) for node in nodes if node.is_materializable}
    known = read_values(instance, texts.keys())
    if changed := {name: text for name, text in texts.items() if known.get(name) != text}:
        write_values(instance, changed)


def announced(instance: dg.DagsterInstance, keys: Iterable[dg.AssetKey]) -> dict[dg.AssetKey, Announced]:
    """What is known of those of the assets ``keys`` that a code location has announced."""
    return _parsed(_read(instance, keys))


def is_elsewhere(graph: AssetGraph, key: dg.AssetKey) -> bool:
    """Whether the code location of ``graph`` reads the asset and does not make it."""
    return not graph.has(key) or not graph.get(key).is_executable


def is_in_place(graph: AssetGraph, key: dg.AssetKey) -> bool:
    """Whether the asset is a dbt model of the code location of ``graph``: those are overwritten in place."""
    return graph.has(key) and UNIQUE_ID in graph.get(key).metadata


def table_name(graph: AssetGraph, key: dg.AssetKey) -> str:
    """The name of the asset's table, as its metadata has it; empty if nothing says it."""
    named = graph.get(key).metadata.get(TABLE_NAME) if graph.has(key) else None
    return str(getattr(named, "value", named)) if named else ""


class OtherLocations:
    """What the assets of one code location need of others, for as long as its code is loaded."""

    def __init__(self, own: AssetGraph) -> None:
        self._own = own
        self._texts: Mapping[str, str] = {}
        self._graph = own
        self._announced = False

    @cached_property
    def _elsewhere(self) -> list[dg.AssetKey]:
        return sorted(key for key in self._own.get_all_asset_keys() if is_elsewhere(self._own, key))

    def announce(self, instance: dg.DagsterInstance) -> None:
        """Let others know all assets of this one, once."""
        if not self._announced:
            announce(instance, self._own, self._own.materializable_asset_keys)
            self._announced = True

    def graph(self, instance: dg.DagsterInstance) -> AssetGraph:
        """The assets of this code location with those that other ones have announced and that are upstream of them.

        To judge by, never to run: the assets of others have nothing that could be executed.
        """
        texts = self._upstream(instance)
        if texts != self._texts:
            self._graph = _with_others(self._own, _parsed(texts))
            self._texts = texts
        return self._graph

    def _upstream(self, instance: dg.DagsterInstance) -> dict[str, str]:
        found: dict[str, str] = {}
        asked: set[dg.AssetKey] = set()
        waiting = set(self._elsewhere)
        while waiting:
            asked |= waiting
            texts = _read(instance, waiting)
            found |= texts
            parents = {parent for each in _parsed(texts).values() for parent in each.parents}
            waiting = {key for key in parents - asked if is_elsewhere(self._own, key)}
        return found


def _with_others(own: AssetGraph, others: Mapping[dg.AssetKey, Announced]) -> AssetGraph:
    kept = [each for each in own.assets_defs if not each.keys & others.keys()]
    return AssetGraph.from_assets([*kept, *map(_stand_in, others.values())])


def _stand_in(asset: Announced) -> dg.AssetsDefinition:
    """What stands for an asset of another code location: one that can be materialized, but not here."""

    @dg.multi_asset(
        name=f"elsewhere__{asset.key.to_python_identifier()}",
        specs=[dg.AssetSpec(asset.key, deps=asset.parents, partitions_def=asset.partitions)],
    )
    def elsewhere() -> None:
        raise NotImplementedError(f"{asset.key.to_user_string()} is materialized in another code location")

    return elsewhere


def _read(instance: dg.DagsterInstance, keys: Iterable[dg.AssetKey]) -> dict[str, str]:
    """The values of assets, by their key with slashes."""
    found = read_values(instance, {PREFIX + key.to_user_string() for key in keys})
    return {name.removeprefix(PREFIX): text for name, text in found.items()}


def _text(graph: AssetGraph, key: dg.AssetKey) -> str:
    node = graph.get(key)
    said = {
        "format": FORMAT,
        "partitions": partitions_to_text(node.partitions_def) if node.partitions_def is not None else None,
        "parents": sorted(parent.to_user_string() for parent in node.parent_keys),
        "in_place": is_in_place(graph, key),
        "table": table_name(graph, key),
    }
    return json.dumps(said)


def _parsed(texts: Mapping[str, str]) -> dict[dg.AssetKey, Announced]:
    found: dict[dg.AssetKey, Announced] = {}
    for name, text in sorted(texts.items()):
        key = dg.AssetKey.from_user_string(name)
        try:
            found[key] = _read_one(key, json.loads(text))
        except (ValueError, TypeError, KeyError) as error:
            # of a newer version: its own code location goes on, and nothing is known of it here
            log.warning("%s: what its code location has announced cannot be read: %s", name, type(error).__name__)
    return found


def _read_one(key: dg.AssetKey, said: Mapping[str, Any]) -> Announced:
    if said["format"] > FORMAT:
        raise ValueError(said["format"])
    kind = said["partitions"]
    return Announced(
        key,
        None if kind is None else partitions_from_text(kind),
        tuple(map(dg.AssetKey.from_user_string, said["parents"])),
        bool(said["in_place"]),
        str(said["table"]),
    )
