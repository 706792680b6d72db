"""The automation condition that holds back what is held, and what needs an asset that is held."""

from __future__ import annotations

import time
from typing import Any

import dagster as dg

from platform_assets.holds.holds import held


class NotHeld(dg.AutomationCondition[Any]):
    """True while neither the asset nor anything above it is held.

    Beneath it, what was asked for during a hold stays asked for, and is requested once the hold is over.
    """

    @property
    def name(self) -> str:
        """As the UI shows it."""
        return "not_held"

    def evaluate(self, context: dg.AutomationContext[Any]) -> dg.AutomationResult[Any]:
        """All candidates, or none of them."""
        view = context.asset_graph_view
        found = held(view.instance, time.time()).holds
        if found:
            key, graph = context.root_context.key, view.asset_graph
            needed = {key} | graph.get_ancestor_asset_keys(key) if isinstance(key, dg.AssetKey) else {key}
            if any(each.to_user_string() in found for each in needed):
                return dg.AutomationResult(context, true_subset=context.get_empty_subset())
        return dg.AutomationResult(context, true_subset=context.candidate_subset)
