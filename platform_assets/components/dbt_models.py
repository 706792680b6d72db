"""`DbtModels`: dbt models as assets that are built and tested by partition.

The words of defs.yaml, and the specs made from the manifest. How a step runs is in ``assets.dbt``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import dagster as dg
from dagster.components import DefsStateConfig
from dagster.components.resolved.model import Resolver
from dagster_dbt import DbtProject, DbtProjectComponent
from dagster_dbt.asset_utils import build_dbt_specs, get_node

from platform_assets.automation.conditions import upstream_published
from platform_assets.components.asset_specs import (
    DEFAULT_OWNER,
    column_schema,
    freshness_policy,
    has_end,
    latency_of,
)
from platform_assets.components.assets.dbt import dbt_asset
from platform_assets.components.assets.dbt_step import DbtStep
from platform_assets.components.assets.upstream import UpstreamAsset
from platform_assets.components.reporting.dbt_metadata import ModelTables
from platform_assets.components.reporting.ledger_verdict import ledger_verdict
from platform_assets.components.scaffold import DbtModelsScaffolder
from platform_assets.contracts.model import Freshness
from platform_assets.dbt.graph import ModelGraph, model_graph, table_of_node
from platform_assets.dbt.macro_files import missing_macros
from platform_assets.dbt.project import DbtProjectFiles
from platform_assets.dbt.supported import unsupported
from platform_assets.environment import InvalidEnvironment, current_environment
from platform_assets.feeds.partitions import Partitions
from platform_assets.warehouse.locations import open_warehouse

UNIQUE_ID = "dagster_dbt/unique_id"
UNUSED = ("cli_args", "include_metadata", "op", "prepare_if_dev")


@dg.scaffold_with(DbtModelsScaffolder)
@dataclass
class DbtModels(DbtProjectComponent):
    """Models of a dbt project, built and tested for the partitions of a run in one go.

    For partitioned models the project needs the platform's macros, the strategy `partition_overwrite` and the
    condition `in_partitions()`; models without `partitions` are built as plain dbt does. Data tests and unit tests
    become asset checks; a failed test holds the partitions that failed it, and whatever is downstream of them.
    """

    partitions: Partitions = None
    owners: Annotated[
        list[str],
        Resolver.default(
            description="Owners of the models that name none in their meta.", examples=[["team:analytics"]]
        ),
    ] = field(default_factory=lambda: [DEFAULT_OWNER])
    group: Annotated[str | None, Resolver.default(description="Asset group of the models.", examples=["flights"])] = (
        None
    )
    latency_hours: Annotated[
        float | None,
        Resolver.default(description="How late the newest partition may be before the models are stale.", examples=[6]),
    ] = None

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The models as one asset definition, with their tests as checks and their verdict checks."""
        self._refuse_unused()
        latency_of(self.latency_hours, context.path)  # a mistake is reported before anything is parsed
        files = self._files
        parsed = files.parsed(_environment())
        manifest = parsed.manifest()
        if self.partitions is not None and (missing := missing_macros(manifest)):
            raise ValueError(
                f"{files.project_dir}: the dbt project lacks the platform's macros for models by partition "
                f"({', '.join(missing[:3])}, ...): run `platform-assets dbt macros --into "
                f"{files.project_dir / 'macros' / 'platform_assets'}`, or leave `partitions` out"
            )
        specs, check_specs = build_dbt_specs(
            translator=self.translator,
            manifest=manifest,
            select=self.select,
            exclude=self.exclude,
            selector=self.selector,
            project=self.dbt_project,
            io_manager_key=None,
        )
        if not specs:
            raise ValueError(f"{context.path}: select: {self.select!r} matches no model of {files.project_dir}")
        selected = [spec.metadata[UNIQUE_ID] for spec in specs]
        if problems := unsupported(manifest, selected, partitioned=self.partitions is not None):
            raise ValueError("\n".join(f"{context.path / 'defs.yaml'}: {problem}" for problem in problems))
        asset_keys = {spec.metadata[UNIQUE_ID]: spec.key for spec in specs}
        graph = model_graph(manifest, asset_keys)
        check_specs = [*map(_never_blocking, check_specs), *_further_specs(graph, asset_keys)]
        upstream = self._upstream(manifest, graph)
        step = DbtStep(
            files=files,
            graph=graph,
            asset_keys=asset_keys,
            check_keys={spec.metadata[UNIQUE_ID]: spec.key for spec in check_specs},
            selectors=_selectors(manifest, graph),
            about=_about(manifest, {**{parent: u.key for parent, u in upstream.items()}, **asset_keys}),
            upstream=upstream,
            partitions=self.partitions,
            parsed_as=parsed.identity,
        )
        build = dbt_asset(step, name=_op_name(context), specs=specs, check_specs=check_specs)
        verdicts = [ledger_verdict(key, keeps_last_good=False) for key in asset_keys.values()]
        return dg.Definitions(assets=[build], asset_checks=verdicts)

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """The spec that dagster-dbt makes of a node, with partitions, owners, freshness and columns of ours."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = get_node(manifest, unique_id)
        if node["resource_type"] == "source":
            return spec
        columns = [(c["name"], c.get("data_type") or "", c.get("description") or "") for c in node["columns"].values()]
        freshness = Freshness(latency=latency_of(self.latency_hours))
        spec = spec.replace_attributes(
            partitions_def=self.partitions,
            description=node.get("description") or spec.description,
            group_name=self.group or spec.group_name,
            owners=list(spec.owners) or self.owners,
            automation_condition=spec.automation_condition or upstream_published(),
            freshness_policy=freshness_policy(freshness, partitions=self.partitions, ends=has_end(self.partitions)),
        )
        return spec.merge_attributes(metadata={"dagster/column_schema": column_schema(columns)}) if columns else spec

    def _upstream(self, manifest: Mapping[str, Any], graph: ModelGraph) -> dict[str, UpstreamAsset]:
        found: dict[str, UpstreamAsset] = {}
        for parent in sorted({p for parents in graph.parents.values() for p in parents}):
            node = get_node(manifest, parent)
            is_source = node["resource_type"] == "source"
            gated = (node.get("meta") or {}).get("platform_gate", True)
            key = self.get_asset_spec(manifest, parent, self.dbt_project).key
            found[parent] = UpstreamAsset(key, keeps_last_good=is_source, gated=bool(gated), table=table_of_node(node))
        return found

    @property
    def defs_state_config(self) -> DefsStateConfig:
        """No state is kept: the manifest lies in the project's own target folder. The key tells components apart."""
        inherited = super().defs_state_config
        return DefsStateConfig(
            key=f"{inherited.key}[{self.select}|{self.exclude}|{self.selector}]",
            management_type=inherited.management_type,
            refresh_if_dev=inherited.refresh_if_dev,
        )

    @cached_property
    def _files(self) -> DbtProjectFiles:
        project = self.dbt_project
        return DbtProjectFiles(
            project_dir=project.project_dir.resolve(),
            profiles_dir=(project.profiles_dir or project.project_dir).resolve(),
            target=project.target,
        )

    def _refuse_unused(self) -> None:
        plain = {name: f for name, f in DbtProjectComponent.__dataclass_fields__.items() if name in UNUSED}
        for name, plain_field in plain.items():
            factory = plain_field.default_factory
            default = factory() if callable(factory) else plain_field.default
            if getattr(self, name) != default:
                raise ValueError(
                    f"`{name}` has no effect in platform_assets.DbtModels, which calls dbt itself: "
                    "remove it, or use dagster_dbt.DbtProjectComponent"
                )


def _environment() -> dict[str, str]:
    """The variables that a run of this environment gives to dbt, so that its parse is the one that is made here."""
    try:
        return dict(open_warehouse(current_environment().warehouse).tool_variables())
    except InvalidEnvironment:
        return {}  # of a project whose resources take their paths from elsewhere; its runs make a parse of their own


def _op_name(context: dg.ComponentLoadContext) -> str:
    words = ["dbt", *context.path.relative_to(context.defs_module_path).parts]
    number = context.component_path.instance_key
    if number:  # one of several in one defs.yaml
        words.append(str(number))
    return re.sub(r"\W", "_", "__".join(words))


def _never_blocking(spec: dg.AssetCheckSpec) -> dg.AssetCheckSpec:
    # a blocking check would stop the whole range; the verdict on each partition does the blocking
    return dg.AssetCheckSpec(
        name=spec.name,
        asset=spec.asset_key,
        description=spec.description,
        additional_deps=spec.additional_deps,
        metadata=spec.metadata,
    )


def _further_specs(graph: ModelGraph, keys: Mapping[str, dg.AssetKey]) -> list[dg.AssetCheckSpec]:
    # dagster-dbt makes no checks of unit tests, and none of tests on sources unless it owns the sources' assets
    return [
        dg.AssetCheckSpec(
            name=test.name,
            asset=keys[test.models[0]],
            description=test.description or ("dbt unit test" if test.is_unit_test else "dbt test on a source"),
            metadata={UNIQUE_ID: test.unique_id},
        )
        for test in graph.tests
        if test.is_unit_test or test.on_sources
    ]


def _selectors(manifest: Mapping[str, Any], graph: ModelGraph) -> dict[str, str]:
    # a model's fqn is also the beginning of those in a folder of its name: the file tells them apart
    found = {
        model: f"{_fqn(node)},file:{Path(node['original_file_path']).name}"
        for model in graph.order
        for node in [manifest["nodes"][model]]
    }
    for test in graph.tests:
        node = manifest["unit_tests" if test.is_unit_test else "nodes"][test.unique_id]
        # a test's fqn may be that of a folder of models, which `dbt build` would build
        found[test.unique_id] = f"{_fqn(node)},resource_type:{'unit_test' if test.is_unit_test else 'test'}"
    return found


def _fqn(node: Mapping[str, Any]) -> str:
    return "fqn:" + ".".join(node["fqn"])


def _about(manifest: Mapping[str, Any], keys: Mapping[str, dg.AssetKey]) -> ModelTables:
    nodes = {unique_id: get_node(manifest, unique_id) for unique_id in keys}
    return ModelTables(
        dialect=manifest["metadata"]["adapter_type"],
        tables={unique_id: table_of_node(node) for unique_id, node in nodes.items()},
        keys=keys,
        descriptions={
            unique_id: {column["name"]: column.get("description") or "" for column in node["columns"].values()}
            for unique_id, node in nodes.items()
        },
    )
