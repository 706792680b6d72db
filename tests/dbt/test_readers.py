"""Exposures, semantic models and metrics are assets that nothing materializes, downstream of their models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import pytest

from tests.support.projects import opened
from tests.support.shop import MODELS, write_shop

EXPOSURES = """\
exposures:
  - name: weekly_sales
    label: Sales by week
    type: dashboard
    maturity: high
    url: https://dashboards.example.org/weekly
    description: What the sales team looks at.
    depends_on: ["ref('totals')", "ref('cleaned')", "source('raw', 'customers')"]
    owner: {name: Sales, email: sales@example.org}
  - {name: of_a_source, type: notebook, depends_on: ["source('raw', 'orders')"], owner: {name: Somebody}}
"""
METRICS = """\
models:
  - name: days
    time_spine: {standard_granularity_column: day}
    columns: [{name: day, granularity: day}]
semantic_models:
  - name: orders
    model: ref('cleaned')
    defaults: {agg_time_dimension: ordered_on}
    entities: [{name: order, type: primary, expr: id}]
    dimensions: [{name: ordered_on, type: time, expr: _partition, type_params: {time_granularity: day}}]
    measures: [{name: amount, agg: sum}]
metrics:
  - {name: revenue, label: Revenue, type: simple, description: Paid or not., type_params: {measure: amount}}
  - {name: double, label: Double, type: derived, type_params: {expr: revenue * 2, metrics: [revenue]}}
"""
FILES = {
    "models/exposures.yml": EXPOSURES,
    "models/metrics.yml": METRICS,
    "models/days.sql": "{{ config(materialized='view') }} select date '2024-01-01' as day",
}


def specs(root: Path, definitions: Mapping[str, str]) -> dict[str, dg.AssetSpec]:
    write_shop(root, dbt=FILES)
    for path, text in definitions.items():
        (root / "somebody/defs" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "somebody/defs" / path).write_text(text)
    with opened(root) as project:
        graph = project.definitions.resolve_asset_graph()
        return {
            key.to_user_string(): graph.get(key).to_asset_spec()
            for key in graph.get_all_asset_keys()
            if key.path[0] in ("exposures", "semantic_models", "metrics")
        }


def test_they_say_who_owns_them_and_where_they_are(tmp_path: Path) -> None:
    found = specs(tmp_path / "shop", {"models/defs.yaml": MODELS + "  exclude: days\n"})
    assert sorted(found) == [
        "exposures/weekly_sales",
        "metrics/double",
        "metrics/revenue",
        "semantic_models/orders",
    ]
    orders = found["semantic_models/orders"]
    assert [dep.asset_key.to_user_string() for dep in orders.deps] == ["cleaned"]
    assert orders.kinds == {"dbt", "semantic_model"}
    assert {name: orders.metadata[name] for name in ("entities", "dimensions", "measures")} == {
        "entities": "order",
        "dimensions": "ordered_on",
        "measures": "amount",
    }
    weekly = found["exposures/weekly_sales"]
    assert {dep.asset_key.to_user_string() for dep in weekly.deps} == {"cleaned", "totals"}
    assert weekly.metadata["url"] == dg.MetadataValue.url("https://dashboards.example.org/weekly")
    assert weekly.owners == ["sales@example.org"]
    assert weekly.kinds == {"dbt", "dashboard"}
    assert weekly.description == "Sales by week\n\nWhat the sales team looks at.\n\nOwner: Sales"
    assert [dep.asset_key.to_user_string() for dep in found["metrics/double"].deps] == ["cleaned"]


@pytest.mark.slow
def test_two_components_of_a_project_define_each_once(tmp_path: Path) -> None:
    found = specs(
        tmp_path / "shop",
        {
            "models/defs.yaml": MODELS + "  select: cleaned\n",
            "others/defs.yaml": MODELS + "  select: totals apart\n",
        },
    )
    assert {name: len([*spec.deps]) for name, spec in found.items()} == {
        "exposures/weekly_sales": 2,
        "metrics/double": 1,
        "metrics/revenue": 1,
        "semantic_models/orders": 1,
    }
