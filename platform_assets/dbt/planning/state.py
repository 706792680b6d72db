"""One state of a dbt project: its manifest, its compiled SQL, and the shapes of its models, made when asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from platform_assets.dbt.compiling import Compiled, compiled
from platform_assets.dbt.graph import READ, table_of_node
from platform_assets.dbt.planning.rows import Shape
from platform_assets.dbt.planning.seed_table import SeedTable, seed_table
from platform_assets.dbt.planning.shape import EPHEMERAL, EPHEMERAL_SCHEMA, UnreadableSql, shape_of
from platform_assets.dbt.project import DbtProjectFiles
from platform_assets.warehouse.protocol import TableName

RawColumns = Mapping[TableName, Sequence[str]]
"""The columns of tables that the platform loads, by their contracts."""

_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)


@dataclass(frozen=True)
class ProjectState:
    """A state of a project in ``folder``, which has the files of its seeds."""

    manifest: Mapping[str, Any]
    compiled: Mapping[str, Compiled]
    folder: Path
    raw_columns: RawColumns
    _shapes: dict[str, Shape | None] = field(default_factory=dict)
    _problems: dict[str, str] = field(default_factory=dict)
    _seeds: dict[str, SeedTable | None] = field(default_factory=dict)

    @property
    def dialect(self) -> str:
        return str(self.manifest["metadata"]["adapter_type"])

    @cached_property
    def nodes(self) -> dict[str, Any]:
        """Models, seeds, snapshots and sources by unique id."""
        found = {**self.manifest["nodes"], **self.manifest["sources"]}
        return {unique_id: node for unique_id, node in found.items() if node["resource_type"] in READ}

    def order(self) -> tuple[str, ...]:
        """The unique ids, parents first."""
        nodes = self.nodes
        sorter = TopologicalSorter({node: self.parents(node) for node in sorted(nodes)})
        return tuple(sorter.static_order())

    def parents(self, unique_id: str) -> list[str]:
        """What a node reads, ephemeral models among it."""
        nodes = self.nodes
        return sorted(parent for parent in self.manifest["parent_map"].get(unique_id, []) if parent in nodes)

    def columns(self, unique_id: str) -> tuple[str, ...]:
        """The columns of a node in their order, lower case; empty if they are not known."""
        node = self.nodes[unique_id]
        if node["resource_type"] == "source":
            raw = self.raw_columns.get(table_of_node(node), ())
            return tuple(name.lower() for name in raw or node["columns"])
        if node["resource_type"] == "seed":
            table = self.seed(unique_id)
            return tuple(table.columns) if table is not None else ()
        shape = self.shape(unique_id) if node["resource_type"] == "model" else None
        if shape is None:
            # only a contract names all of them
            is_told = (node["config"].get("contract") or {}).get("enforced")
            return tuple(name.lower() for name in node["columns"]) if is_told else ()
        return () if "*" in shape.columns else tuple(shape.columns)

    def shape(self, unique_id: str, *, later: bool = False) -> Shape | None:
        """What the SQL of a model or snapshot makes; None if that cannot be told (see :meth:`problem`).

        ``later`` is the SQL of an incremental model whose table is there.
        """
        key = f"{unique_id} later" if later else unique_id
        if key not in self._shapes:
            self._shapes[key] = None  # a model that reads its own table
            self._shapes[key] = self._shape(unique_id, later=later)
        return self._shapes[key]

    def problem(self, unique_id: str) -> str:
        """Why a node has no shape."""
        return self._problems.get(unique_id, "")

    def _shape(self, unique_id: str, *, later: bool) -> Shape | None:
        found = self.compiled.get(unique_id)
        sql = None if found is None else (found.later_sql if later else found.sql)
        if found is None or sql is None:
            self._problems[unique_id] = found.problem if found is not None else "it is not SQL"
            return None
        read = {parent: self.columns(parent) for parent in self.parents(unique_id)}
        tables = {self._table(node): node for node in [*read, unique_id]}
        try:
            return shape_of(sql, dialect=self.dialect, nodes=tables, upstream=read)
        except UnreadableSql as error:
            self._problems[unique_id] = f"sqlglot cannot follow its SQL ({error})"
            return None

    def _table(self, unique_id: str) -> TableName:
        node = self.nodes[unique_id]
        if node["config"].get("materialized") == "ephemeral":
            return TableName(EPHEMERAL_SCHEMA, f"{EPHEMERAL}{node['name']}")
        return table_of_node(node)

    def seed(self, unique_id: str) -> SeedTable | None:
        """The table in the file of a seed; None if it cannot be read."""
        if unique_id not in self._seeds:
            node = self.nodes[unique_id]
            path = self.folder / node["original_file_path"]
            self._seeds[unique_id] = seed_table(path, node["config"].get("delimiter") or ",")
        return self._seeds[unique_id]

    def macros_of(self, node: Mapping[str, Any]) -> dict[str, str]:
        """The text of every macro that a node calls, directly or not, by the macro's unique id."""
        found: dict[str, str] = {}
        left = list(node["depends_on"]["macros"])
        while left:
            name = left.pop()
            macro = self.manifest["macros"].get(name)
            if macro is not None and name not in found:
                found[name] = plain(macro["macro_sql"])
                left += macro["depends_on"]["macros"]
        return found


def plain(text: str) -> str:
    """A template without its comments, and with one space for each run of them."""
    return " ".join(uncommented(text).split())


def uncommented(text: str) -> str:
    """A template without the comments that are Jinja's."""
    return _COMMENT.sub(" ", text)


def read_state(files: DbtProjectFiles, environment: Mapping[str, str], raw_columns: RawColumns) -> ProjectState:
    """The state of the project as it is now. No connection to a warehouse is opened.

    Raises:
        DbtParseError: if dbt cannot parse the project.
        DbtFailed: if dbt cannot compile anything of it.
    """
    parsed = files.parsed(environment)
    state = ProjectState(parsed.manifest(), compiled(files, parsed, environment), files.project_dir, raw_columns)
    for unique_id, node in state.nodes.items():
        if node["resource_type"] == "seed":
            state.seed(unique_id)  # the folder may go away
    return state
