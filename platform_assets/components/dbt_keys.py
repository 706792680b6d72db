"""Which asset a node of a dbt project is, where a code location has several dbt projects."""

from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DbtProject
from dagster_dbt.asset_utils import get_node
from dagster_dbt.components.dbt_project.component import DbtProjectComponentTranslator

from platform_assets.components.broken_feeds import claim
from platform_assets.dbt.graph import table_of_node


class KeysOfSources(DbtProjectComponentTranslator):
    """Leaves sources their keys where the translation puts a prefix before all keys of a dbt project.

    A source is a table that is made elsewhere, and that has its key from there. One that the translation gives another
    key altogether has that one.
    """

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """The spec of a node."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = get_node(manifest, unique_id)
        if node["resource_type"] != "source":
            return spec
        own = self.get_asset_key(node)
        is_prefixed = spec.key != own and spec.key.path[-len(own.path) :] == own.path
        return spec.replace_attributes(key=own) if is_prefixed else spec


def refuse_shared_tables(context: dg.ComponentLoadContext, manifest: Mapping[str, Any], nodes: Iterable[str]) -> None:
    """Raise ValueError if another `DbtModels` of the code location builds a table of these ``nodes`` (unique ids).

    Each would overwrite what the other one has built and tested.
    """
    place = context.path / "defs.yaml"
    # several components may have one defs.yaml
    number = context.component_path.instance_key
    for unique_id in nodes:
        table = table_of_node(get_node(manifest, unique_id))
        mine = f"{unique_id} of {place}" + (f" [{number}]" if number else "")
        taken = claim(context.component_tree, ("dbt", table.schema.lower(), table.name.lower()), mine)
        if taken is not None:
            raise ValueError(
                f"{place}: {unique_id} is built as {table}, and so is {taken}: give one of them another schema or alias"
            )
