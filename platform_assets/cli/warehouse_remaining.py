"""What a copied warehouse still lacks: tables that no lake holds, and the commands that build them there."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import dagster as dg

from platform_assets.cli.warehouse_copying import standing
from platform_assets.environment import WAREHOUSE_VARIABLE, without_password
from platform_assets.feeds.partition_keys import PartitionKeys
from platform_assets.publishing.readers import known_assets
from platform_assets.warehouse.protocol import Warehouse


@dataclass(frozen=True)
class Remaining:
    """Assets that are published in the one warehouse and not in the other, and the command that builds them."""

    assets: tuple[str, ...]
    partitions: int
    command: str


def remaining(
    definitions: dg.Definitions, source: Warehouse, target: Warehouse, *, feeds: Collection[str], to: str
) -> tuple[list[Remaining], list[str]]:
    """What is to be built in ``target``, upstream assets first; and assets that this project does not have.

    ``feeds`` are the raw assets, ``to`` is the location of the target.
    """
    graph = definitions.resolve_asset_graph()
    named = {key.to_user_string(): key for key in graph.toposorted_asset_keys}
    known = [asset for asset in known_assets(source) if asset not in feeds]
    order = {asset: place for place, asset in enumerate(named)}
    groups: dict[dg.PartitionsDefinition | None, list[tuple[str, set[str]]]] = {}
    for asset in sorted((each for each in known if each in named), key=order.__getitem__):
        missing = set(standing(source, asset).published) - set(standing(target, asset).published)
        if missing:
            groups.setdefault(graph.get(named[asset]).partitions_def, []).append((asset, missing))
    found = [_remaining(definition, group, to) for definition, group in groups.items()]
    return found, [asset for asset in known if asset not in named]


def _remaining(definition: dg.PartitionsDefinition | None, group: Sequence[tuple[str, set[str]]], to: str) -> Remaining:
    assets = tuple(asset for asset, _ in group)
    missing = {partition for _, partitions in group for partition in partitions}
    words = ["platform-assets", "run", *assets]
    if definition is not None:
        keys = PartitionKeys(definition)
        ordered = sorted(missing, key=lambda key: (keys.order(key), key))
        words += ["--from", ordered[0], "--to", ordered[-1]]
    location = shlex.quote(without_password(to))
    return Remaining(assets, len(missing), f"{WAREHOUSE_VARIABLE}={location} {shlex.join(words)}")
