"""`DbtModels`: dbt models as assets that are built and tested by partition.

The words of defs.yaml, and the specs made from the manifest. How a step runs is in ``assets.dbt``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, Any

import dagster as dg
from dagster.components import DefsStateConfig
from dagster.components.resolved.model import Resolver
from dagster_dbt import DagsterDbtTranslator, DbtProject, DbtProjectComponent
from dagster_dbt.asset_utils import build_dbt_specs, get_node

from platform_assets.automation.alerting.expected import expected_metadata
from platform_assets.automation.conditions import code_changed, upstream_published
from platform_assets.components.asset_specs import (
    DEFAULT_OWNER,
    TimeLimit,
    column_schema,
    freshness_policy,
    has_end,
    latency_of,
    time_limit_tags,
)
from platform_assets.components.assets.dbt import dbt_asset
from platform_assets.components.assets.dbt_step import DbtStep
from platform_assets.components.assets.upstream import UpstreamAsset
from platform_assets.components.dbt_check_specs import further_specs, never_blocking
from platform_assets.components.dbt_keys import KeysOfSources, refuse_shared_tables
from platform_assets.components.dbt_readers import reader_specs
from platform_assets.components.reporting.dbt_metadata import ModelTables
from platform_assets.components.reporting.ledger_verdict import ledger_verdict
from platform_assets.components.scaffold import DbtModelsScaffolder
from platform_assets.contracts.model import Freshness
from platform_assets.dbt.graph import ModelGraph, model_graph, table_of_node
from platform_assets.dbt.macro_files import missing_macros
from platform_assets.dbt.project import DbtProjectFiles
from platform_assets.dbt.seeds import seed_version
from platform_assets.dbt.selectors import selectors
from platform_assets.dbt.stored_failures import refused_stores
from platform_assets.dbt.supported import unsupported
from platform_assets.environment import InvalidEnvironment, current_environment
from platform_assets.feeds.other_locations import UNIQUE_ID
from platform_assets.feeds.partitions import Partitions
from platform_assets.warehouse.locations import open_warehouse

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
    time_limit: TimeLimit = None

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The nodes as assets, with their tests and verdicts as checks, and what reads them and has no table.

        Models with partitions are built by one step, what has none by another one.
        """
        self._refuse_unused()
        # a mistake is reported before anything is parsed
        latency_of(self.latency_hours, context.path)
        time_limit_tags(self.time_limit, context.path)
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
        refuse_shared_tables(context, manifest, selected)
        checks = [never_blocking(spec) for spec in check_specs]
        name = _op_name(context)
        by_partition = [spec for spec in specs if spec.partitions_def is not None]
        whole = [spec for spec in specs if spec.partitions_def is None]
        # Dagster wants the partitions of one step to be the same, and seeds and snapshots have none
        parts = [(name, by_partition), (f"{name}__whole" if by_partition else name, whole)]
        here = context.path / "defs.yaml"
        steps = [
            self._step(manifest, parsed.identity, named, part, checks, context.defs_module_path, here)
            for named, part in parts
            if part
        ]
        verdicts = [ledger_verdict(spec.key, spec.partitions_def, keeps_last_good=False) for spec in specs]
        readers = reader_specs(manifest, selected, partial(self._key, manifest), self.group)
        return dg.Definitions(assets=[*steps, *readers], asset_checks=verdicts)

    def _step(
        self,
        manifest: Mapping[str, Any],
        parsed_as: str,
        name: str,
        specs: Sequence[dg.AssetSpec],
        checks: Sequence[dg.AssetCheckSpec],
        contracts: Path,
        here: Path,
    ) -> dg.AssetsDefinition:
        """The nodes of ``specs``, whose partitions are the same, with those of the ``checks`` that are theirs."""
        asset_keys = {spec.metadata[UNIQUE_ID]: spec.key for spec in specs}
        graph = model_graph(manifest, asset_keys)
        own = {spec.key for spec in specs}
        checks = [spec for spec in checks if spec.asset_key in own]
        checks += further_specs(graph, asset_keys, {(spec.metadata[UNIQUE_ID], spec.asset_key) for spec in checks})
        check_keys: dict[str, list[dg.AssetCheckKey]] = {}
        for spec in checks:
            check_keys.setdefault(spec.metadata[UNIQUE_ID], []).append(spec.key)
        upstream = self._upstream(manifest, graph)
        step = DbtStep(
            files=self._files,
            graph=graph,
            asset_keys=asset_keys,
            check_keys=check_keys,
            selectors=selectors(manifest, graph),
            about=_about(manifest, {**{parent: u.key for parent, u in upstream.items()}, **asset_keys}),
            upstream=upstream,
            partitions=specs[0].partitions_def,
            parsed_as=parsed_as,
            beside_others=self.partitions is not None and specs[0].partitions_def is None,
            contracts=contracts,
        )
        tests = [test.unique_id for test in graph.tests if test.stores_failures]
        if problems := [*refused_stores(manifest, tests, step.personal_columns)]:
            raise ValueError("\n".join(f"{here}: {problem}" for problem in problems))
        return dbt_asset(step, name=name, specs=specs, check_specs=checks)

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """The spec that dagster-dbt makes of a node, with partitions, owners, freshness and columns of ours."""
        # asked for once for each node that reads it, and for each of its tests
        known = self._specs.get((id(manifest), unique_id))
        if known is None:
            known = self._specs[id(manifest), unique_id] = self._spec(manifest, unique_id, project)
        return known

    @cached_property
    def _specs(self) -> dict[tuple[int, str], dg.AssetSpec]:
        return {}

    def _spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = get_node(manifest, unique_id)
        if node["resource_type"] == "source":
            return spec
        columns = [(c["name"], c.get("data_type") or "", c.get("description") or "") for c in node["columns"].values()]
        freshness = Freshness(latency=latency_of(self.latency_hours))
        is_seed = node["resource_type"] == "seed"
        partitions = self.partitions if node["resource_type"] == "model" else None
        # a seed is as new as its file, however long ago that was changed
        policy = None if is_seed else freshness_policy(freshness, partitions=partitions, ends=has_end(partitions))
        spec = spec.replace_attributes(
            partitions_def=partitions,
            description=node.get("description") or spec.description,
            group_name=self.group or spec.group_name,
            owners=list(spec.owners) or self.owners,
            tags={**time_limit_tags(self.time_limit, Path()), **spec.tags},
            automation_condition=spec.automation_condition or (code_changed() if is_seed else upstream_published()),
            freshness_policy=policy,
            code_version=seed_version(self._files.project_dir, node) if is_seed else spec.code_version,
        )
        known = {"dagster/column_schema": column_schema(columns)} if columns else {}
        return spec.merge_attributes(metadata={**known, **expected_metadata(freshness)})

    def _upstream(self, manifest: Mapping[str, Any], graph: ModelGraph) -> dict[str, UpstreamAsset]:
        found: dict[str, UpstreamAsset] = {}
        for parent in sorted({p for parents in graph.parents.values() for p in parents}):
            node = get_node(manifest, parent)
            is_source = node["resource_type"] == "source"
            gated = (node.get("meta") or {}).get("platform_gate", True)
            key = self._key(manifest, parent)
            found[parent] = UpstreamAsset(key, keeps_last_good=is_source, gated=bool(gated), table=table_of_node(node))
        return found

    def _key(self, manifest: Mapping[str, Any], unique_id: str) -> dg.AssetKey:
        return self.translator.get_asset_spec(manifest, unique_id, self.dbt_project).key

    @cached_property
    def translator(self) -> DagsterDbtTranslator:
        """Makes the specs; ``key_prefix`` of the translation is one of nodes that dbt builds."""
        return KeysOfSources(self, self.translation_settings)

    @property
    def defs_state_config(self) -> DefsStateConfig:
        """No state is kept: the manifest lies in the project's own target folder. The key tells components apart."""
        inherited = super().defs_state_config
        return DefsStateConfig(
            key=f"{inherited.key}[{self._files.project_dir}|{self.select}|{self.exclude}|{self.selector}]",
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
