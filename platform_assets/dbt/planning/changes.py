"""Which nodes of a project differ between two states, and what that means for whoever reads them. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from platform_assets.dbt.planning.canonical import words_of
from platform_assets.dbt.planning.model import NodeChange
from platform_assets.dbt.planning.rows import Shape
from platform_assets.dbt.planning.state import ProjectState, uncommented

IGNORED = {
    "alias", "column_types", "contract", "database", "description", "docs", "enabled", "freshness", "group", "meta",
    "packages", "persist_docs", "schema", "static_analysis", "tags", "event_time", "loaded_at_field", "loaded_at_query",
}  # fmt: skip
"""Words of a node's configuration that change no row, or are compared otherwise."""

NOTED = {"on_schema_change", "full_refresh", "access", "grants", "on_configuration_change"}
"""Words that say how later changes are treated, or who may read: they are named, and change no row."""


def changed_nodes(old: ProjectState, new: ProjectState) -> list[NodeChange]:
    """Every node that is new, removed or changed, in the order of the graph, removed ones at the end."""
    found: dict[str, NodeChange] = {}
    for unique_id in new.order():
        node = new.nodes[unique_id]
        if unique_id not in old.nodes:
            found[unique_id] = _change(unique_id, node, what="new", added=frozenset(new.columns(unique_id)))
            continue
        change = _changed(old, new, unique_id)
        if change.is_said:
            by_parents = _is_as_before(old, new, unique_id) and any(each in found for each in new.parents(unique_id))
            found[unique_id] = replace(change, by_parents=by_parents)
    for unique_id in old.order():
        if unique_id not in new.nodes:
            found[unique_id] = _change(unique_id, old.nodes[unique_id], what="removed")
    return list(found.values())


def _is_as_before(old: ProjectState, new: ProjectState, unique_id: str) -> bool:
    before, after = old.nodes[unique_id], new.nodes[unique_id]
    words = ("raw_code", "config", "columns", "checksum")
    return all(before.get(word) == after.get(word) for word in words) and not _macros(old, new, unique_id)


def _change(unique_id: str, node: Mapping[str, Any], **words: Any) -> NodeChange:
    return NodeChange(unique_id, node["resource_type"], node["original_file_path"], **words)


def _changed(old: ProjectState, new: ProjectState, unique_id: str) -> NodeChange:
    before, after = old.nodes[unique_id], new.nodes[unique_id]
    rows, notes = _configuration(before, after)
    table = list(_table(before, after))
    columns: dict[str, str] = {}
    gone, added = frozenset[str](), frozenset[str]()
    macros: tuple[str, ...] = ()
    if after["resource_type"] == "seed":
        why, columns, gone, added = _seed(old, new, unique_id)
        rows += why
    elif after["resource_type"] != "source":
        macros = _macros(old, new, unique_id)
        why, order, columns, gone, added = _sql(old, new, unique_id, macros)
        rows += [*why, *_hooks(after, macros)]
        table += order
    for column, text in _types(before, after).items():
        if column not in gone | added:
            columns.setdefault(column, text)
    return _change(
        unique_id, after, rows=tuple(rows), table=tuple(table), columns=columns, gone=gone, added=added,
        notes=tuple(notes), macros=macros,
    )  # fmt: skip


def _configuration(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    rows: list[str] = []
    notes: list[str] = []
    old, new = before["config"], after["config"]
    for word in sorted({*old, *new} - IGNORED):
        was, now = old.get(word), new.get(word)
        if was != now and (was or now):
            text = f"config {word}: {_said(was)} -> {_said(now)}"
            (notes if word in NOTED else rows).append(text)
    return rows, notes


def _table(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    def name(node: Mapping[str, Any]) -> str:
        return ".".join(str(node.get(word) or "") for word in ("database", "schema")) + "." + _identifier(node)

    if name(before) != name(after):
        yield f"table: {name(before)} -> {name(after)}"


def _identifier(node: Mapping[str, Any]) -> str:
    return str(node.get("identifier") or node.get("alias") or node["name"])


def _types(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, str]:
    """Columns of another type: by a contract that is enforced, or by the `column_types` of a seed."""
    old, new = _said_types(before), _said_types(after)
    return {
        name: f"type {old.get(name, 'not said')} -> {new.get(name, 'not said')}"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name) and ((name in old and name in new) or after["resource_type"] == "seed")
    }


def _said_types(node: Mapping[str, Any]) -> dict[str, str]:
    if node["resource_type"] == "seed":
        return {str(name).lower(): str(kind) for name, kind in (node["config"].get("column_types") or {}).items()}
    if not (node["config"].get("contract") or {}).get("enforced"):
        return {}
    columns = node["columns"].items()
    return {name.lower(): str(column["data_type"]).lower() for name, column in columns if column.get("data_type")}


def _seed(
    old: ProjectState, new: ProjectState, unique_id: str
) -> tuple[list[str], dict[str, str], frozenset[str], frozenset[str]]:
    before, after = old.seed(unique_id), new.seed(unique_id)
    nothing: tuple[dict[str, str], frozenset[str], frozenset[str]] = ({}, frozenset(), frozenset())
    if before is None or after is None:
        same = old.nodes[unique_id]["checksum"] == new.nodes[unique_id]["checksum"] and before is after is None
        return ([] if same else ["its file"]), *nothing
    gone, added = frozenset(before.columns.keys() - after.columns), frozenset(after.columns.keys() - before.columns)
    columns = dict.fromkeys(sorted(gone), "removed") | dict.fromkeys(sorted(added), "added")
    if before.rows != after.rows:
        return [f"rows: {before.rows} -> {after.rows}"], columns, gone, added
    for name, digest in before.columns.items():
        if name in after.columns and after.columns[name] != digest:
            columns[name] = "values"
    return [], columns, gone, added


def _macros(old: ProjectState, new: ProjectState, unique_id: str) -> tuple[str, ...]:
    """The macros, of those that the node calls directly or not, that differ."""
    before, after = old.macros_of(old.nodes[unique_id]), new.macros_of(new.nodes[unique_id])
    return tuple(sorted(name.rsplit(".", 1)[-1] for name in {*before, *after} if before.get(name) != after.get(name)))


def _hooks(node: Mapping[str, Any], macros: tuple[str, ...]) -> list[str]:
    """The SQL of hooks is rendered when they run: that of a node whose macros differ may differ too."""
    hooks = [*(node["config"].get("pre-hook") or []), *(node["config"].get("post-hook") or [])]
    calls = any("{{" in str(hook.get("sql") if isinstance(hook, dict) else hook) for hook in hooks)
    return [f"its hooks may call {', '.join(macros)}"] if calls and macros else []


def _sql(
    old: ProjectState, new: ProjectState, unique_id: str, macros: tuple[str, ...]
) -> tuple[list[str], list[str], dict[str, str], frozenset[str], frozenset[str]]:
    """Why rows differ, why the table does, what became of columns, and which are gone and added."""
    rows: list[str] = []
    order: list[str] = []
    columns: dict[str, str] = {}
    gone, added = frozenset[str](), frozenset[str]()
    incremental = any(
        each is not None and each.later_sql for each in (old.compiled.get(unique_id), new.compiled.get(unique_id))
    )
    for later in (False, True) if incremental else (False,):
        before, after = old.shape(unique_id, later=later), new.shape(unique_id, later=later)
        if before is None or after is None:
            rows += _by_code(old, new, unique_id, macros)
            continue
        why, moved, of_columns, without, more = compared(before, after)
        rows += why
        order += moved
        columns |= of_columns
        gone, added = gone | without, added | more
    return list(dict.fromkeys(rows)), list(dict.fromkeys(order)), columns, gone, added


def _by_code(old: ProjectState, new: ProjectState, unique_id: str, macros: tuple[str, ...]) -> list[str]:
    before, after = old.nodes[unique_id], new.nodes[unique_id]
    if after.get("language") != "sql":
        was, now = ((node.get("language"), node.get("raw_code")) for node in (before, after))
        return ["its code"] if was != now else []
    codes = [words_of(uncommented(node.get("raw_code") or ""), new.dialect) for node in (before, after)]
    rendered = [state.compiled.get(unique_id) for state in (old, new)]
    made = [words_of(each.sql, new.dialect) for each in rendered if each is not None and each.sql is not None]
    # SQL that cannot be followed is the same if its words are, whatever they were rendered from
    if (made[1:] and made[0] == made[1]) or (codes[0] == codes[1] and not macros):
        return []
    return [f"SQL (compared by its code: {new.problem(unique_id) or old.problem(unique_id)})"]


def compared(
    before: Shape, after: Shape
) -> tuple[list[str], list[str], dict[str, str], frozenset[str], frozenset[str]]:
    """Two shapes: why rows differ, why the table does, what became of columns, and which are gone and added."""
    rows: list[str] = []
    if before.rows != after.rows:
        kinds = {*before.clauses, *after.clauses}
        rows = sorted(kind for kind in kinds if before.clauses.get(kind) != after.clauses.get(kind)) or ["rows"]
    columns: dict[str, str] = {}
    gone = [name for name in before.columns if name not in after.columns]
    added = [name for name in after.columns if name not in before.columns]
    for name, column in before.columns.items():
        if name in after.columns and column.text != after.columns[name].text:
            was, now = column.sql, after.columns[name].sql
            columns[name] = f"{_cut(was)} -> {_cut(now)}" if was != now else "what it is made from"
    renamed: dict[str, str] = {}
    for name in gone:
        same = [each for each in added if after.columns[each].text == before.columns[name].text]
        columns[name] = f"renamed to {same[0]}" if same else "removed"
        renamed |= {same[0]: name} if same else {}
    for name in added:
        columns[name] = (
            f"renamed from {renamed[name]}" if name in renamed else f"added: {_cut(after.columns[name].sql)}"
        )
    kept = [name for name in after.columns if name in before.columns]
    moved = kept != [name for name in before.columns if name in after.columns]
    return rows, ["order of columns"] if moved else [], columns, frozenset(gone), frozenset(added)


def _cut(sql: str) -> str:
    return sql if len(sql) <= 60 else f"{sql[:57]}..."


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
