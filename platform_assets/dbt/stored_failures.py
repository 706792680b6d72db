"""Tables and views of failing rows (`store_failures`): when they are made, and when they would copy personal values.

dbt replaces such a table, and reads it back to count: of two runs side by side one would count the other's rows, or
find the table gone. So tests are evaluated without it, and it is made once the verdicts stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from platform_assets.dbt.graph import table_of_node
from platform_assets.warehouse.protocol import TableName

ALLOWED = "platform_store_personal"
"""In the meta of a test: that its failing rows may be stored, personal values and all."""

WAYS = ("table", "view", "ephemeral")

PersonalColumns = Callable[[], Mapping[TableName, Sequence[str]]]
"""The columns with personal values in clear, by raw table; asked for only where a test stores its rows."""


def store_no_failures(manifest: Any) -> None:
    """Let dbt evaluate the tests of its manifest without tables of failures, whatever is configured or asked for."""
    for node in manifest.nodes.values():
        if node.resource_type == "test":
            node.config.store_failures = False
            node.config.store_failures_as = "ephemeral"


def refused_stores(
    manifest: Mapping[str, Any], tests: Sequence[str], personal_columns: PersonalColumns
) -> Iterator[str]:
    """Why some of the ``tests`` must not store their failing rows, one sentence each."""
    for unique_id in sorted(tests):
        node = manifest["nodes"].get(unique_id, {})
        config = node.get("config", {})
        if not config.get("store_failures"):
            continue
        way = config.get("store_failures_as") or "table"
        if way not in WAYS:
            yield (
                f"{node['original_file_path']}: test {node['name']}: store_failures_as: {way!r} must be one of "
                f"{', '.join(WAYS)}"
            )
        elif not {**node.get("meta", {}), **config.get("meta", {})}.get(ALLOWED):
            yield from _copied(manifest, unique_id, personal_columns())


def _copied(manifest: Mapping[str, Any], unique_id: str, personal: Mapping[TableName, Sequence[str]]) -> Iterator[str]:
    node = manifest["nodes"][unique_id]
    for source in sources_above(manifest, unique_id):
        columns = personal.get(table_of_node(manifest["sources"][source]))
        if columns:
            table = f"{node['schema']}.{node['alias']}"
            yield (
                f"{node['original_file_path']}: test {node['name']} has store_failures, and {source} above it has "
                f"personal columns in clear ({', '.join(columns)}): {table} would be a copy that no access rule "
                f"covers. Remove store_failures (the check's metadata has the failing rows without personal columns, "
                f"and the SQL), or say with meta: {{{ALLOWED}: true}} on the test that the copy is wanted"
            )
            return


def sources_above(manifest: Mapping[str, Any], unique_id: str) -> list[str]:
    """All sources that a node reads, directly or through models."""
    seen, ahead = {unique_id}, [unique_id]
    while ahead:
        for parent in manifest["parent_map"].get(ahead.pop(), []):
            if parent not in seen:
                seen.add(parent)
                ahead.append(parent)
    return sorted(node for node in seen if node in manifest["sources"])
