"""What the access file of a project rests on: its assets with tables, its contracts, and selections of assets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import click
import dagster as dg

from platform_assets._compat import AssetGraph
from platform_assets.access.access_file import FILE, AccessError, read_access
from platform_assets.access.labels import contract_labels, words_of
from platform_assets.access.model import Access
from platform_assets.access.resolving import Tables
from platform_assets.cli.ingest_runs import feeds_of
from platform_assets.cli.loading import load_definitions
from platform_assets.cli.project import project_of
from platform_assets.cli.run_plan import selected
from platform_assets.contracts.problems import Findings
from platform_assets.feeds.feed import Feed
from platform_assets.warehouse.protocol import TableName

TABLE_NAME = "dagster/table_name"
Labels = dict[str, frozenset[str]]


@dataclass(frozen=True)
class AccessOfProject:
    """The access file, the tables, and the assets of each selection in the file."""

    access: Access
    tables: Tables
    selections: Mapping[str, Iterable[str]]


def access_of_project(file: Path | None) -> AccessOfProject:
    """The access file of the project in the working directory, or another ``file``, with what it rests on.

    Raises ``AccessError`` with file and line, and click.ClickException if the project cannot be loaded.
    """
    project = project_of(Path.cwd())
    definitions = load_definitions(Path.cwd())
    feeds, broken = feeds_of(definitions)
    if broken:
        # a column that nobody has classified would be granted
        raise click.ClickException(
            "a feed cannot be loaded, and nothing is known of its columns:\n" + "\n".join(broken)
        )
    graph = definitions.resolve_asset_graph()
    of_feeds = {feed.raw_key: feed for feed in feeds.values()}
    tables = _tables(graph, of_feeds)
    path = file or (project.defs_folder / FILE if project is not None else Path(FILE))
    named = {key.to_user_string(): table for key, table in tables.items()}
    access, findings = read_access(path, words=words_of([f.contract for f in feeds.values()]), assets=named)
    return AccessOfProject(
        access,
        Tables(
            named,
            {feed.raw_table: feed.contract for feed in feeds.values()},
            _labels(graph, of_feeds, tables, access),
        ),
        _selections(graph, access, findings),
    )


def _tables(graph: AssetGraph, feeds: Mapping[dg.AssetKey, Feed]) -> dict[dg.AssetKey, TableName]:
    """The table of each asset that has one, of those that are made here."""
    elsewhere = {key for feed in feeds.values() for key in (feed.lake_key, feed.landing_key)}
    found: dict[dg.AssetKey, TableName] = {}
    for key in graph.materializable_asset_keys - elsewhere:
        if key in feeds:
            found[key] = feeds[key].raw_table
            continue
        named = graph.get(key).metadata.get(TABLE_NAME)
        text = str(getattr(named, "value", named)) if named else ""
        parts = [part.strip('"') for part in text.split(".")] if text else list(key.path)
        if len(parts) >= 2:
            found[key] = TableName(parts[-2], parts[-1])
    return found


def _labels(
    graph: AssetGraph, feeds: Mapping[dg.AssetKey, Feed], tables: Mapping[dg.AssetKey, TableName], access: Access
) -> dict[TableName, Labels]:
    """Classifications by column of tables without a contract: those of a column of that name in a table upstream.

    What the access file says of a column takes their place.
    """
    known: dict[dg.AssetKey, Labels] = {}
    for key in graph.toposorted_asset_keys:
        labels: Labels = contract_labels(feeds[key].contract) if key in feeds else {}
        for parent in graph.get(key).parent_keys if key not in feeds else ():
            for column, words in known.get(parent, {}).items():
                labels[column] = labels.get(column, frozenset()) | words
        given = access.columns.get(key.to_user_string(), {}) if key not in feeds else {}
        known[key] = labels | {column.lower(): frozenset({word}) for column, word in given.items()}
    return {table: known[key] for key, table in tables.items() if key not in feeds and known[key]}


def _selections(graph: AssetGraph, access: Access, findings: Findings) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for role in access.roles:
        for word, reach in (("read", role.read), ("write", role.write)):
            if not reach.assets or reach.assets in found:
                continue
            try:
                found[reach.assets] = [key.to_user_string() for key in selected(graph, [reach.assets])]
            except click.ClickException as error:
                findings.problem(("roles", role.name, word, "assets"), error.message)
    if findings.problems:
        raise AccessError(findings.problems)
    return found
