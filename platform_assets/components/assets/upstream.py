"""What a step may read: for each of its partitions, whether every upstream partition that it needs is published.

The ledger is asked before anything is read, in every run anew: a rejected partition stays closed to a manual run, a
backfill, automation and other code locations alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import dagster as dg

from platform_assets._compat import AssetGraph, infer_partition_mapping
from platform_assets.failures import Failure, Kind
from platform_assets.feeds.other_locations import Announced, announced, is_elsewhere, is_in_place, table_name
from platform_assets.lake.deliveries import SNAPSHOT
from platform_assets.publishing.readers import known_partitions, unreadable_in
from platform_assets.publishing.verdicts import Refusal
from platform_assets.warehouse.protocol import PARTITION, Session, TableName
from platform_assets.wording import counted


@dataclass(frozen=True)
class UpstreamAsset:
    """An asset that is read. ``keeps_last_good`` tells tables that are swapped from those overwritten in place.

    ``gated`` is False for a source that the platform does not load, and that says so in its meta. ``table`` is where
    its rows are read; None for a reader that compares them with their verdict itself.
    """

    key: dg.AssetKey
    keeps_last_good: bool
    gated: bool = True
    table: TableName | None = None


class Verdicts:
    """Answers of the ledger in one session: each question is asked once, however many readers have it."""

    def __init__(self, session: Session, run_id: str) -> None:
        self._session, self._run_id = session, run_id
        self._known: dict[tuple[dg.AssetKey, tuple[str, ...]], dict[str, Refusal]] = {}

    def unreadable(self, upstream: UpstreamAsset, partitions: Sequence[str]) -> dict[str, Refusal]:
        """Those of the upstream ``partitions`` that must not be read, each with the reason."""
        question = (upstream.key, tuple(partitions))
        if question not in self._known:
            self._known[question] = unreadable_in(
                self._session,
                asset=upstream.key.to_user_string(),
                partitions=partitions,
                run_id=self._run_id,
                allow_previous=upstream.keeps_last_good,
                table=upstream.table,
                partition_column=None if list(partitions) == [SNAPSHOT] else PARTITION,
            )
        return self._known[question]

    def known(self, asset: dg.AssetKey) -> list[str]:
        """The partitions of an asset that the ledger knows; none for one without partitions."""
        found = known_partitions(self._session, asset.to_user_string())
        return [] if SNAPSHOT in found else found


def refusals(
    context: dg.AssetExecutionContext,
    verdicts: Verdicts,
    *,
    reader: dg.AssetKey,
    upstream: UpstreamAsset,
    partitions: Sequence[str],
) -> dict[str, Failure]:
    """Those of the reader's ``partitions`` that must not be built, each with the reason."""
    if not upstream.gated:
        return {}
    graph = context.job_def.asset_layer.asset_graph
    upstream = _as_in_graph(graph, reader, upstream)
    elsewhere = _elsewhere(context.instance, graph, upstream.key)
    if is_in_place(graph, upstream.key) or (elsewhere is not None and elsewhere.in_place):
        upstream = replace(upstream, keeps_last_good=False)
    needed = _needed(context, verdicts, reader, upstream.key, partitions, elsewhere)
    wanted = sorted({key for keys in needed.values() for key in keys})
    refused = verdicts.unreadable(upstream, wanted)
    found: dict[str, Failure] = {}
    for partition, keys in needed.items():
        reasons = [refused[key].failure for key in keys if key in refused]
        if not keys:
            message = f"{upstream.key.to_user_string()} has no partition for {partition}"
            reasons = [Failure(Kind.MISCONFIGURED, "partition_mapping", message)]
        if reasons:
            more = f" (and {counted(len(reasons) - 1, 'more upstream partition')})" if len(reasons) > 1 else ""
            found[partition] = replace(reasons[0], message=reasons[0].message + more)
    return found


def _as_in_graph(graph: AssetGraph, reader: dg.AssetKey, upstream: UpstreamAsset) -> UpstreamAsset:
    """The asset under the key that the reader depends on.

    Dagster takes a dbt source for the asset that has its table, as a model of another dbt project has.
    """
    parents = graph.get(reader).parent_keys if graph.has(reader) else frozenset()
    if upstream.key in parents or upstream.table is None:
        return upstream
    same = [key for key in sorted(parents) if _table_named(table_name(graph, key)) == upstream.table]
    return replace(upstream, key=same[0]) if same else upstream


def _elsewhere(instance: dg.DagsterInstance, graph: AssetGraph, key: dg.AssetKey) -> Announced | None:
    """An asset of another code location, of which nothing is known here, as that one has announced it."""
    if graph.has(key) and not (graph.get(key).partitions_def is None and is_elsewhere(graph, key)):
        return None
    return announced(instance, [key]).get(key)


def _table_named(name: str) -> TableName | None:
    """The table of a name such as `warehouse.marts.orders`; None for one without a schema."""
    parts = [part.strip('"') for part in name.split(".")]
    return TableName(parts[-2], parts[-1]) if len(parts) >= 2 else None


def table_of(context: dg.AssetExecutionContext, key: dg.AssetKey) -> TableName:
    """The table behind an asset: the one its spec names in `dagster/table_name`, else schema and table of its key.

    A dbt model's key need not be its schema and table: dbt puts the target's schema before a model's own.

    Raises:
        dg.Failure: if neither tells a schema and a table.
    """
    graph = context.job_def.asset_layer.asset_graph
    elsewhere = _elsewhere(context.instance, graph, key)
    table = _table_named(table_name(graph, key) or (elsewhere.table if elsewhere is not None else ""))
    if table is not None:
        return table
    if len(key.path) < 2:
        raise dg.Failure(
            f"{key.to_user_string()}: it is not known which table this is: give the asset the metadata "
            "`dagster/table_name` with schema.table, or a key of schema/table",
            allow_retries=False,
        )
    return TableName(*key.path[-2:])


def _needed(
    context: dg.AssetExecutionContext,
    verdicts: Verdicts,
    reader: dg.AssetKey,
    upstream: dg.AssetKey,
    partitions: Sequence[str],
    elsewhere: Announced | None,
) -> dict[str, list[str]]:
    """The upstream partitions that each of the reader's needs, by the asset graph's partition mapping.

    Which partitions an asset of another code location has is what that one has announced. Where nothing is announced,
    as on an instance of its own, partitions that the ledger knows are needed under the reader's own keys.
    """
    graph = context.job_def.asset_layer.asset_graph
    if not graph.has(upstream):
        return {partition: [partition] for partition in partitions}
    node = graph.get(reader)
    ours, theirs = node.partitions_def, graph.get(upstream).partitions_def
    if elsewhere is not None:
        theirs = elsewhere.partitions
    elif is_elsewhere(graph, upstream) and theirs is None and (known := verdicts.known(upstream)):
        return {partition: [partition] if ours is not None else known for partition in partitions}
    if theirs is None:
        return {partition: [SNAPSHOT] for partition in partitions}
    if theirs == ours:
        return {partition: [partition] for partition in partitions}
    mapping = infer_partition_mapping(node.partition_mappings.get(upstream), ours, theirs)
    with dg.partition_loading_context(dynamic_partitions_store=context.instance):
        needed: dict[str, list[str]] = {}
        for partition in partitions:
            subset = None if ours is None else ours.empty_subset().with_partition_keys([partition])
            result = mapping.get_upstream_mapped_partitions_result_for_partitions(subset, ours, theirs)
            needed[partition] = sorted(result.partitions_subset.get_partition_keys())
    return needed
