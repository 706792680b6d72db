"""The sensor that evaluates automation conditions over what other code locations publish, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from platform_assets._compat import AssetGraph, evaluate_conditions
from platform_assets.feeds.other_locations import OtherLocations


class ConditionSensor(dg.AutomationConditionSensorDefinition):
    """Dagster's own sees its code location alone where the code server evaluates it, as this one is.

    Of an asset of another code location it would know neither the partitions nor what is upstream.
    """

    def __init__(self, name: str, **given: Any) -> None:
        super().__init__(name, use_user_code_server=True, **given)
        self._given = given
        self._locations: OtherLocations | None = None
        self._evaluation_fn = self._evaluate

    def with_attributes(self, *, metadata: Mapping[str, Any] | None = None, **_: Any) -> ConditionSensor:
        """A copy with other metadata, which Dagster makes of what a component has."""
        return ConditionSensor(self.name, **{**self._given, "metadata": metadata or self._given.get("metadata")})

    def _evaluate(self, context: dg.SensorEvaluationContext) -> list[dg.SensorResult]:
        """One evaluation; the first one lets other code locations know the assets of this one."""
        return evaluate_conditions(self, context, self._graph(context))

    def _graph(self, context: dg.SensorEvaluationContext) -> AssetGraph:
        repository = context.repository_def
        assert repository is not None, "a code server has one"
        if self._locations is None:
            self._locations = OtherLocations(repository.asset_graph)
        self._locations.announce(context.instance)
        return self._locations.graph(context.instance)
