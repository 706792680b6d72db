"""What `dbt plan` says of assets: their names, the tables that people read, and what must be rebuilt in which time."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import click

from platform_assets.alerts.redaction import redacted, secrets_of
from platform_assets.cli.project import DgProject, chosen_warehouse
from platform_assets.cli.revisions import Base
from platform_assets.dbt.declared import declared
from platform_assets.dbt.planning.model import Category, Differences
from platform_assets.dbt.planning.reach import PUBLISHED
from platform_assets.dbt.planning.state import ProjectState
from platform_assets.environment import InvalidEnvironment, scheme_of
from platform_assets.failures import PlatformError
from platform_assets.publishing.readers import published_partitions
from platform_assets.warehouse.locations import open_warehouse

PATIENCE = 30.0
"""Seconds to wait for others who use the warehouse."""


@dataclass(frozen=True)
class Rebuild:
    """An asset that must be rebuilt: its published partitions in order, and the median seconds of one.

    ``seconds`` is None without a history; ``runs`` is how many runs it is from.
    """

    asset: str
    partitions: tuple[str, ...]
    seconds: float | None = None
    runs: int = 0

    @property
    def estimate(self) -> float | None:
        """Seconds for all of its partitions."""
        return None if self.seconds is None else self.seconds * len(self.partitions)


@dataclass(frozen=True)
class Rebuilds:
    """What must be rebuilt; ``unknown`` says why it is not known, ``no_history`` why there are no times."""

    assets: tuple[Rebuild, ...]
    unknown: str = ""
    no_history: str = ""


@dataclass(frozen=True)
class Report:
    """What a plan says."""

    base: Base
    differences: Differences
    rebuilds: Rebuilds


def without_secrets(found: Differences) -> Differences:
    """The differences to be shown: SQL and configuration may hold values that dbt took from the environment."""
    secrets = secrets_of()

    def shown(texts: Iterable[str]) -> tuple[str, ...]:
        return tuple(redacted(text, secrets) for text in texts)

    changes = [
        replace(
            each,
            rows=shown(each.rows),
            table=shown(each.table),
            columns={name: redacted(text, secrets) for name, text in each.columns.items()},
            notes=shown(each.notes),
        )
        for each in found.changes
    ]
    affected = [replace(each, notes=shown(each.notes)) for each in found.affected]
    gates = [replace(each, detail=redacted(each.detail, secrets)) for each in found.gates]
    return Differences(tuple(changes), tuple(affected), tuple(gates), found.notes)


def assets_of(state: ProjectState, project: DgProject | None) -> dict[str, str]:
    """The asset of each node, by unique id, as dagster-dbt names it.

    Where a `DbtModels` of the project translates names, the definitions are loaded and asked.
    """
    found = {unique_id: _default_name(node) for unique_id, node in state.nodes.items()}
    return found | (_translated(project) if project is not None and _translates(project) else {})


def _default_name(node: Mapping[str, Any]) -> str:
    meta = node["config"].get("meta") or node.get("meta") or {}
    named = (meta.get("dagster") or {}).get("asset_key")
    if named:
        return "/".join(named)
    if node["resource_type"] == "source":
        return f"{node['source_name']}/{node['name']}"
    if node.get("version"):
        return str(node["alias"])
    schema = node["config"].get("schema")
    return f"{schema}/{node['name']}" if schema is not None else str(node["name"])


def _translates(project: DgProject) -> bool:
    return any("translation" in each for file in project.components() for each in declared(file, "DbtModels"))


def _translated(project: DgProject) -> dict[str, str]:
    from platform_assets.cli.loading import load_definitions

    graph = load_definitions(project.root).resolve_asset_graph()
    found = {}
    for key in graph.materializable_asset_keys:
        unique_id = graph.get(key).metadata.get("dagster_dbt/unique_id")
        if unique_id:
            found[str(unique_id)] = key.to_user_string()
    return found


def published_below(project: DgProject | None, assets: Mapping[str, str]) -> dict[str, list[str]]:
    """The published tables of the project, by the unique id of the node that each shows."""
    found: dict[str, list[str]] = {}
    nodes = {asset: unique_id for unique_id, asset in assets.items()}
    for file in project.components() if project is not None else ():
        for words in declared(file, "PublishedTable"):
            source = str(words.get("source") or "")
            if source in nodes:
                name = words.get("name") or source.rsplit("/", 1)[-1]
                found.setdefault(nodes[source], []).append(f"published/{name}")
    return found


def rebuilds(found: Differences, nodes: Mapping[str, Any], assets: Mapping[str, str]) -> Rebuilds:
    """What must be rebuilt of what changed and of what is downstream, by the ledger and the history of runs."""
    wanted = list(dict.fromkeys(_assets(found, nodes, assets)))
    if not wanted:
        return Rebuilds(())
    try:
        location = chosen_warehouse()
        warehouse = open_warehouse(location, wait_seconds=PATIENCE)
        if not scheme_of(location) and not Path(location).exists():
            return Rebuilds((), unknown=f"{location} does not exist: nothing was published there")
        partitions = published_partitions(warehouse, wanted)
    except (click.ClickException, InvalidEnvironment, PlatformError) as error:
        return Rebuilds((), unknown=str(error))
    standing = {asset: keys for asset, keys in partitions.items() if keys}
    times, no_history = _times(list(standing))
    return Rebuilds(
        tuple(
            Rebuild(asset, tuple(keys), median(times[asset]) if times.get(asset) else None, len(times.get(asset, ())))
            for asset, keys in standing.items()
        ),
        no_history=no_history,
    )


def _assets(found: Differences, nodes: Mapping[str, Any], assets: Mapping[str, str]) -> Iterator[str]:
    for change in found.changes:
        if change.what == "changed" and change.kind != "source" and change.category is not Category.NONE:
            yield from _stored(change.unique_id, nodes, assets)
    for each in found.affected:
        if each.kind == PUBLISHED:
            if not each.notes:
                yield each.unique_id
        else:
            yield from _stored(each.unique_id, nodes, assets)


def _stored(unique_id: str, nodes: Mapping[str, Any], assets: Mapping[str, str]) -> Iterator[str]:
    """The asset of a node, unless it is stored nowhere."""
    if nodes[unique_id]["config"].get("materialized") != "ephemeral":
        yield assets[unique_id]


def _times(assets: Sequence[str]) -> tuple[dict[str, list[float]], str]:
    """The seconds of a partition of each asset in its latest runs, or why they are not known."""
    home = os.environ.get("DAGSTER_HOME", "")
    if not home or not Path(home).is_dir():
        return {}, "DAGSTER_HOME names no folder in which runs are recorded"
    import dagster as dg

    from platform_assets.components.history import seconds_per_partition

    try:
        with dg.DagsterInstance.get() as instance:
            return {asset: seconds_per_partition(instance, dg.AssetKey(asset.split("/"))) for asset in assets}, ""
    except dg.DagsterError as error:
        return {}, f"the instance of DAGSTER_HOME ({home}) cannot be read: {' '.join(str(error).split())[:200]}"
