"""Two states of a project, compared: what changed, what that reaches, and which gates differ. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from platform_assets.dbt.planning.changes import changed_nodes
from platform_assets.dbt.planning.gates import changed_gates
from platform_assets.dbt.planning.model import Differences
from platform_assets.dbt.planning.reach import affected_by
from platform_assets.dbt.planning.state import ProjectState, plain

_BUILDERS = ("materialization_", "get_incremental_", "get_merge_", "get_delete_insert_", "create_table_as")
"""Beginnings of the names of macros that say how dbt writes what a model selects; no model calls them itself."""


def differences(old: ProjectState, new: ProjectState, published: Mapping[str, Sequence[str]]) -> Differences:
    """What became of ``old``; ``published`` are the tables that people read, by the unique id of what they show."""
    changes = changed_nodes(old, new)
    affected = affected_by(changes, new, published)
    own = tuple(each for each in changes if not each.by_parents)
    return Differences(own, tuple(affected), tuple(changed_gates(old, new)), tuple(_notes(old, new)))


def _notes(old: ProjectState, new: ProjectState) -> Iterator[str]:
    if _hooks_of_runs(old) != _hooks_of_runs(new):
        yield "on-run-start or on-run-end changed: what they do is not compared"
    for name in sorted({*old.manifest["macros"], *new.manifest["macros"]}):
        short = name.rsplit(".", 1)[-1].split("__", 1)[-1]
        if not short.startswith(_BUILDERS):
            continue
        before, after = (state.manifest["macros"].get(name) for state in (old, new))
        if plain((before or {}).get("macro_sql", "")) != plain((after or {}).get("macro_sql", "")):
            yield f"macro {name.rsplit('.', 1)[-1]} changed: how dbt writes models differs, which is not compared"


def _hooks_of_runs(state: ProjectState) -> dict[str, str]:
    nodes = state.manifest["nodes"].items()
    return {unique_id: node["raw_code"] for unique_id, node in nodes if node["resource_type"] == "operation"}
