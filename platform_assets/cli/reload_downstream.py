"""What lies downstream of a feed that is reloaded: named, and materialized on request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import dagster as dg

from platform_assets.cli.in_process_runs import Runner
from platform_assets.cli.ingest_runs import named
from platform_assets.dbt.dependents import find_readers
from platform_assets.feeds.feed import Feed


def downstream_of(definitions: dg.Definitions, feed: Feed) -> list[dg.AssetKey]:
    """The assets downstream of the raw asset that can be materialized, in order."""
    graph = definitions.resolve_implicit_global_asset_job_def().asset_layer.asset_graph
    found = dg.AssetSelection.assets(feed.raw_key).downstream(include_self=False).resolve(graph)
    return sorted(found & graph.executable_asset_keys)


def name_downstream(definitions: dg.Definitions, feed: Feed, places: Sequence[str]) -> list[str]:
    """Lines that say what was made of the feed's rows, and which models read a column that is protected now."""
    keys = downstream_of(definitions, feed)
    if not keys:
        return ["nothing lies downstream"]
    lines = [
        f"downstream, and as it was until it is materialized again: {', '.join(key.to_user_string() for key in keys)}"
    ]
    columns = sorted({place.split("/")[0].replace("~1", "/").replace("~0", "~") for place in places})
    readers = find_readers(Path.cwd()) if columns else None
    for column in columns:
        models, tables = readers.of(feed.path[-1], column) if readers is not None else ([], [])
        lines.append(
            f"column {column!r}: read by models: {', '.join(models) or 'none found'}; "
            f"published tables: {', '.join(tables) or 'none found'}"
        )
    return lines


def materialize_downstream(runner: Runner, feed: Feed, requests: Callable[[], list[dg.RunRequest]]) -> list[str]:
    """Materialize what lies downstream: what has the feed's partitions for each of them, what has none once.

    Lines that say what failed, and what has other partitions and is left.
    """
    graph = runner.definitions.resolve_implicit_global_asset_job_def().asset_layer.asset_graph
    keys = downstream_of(runner.definitions, feed)
    same = [key for key in keys if graph.get(key).partitions_def == feed.partitions]
    whole = [key for key in keys if key not in same and graph.get(key).partitions_def is None]
    other = [key for key in keys if key not in same and key not in whole]
    problems = [f"{key.to_user_string()}: has other partitions than the feed: materialize it yourself" for key in other]
    with dg.partition_loading_context(dynamic_partitions_store=runner.instance):
        mine = requests() if same else []
    todo = [(same, request) for request in mine] + ([(whole, dg.RunRequest())] if whole else [])
    for wanted, request in todo:
        what = ", ".join(key.to_user_string() for key in wanted)
        run = runner.run(f"{what}: {named(request)}", wanted, request, {})
        if not run.success:
            problems.append(f"downstream run {run.run_id} ({named(request)}) failed; its log says why")
    return problems
