"""Every rule of a contract is a check of Dagster's, whatever it is called."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from platform_assets.components.reporting.gate_checks import check_names
from platform_assets.contracts.model import BatchRule, Bounds, Metric
from tests.support.projects import opened, write_project
from tests.support.shop import CONTRACT, DAYS, FEED, ORDER_COLUMNS, PARTITIONS

QUALITY = """\
    quality:
      - {type: library, metric: nullValues, arguments: {properties: [status]}, unit: percent, mustBeLessThan: 50}
      - {type: library, name: "1 Kunde, höchstens", metric: rowCount, mustBeLessThan: 2}
"""


def test_names_that_dagster_does_not_allow_are_made_over_and_kept_apart() -> None:
    names = ["row_count", "a:b", "a b", "a_b", "verdict", "ÄÖ"]
    rules = [BatchRule(name, Metric.ROW_COUNT, Bounds(0, 1)) for name in names]
    made = ["row_count", "a_b", "a_b_2", "a_b_3", "verdict_2", "rule"]
    assert list(check_names(rules).values()) == made


def test_a_rule_without_a_name_of_its_own_is_judged_and_reported(tmp_path: Path) -> None:
    files = {
        "orders/defs.yaml": FEED.format(files="orders/%Y-%m-%d.csv") + f"  partitions: {PARTITIONS}\n",
        "orders/contract.yaml": CONTRACT.format(name="orders", columns=ORDER_COLUMNS) + QUALITY,
    }
    write_project(tmp_path, files)
    (tmp_path / "data" / "landing" / "orders").mkdir(parents=True)
    path = tmp_path / "data" / "landing" / "orders" / f"{DAYS[0]}.csv"
    path.write_text("id,customer,status,amount\n1,ann,,1\n")
    with opened(tmp_path) as project:
        run = project.run("key:lake/orders or key:raw/orders", DAYS[0])
        found = {
            e.check_name: e.passed
            for e in run.get_asset_check_evaluations()
            if e.asset_key == dg.AssetKey(["raw", "orders"])
        }
        rejected = project.rows("SELECT check_name FROM platform.ledger")
    assert found == {"null_values_status": False, "1_Kunde_h_chstens": True}
    assert rejected == [("null_values:status",)]
