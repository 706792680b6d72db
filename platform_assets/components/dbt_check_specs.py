"""The specs of the checks that tests of dbt are: those that dagster-dbt makes, and those that it does not."""

from collections.abc import Mapping, Set

import dagster as dg

from platform_assets.dbt.graph import ModelGraph, TestNode
from platform_assets.feeds.other_locations import UNIQUE_ID


def never_blocking(spec: dg.AssetCheckSpec) -> dg.AssetCheckSpec:
    # a blocking check would stop the whole range; the verdict on each partition does the blocking
    return dg.AssetCheckSpec(
        name=spec.name,
        asset=spec.asset_key,
        description=spec.description,
        additional_deps=spec.additional_deps,
        metadata=spec.metadata,
    )


def further_specs(
    graph: ModelGraph, keys: Mapping[str, dg.AssetKey], known: Set[tuple[str, dg.AssetKey]]
) -> list[dg.AssetCheckSpec]:
    """The checks that dagster-dbt does not make: those of unit tests, and of tests on sources and ephemeral models.

    A test of several models is a check of each; it is ``known`` on the one that dagster-dbt has chosen.
    """
    return [
        dg.AssetCheckSpec(
            name=test.name,
            asset=keys[model],
            description=test.description or _about_test(test),
            metadata={UNIQUE_ID: test.unique_id},
        )
        for test in graph.tests
        for model in (test.models[:1] if test.on_sources else test.models)
        if (test.unique_id, keys[model]) not in known
    ]


def _about_test(test: TestNode) -> str:
    if test.is_unit_test:
        return "dbt unit test"
    return "dbt test on a source" if test.on_sources else "dbt test of this model and others"
