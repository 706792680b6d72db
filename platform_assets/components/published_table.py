"""`PublishedTable`: a mart in the schema that people read, swapped in partition by partition after its checks."""

from dataclasses import dataclass, field
from typing import Annotated

import dagster as dg
from dagster.components.resolved.core_models import ResolvedAssetKey
from dagster.components.resolved.model import Resolver

from platform_assets.automation.alerting.expected import expected_metadata
from platform_assets.automation.conditions import upstream_published
from platform_assets.components.asset_specs import (
    DEFAULT_OWNER,
    TimeLimit,
    freshness_policy,
    has_end,
    latency_of,
    time_limit_tags,
)
from platform_assets.components.assets.published import published_asset
from platform_assets.components.reporting.ledger_verdict import ledger_verdict
from platform_assets.components.scaffold import PublishedTableScaffolder
from platform_assets.contracts.model import Freshness
from platform_assets.feeds.partitions import Partitions

SCHEMA = "published"


@dg.scaffold_with(PublishedTableScaffolder)
@dataclass
class PublishedTable(dg.Component, dg.Resolvable):
    """A table of the schema `published`, copied from a mart once the mart's tests have passed.

    A partition is swapped in in one transaction with its ledger line; one that is rejected leaves the last good
    version in place. What is copied must be what was tested: rows that changed since are refused.
    """

    source: Annotated[
        ResolvedAssetKey,
        Resolver.default(model_field_type=str, description="Asset key of the mart.", examples=["marts/orders"]),
    ]
    partitions: Partitions = None
    name: Annotated[
        str | None, Resolver.default(description="Name of the published table; the mart's if left out.")
    ] = None
    description: Annotated[str | None, Resolver.default(description="What the table is for.")] = None
    owners: Annotated[
        list[str], Resolver.default(description="Owners of the table.", examples=[["team:analytics"]])
    ] = field(default_factory=lambda: [DEFAULT_OWNER])
    group: Annotated[str | None, Resolver.default(description="Asset group.", examples=["sales"])] = None
    latency_hours: Annotated[
        float | None,
        Resolver.default(description="How late the newest partition may be before the table is stale.", examples=[6]),
    ] = None
    time_limit: TimeLimit = None

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The asset `published/<name>` and its verdict check."""
        name = self.name or self.source.path[-1]
        key = dg.AssetKey([SCHEMA, name])
        freshness = Freshness(latency=latency_of(self.latency_hours, context.path))
        spec = dg.AssetSpec(
            key,
            deps=[self.source],
            description=self.description or f"What people read of {self.source.to_user_string()}, after its checks.",
            group_name=self.group,
            owners=self.owners,
            tags=time_limit_tags(self.time_limit, context.path),
            kinds={"duckdb", "table"},
            metadata={"dagster/table_name": ".".join(key.path), **expected_metadata(freshness)},
            partitions_def=self.partitions,
            automation_condition=upstream_published(),
            freshness_policy=freshness_policy(freshness, partitions=self.partitions, ends=has_end(self.partitions)),
        )
        verdict = ledger_verdict(key, self.partitions, keeps_last_good=True)
        return dg.Definitions(assets=[published_asset(spec, source=self.source)], asset_checks=[verdict])
