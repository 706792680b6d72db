"""`platform-assets doctor` warns of names in alerts.yaml and retries.yaml that fit no asset."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_assets.alerts.lineage import Lineage
from platform_assets.alerts.routing.alerts_file import read_alerts
from platform_assets.alerts.signals import About
from platform_assets.doctor.findings import State
from platform_assets.doctor.patterns import look_at_retries, look_at_routes
from tests.cli.test_doctor import Shop
from tests.support.shop import write_shop

ROUTES = """\
routes:
  - when: {owner: [team:sales, team:nobody], tags: {domain: sales, urgent: "yes"}}
    to: [console]
"""
RETRIES = "assets: {raw/*: {breaker: {failures: 2}}, rw/*: {}}\nlimits: {assets: {raw/orders: 1h, raw/order: 1h}}\n"


def test_owners_and_tags_of_no_asset(tmp_path: Path) -> None:
    (tmp_path / "alerts.yaml").write_text(ROUTES)
    lineage = Lineage({"raw/orders": ()}, {"raw/orders": About(("team:sales",), {"domain": "sales"})})
    found = list(look_at_routes(read_alerts(tmp_path / "alerts.yaml", resolve=lambda of: [of]), lineage))
    assert [finding.state for finding in found] == [State.WARNING, State.WARNING]
    assert "routes[0].when.owner: 'team:nobody' owns no asset" in found[0].said
    assert "routes[0].when.tags: no asset has urgent: yes" in found[1].said


def test_patterns_of_no_asset(tmp_path: Path) -> None:
    (tmp_path / "retries.yaml").write_text(RETRIES)
    found = [each.said for each in look_at_retries(tmp_path / "retries.yaml", ["raw/orders"])]
    assert found[0].startswith("retries.yaml: assets: 'rw/*' fits no asset")
    assert found[1].startswith("retries.yaml: limits.assets: 'raw/order' fits no asset; did you mean 'raw/orders'?")
    assert found[2] == "4 patterns in retries.yaml"


@pytest.mark.slow
def test_the_command_warns_of_both(tmp_path: Path) -> None:
    write_shop(tmp_path)
    shop = Shop(tmp_path)
    shop.defs("alerts.yaml", "routes:\n  - {when: {owner: team:shp}, to: [console]}\n")
    shop.defs("retries.yaml", "assets: {raw/order: {breaker: {failures: 2}}}\n")
    code, found, printed = shop.diagnosed("alerts", "retries")
    assert code == 0, printed
    assert [(line["area"], line["state"]) for line in found] == [("alerts", "warning"), ("retries", "warning")]
    assert "did you mean 'team:shop'?" in found[0]["said"]
    assert "'raw/order' fits no asset" in found[1]["said"]
